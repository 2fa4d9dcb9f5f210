/* SPDX-License-Identifier: Apache-2.0
 *
 * What both sides share: names, texts, expiry.
 */
#include "ntlm_world.h"

static void full_names(void)
{
    char *name = ntlm_full_name("DOM", "alice");
    CU_ASSERT_STRING_EQUAL(name, "DOM\\alice");
    sspi_free(name);
    name = ntlm_full_name("", "alice@example.org");
    CU_ASSERT_STRING_EQUAL(name, "alice@example.org");
    sspi_free(name);
}

static void texts(void)
{
    char *text = NULL;
    ASSERT_STATUS(ntlm_text((struct sspi_view){NULL, 0}, NTLM_UNICODE, &text), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(text, "");
    sspi_free(text);
    ASSERT_STATUS(ntlm_text(hex("6100e400"), NTLM_UNICODE, &text), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(text, "a\xc3\xa4");
    sspi_free(text);
    text = NULL;
    ASSERT_STATUS(ntlm_text(hex("610062"), NTLM_UNICODE, &text), SEC_E_INVALID_TOKEN); /* odd */
    ASSERT_STATUS(ntlm_text(hex("00d8"), NTLM_UNICODE, &text),
                  SEC_E_INVALID_TOKEN); /* half a character */
    ASSERT_STATUS(ntlm_text(hex("61000000"), NTLM_UNICODE, &text),
                  SEC_E_INVALID_TOKEN); /* a zero inside */
    CU_ASSERT_PTR_NULL(text);
}

/* attrfact.lifespan: one hour to ten days ahead, in local time. */
static void expiry(void)
{
    const uint64_t hour = 36000000000ULL;
    world_start(WORLD_ACCOUNTS, NULL);
    void *credential = world_acquire(SECPKG_CRED_OUTBOUND, NULL);
    libsspi_test_clock(132000000000000000ULL);
    struct ntlm_context *context = ntlm_context_new(credential, true);
    struct sspi_leg leg = {0};
    ntlm_leg_done(context, &leg);
    uint64_t now = sspi_filetime_to_local(132000000000000000ULL);
    CU_ASSERT_TRUE(leg.has_expiry);
    CU_ASSERT_TRUE((uint64_t)leg.expiry.QuadPart > now + hour);
    CU_ASSERT_TRUE((uint64_t)leg.expiry.QuadPart < now + 240 * hour);
    libsspi_test_clock(0);
    /* the context keeps the credential alive */
    NTLM->free_credential(credential);
    CU_ASSERT_EQUAL(context->credential->outbound, true);
    ntlm_context_free(context);
    ntlm_context_free(NULL);
}

SSPI_TESTS({"names", full_names}, {"texts", texts}, {"expiry", expiry})
