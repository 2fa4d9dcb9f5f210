/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer: libsspi.conf, read from a file in memory.
 */
#include "config.h"

#include "error.h"
#include "fuzz.h"
#include "text.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    struct sspi_config config;
    if (file < 0) {
        file = fuzz_file();
        fuzz_name_config(file);
    }
    fuzz_file_write(file, data, size);
    sspi_error_clear();
    SECURITY_STATUS status = sspi_config_read(&config);
    MUST(status == SEC_E_OK || status == SEC_E_INTERNAL_ERROR);
    MUST((status == SEC_E_OK) == !*libsspi_last_error());
    if (status == SEC_E_OK) {
        MUST(config.ntlm_netbios_name && *config.ntlm_netbios_name);
        MUST(config.ntlm_netbios_domain && *config.ntlm_netbios_domain);
        MUST(config.ntlm_dns_name && sspi_utf8_valid(config.ntlm_dns_name));
        MUST(config.ntlm_dns_domain && config.ntlm_dns_tree);
    }
    sspi_config_free(&config);
    return 0;
}
