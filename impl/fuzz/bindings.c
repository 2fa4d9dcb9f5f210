/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer: SEC_CHANNEL_BINDINGS, as a caller hands them in.
 */
#include "bindings.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zero[16];
    struct sspi_view structure = {data, size};
    struct sspi_bindings read = {.empty = true}, again = {.empty = true};
    SECURITY_STATUS status = sspi_bindings_read(structure, &read);
    MUST(status == SEC_E_OK || status == SEC_E_INVALID_TOKEN);
    if (status != SEC_E_OK)
        return 0;
    MUST(size >= 32);
    MUST(sspi_bindings_read(structure, &again) == SEC_E_OK);
    MUST(read.empty == again.empty && memcmp(read.hash, again.hash, sizeof read.hash) == 0);
    MUST(read.empty == (memcmp(read.hash, zero, sizeof zero) == 0));
    MUST(read.empty || sspi_bindings_check(SSPI_CLIENT_BOUND, read.hash, &again, 0) == SEC_E_OK);
    return 0;
}
