/* SPDX-License-Identifier: Apache-2.0
 *
 * The CHALLENGE for a client that knows no Unicode.
 */
#include "ntlm_world.h"

#include "ntlm/av.h"

/* Only the names of the messages themselves are OEM: curl and Samba are such clients. */
static void challenge_of_an_oem_client(void)
{
    struct world world = {WORLD_ALICE};
    struct sspi_leg negotiate = {.max_output = SIZE_MAX}, leg = {.max_output = SIZE_MAX};
    struct ntlm_challenge challenge;
    struct ntlm_av av;
    world_start(WORLD_ACCOUNTS, "EXAMPLE\nversion = 6.1.7601");
    world.server_cred = world_acquire(SECPKG_CRED_INBOUND, NULL);
    ntlm_build_negotiate(0x00088206, &negotiate.output);
    leg.token = sspi_blob_view(&negotiate.output);
    libsspi_test_clock(0x01d0000000000000);
    ASSERT_STATUS(NTLM->accept(world.server_cred, &world.server, &leg), SEC_I_CONTINUE_NEEDED);
    libsspi_test_clock(0);
    ASSERT_STATUS(ntlm_read_challenge(sspi_blob_view(&leg.output), &challenge), SEC_E_OK);
    CU_ASSERT_EQUAL(challenge.flags & (NTLM_UNICODE | NTLM_OEM | NTLM_TARGET_INFO),
                    NTLM_OEM | NTLM_TARGET_INFO);
    CU_ASSERT_EQUAL(challenge.target_name.size, 7);
    CU_ASSERT_EQUAL(memcmp(challenge.target_name.data, "EXAMPLE", 7), 0);
    ASSERT_BYTES(leg.output.data + 48, "0601b11d0000000f");
    CU_ASSERT_TRUE(ntlm_av_read(challenge.target_info, &av));
    CU_ASSERT_EQUAL(av.timestamp, 0x01d0000000000000ULL);
    CU_ASSERT_TRUE(av.present[NTLM_AV_NB_DOMAIN]);
    sspi_blob_free(&leg.output);
    sspi_blob_free(&negotiate.output);
    world_part(&world);
}

SSPI_TESTS({"OEM client", challenge_of_an_oem_client})
