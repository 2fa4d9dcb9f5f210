/* SPDX-License-Identifier: Apache-2.0
 *
 * Single_Host_Data: its fixed parts, and that the machine stays the same machine.
 */
#include "ntlm_world.h"

#include "ntlm/host.h"

static void layout(void)
{
    uint8_t one[NTLM_SINGLE_HOST_SIZE], two[NTLM_SINGLE_HOST_SIZE];
    memset(one, 0xee, sizeof one);
    ntlm_single_host(one);
    ASSERT_BYTES(one, "30000000"
                      "00000000"
                      "00000000"
                      "00300000");
    ntlm_single_host(two);
    CU_ASSERT_EQUAL(memcmp(one, two, sizeof one), 0);
    /* two halves that differ: 32 bytes, not 16 twice */
    if (access("/proc/sys/kernel/random/boot_id", R_OK) == 0)
        CU_ASSERT_NOT_EQUAL(memcmp(one + 16, one + 32, 16), 0);
}

SSPI_TESTS({"layout", layout})
