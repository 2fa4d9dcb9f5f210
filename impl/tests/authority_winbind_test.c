/* SPDX-License-Identifier: Apache-2.0
 *
 * The domain's authority where there is no domain: an unknown user in a domain that does not
 * exist gets no for an answer, or none at all, and no key either way. That a real winbindd says
 * yes is tested with one, by the conformance suite.
 */
#include "ntlm_world.h"

#include "authority/status.h"

static void nobody_says_yes(void)
{
    static const uint8_t challenge[8], zero[16];
    uint8_t response[64] = {0};
    struct sspi_config config = {.ntlm_authority = SSPI_AUTHORITY_WINBIND};
    struct sspi_logon logon = {.user = "nobody-at-all",
                               .domain = "LIBSSPI-TEST",
                               .workstation = "W",
                               .challenge = challenge,
                               .nt = {response, sizeof response}};
    for (unsigned i = 0; i < 3; i++) {
        uint32_t nt = sspi_authority_verify(&config, &logon);
        CU_ASSERT_NOT_EQUAL(nt, SSPI_NT_OK);
        CU_ASSERT_NOT_EQUAL(sspi_authority_status(nt), SEC_E_OK);
        CU_ASSERT_PTR_NULL(logon.account);
        CU_ASSERT_EQUAL(memcmp(logon.session_base_key, zero, 16), 0);
    }
}

SSPI_TESTS({"nobody says yes", nobody_says_yes})
