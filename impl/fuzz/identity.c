/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer: SEC_WINNT_AUTH_IDENTITY_EX2, whose lengths are true and whose parts lie anywhere.
 */
#include <sspi.h>
#include <stdlib.h>

#include "fuzz.h"
#include "identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SEC_WINNT_AUTH_IDENTITY_EX2 head;
    struct sspi_identity read, again;
    if (size < sizeof head)
        return 0;
    memcpy(&head, data, sizeof head);
    head.Version = SEC_WINNT_AUTH_IDENTITY_VERSION_2;
    head.cbStructureLength = (ULONG)size;
    uint8_t *structure = malloc(size);
    memcpy(structure, data, size);
    memcpy(structure, &head, sizeof head);
    SECURITY_STATUS status = sspi_identity_read(structure, &read);
    MUST(status == SEC_E_OK || status == SEC_E_UNKNOWN_CREDENTIALS);
    MUST(!read.password || !read.keytab.size);
    MUST(sspi_identity_read(structure, &again) == status);
    MUST(status != SEC_E_OK || (!read.user) == (!again.user));
    sspi_identity_free(&read);
    sspi_identity_free(&again);
    free(structure);
    return 0;
}
