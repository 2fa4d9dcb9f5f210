/* SPDX-License-Identifier: Apache-2.0
 *
 * LM and NTLMv1 against the examples of MS-NLMP 4.2.2 and 4.2.3.
 */
#include "ntlm/keys_v1.h"

#include "ntlm_world.h"

#define SERVER_CHALLENGE "0123456789abcdef"
#define CLIENT_CHALLENGE "aaaaaaaaaaaaaaaa"
#define LM_HASH "e52cac67419a9a224a3b108f3fa6cb6d"
#define NT_HASH "a4f49c406510bdcab6824ee7c30fd852"
#define BASE_KEY "d87262b0cde4b1cb7499becccdf10784"
#define LM_RESPONSE "98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13"
#define NT_RESPONSE "67c43011f30298a2ad35ece64f16331c44bdbed927841f94"
#define ESS_LM_RESPONSE CLIENT_CHALLENGE "00000000000000000000000000000000"
#define ESS_NT_RESPONSE "7537f803ae367128ca458204bde7caf81e97ed2683267232"

static void lm_hash(void)
{
    uint8_t out[16];
    CU_ASSERT_TRUE(ntlm_lm_hash("Password", out));
    ASSERT_BYTES(out, LM_HASH); /* 4.2.2.1.1 */
    CU_ASSERT_TRUE(ntlm_lm_hash("pAssWORD", out));
    ASSERT_BYTES(out, LM_HASH); /* it knows no case */
    CU_ASSERT_TRUE(ntlm_lm_hash(NULL, out));
    ASSERT_BYTES(out, "aad3b435b51404eeaad3b435b51404ee"); /* the known hash of no password */
    CU_ASSERT_TRUE(ntlm_lm_hash("12345678901234", out));
    CU_ASSERT_FALSE(ntlm_lm_hash("123456789012345", out));
    CU_ASSERT_FALSE(ntlm_lm_hash("Passw\xc3\xb6rd", out));
}

static void responses(void)
{
    uint8_t out[24];
    CU_ASSERT_TRUE(ntlm_v1_response(hex(NT_HASH).data, hex(SERVER_CHALLENGE).data, out));
    ASSERT_BYTES(out, NT_RESPONSE); /* 4.2.2.2.1 */
    CU_ASSERT_TRUE(ntlm_v1_response(hex(LM_HASH).data, hex(SERVER_CHALLENGE).data, out));
    ASSERT_BYTES(out, LM_RESPONSE); /* 4.2.2.2.2 */
}

static void session_security_response(void)
{
    uint8_t challenge[8], out[24];
    CU_ASSERT_TRUE(ntlm_v1_session_challenge(hex(SERVER_CHALLENGE).data, hex(CLIENT_CHALLENGE).data,
                                             challenge));
    CU_ASSERT_TRUE(ntlm_v1_response(hex(NT_HASH).data, challenge, out));
    ASSERT_BYTES(out, ESS_NT_RESPONSE); /* 4.2.3.2.2 */
}

static void verifies(void)
{
    uint8_t response[24];
    memcpy(response, hex(NT_RESPONSE).data, 24);
    struct sspi_view view = {response, 24};
    const uint8_t *hash = hex(NT_HASH).data, *challenge = hex(SERVER_CHALLENGE).data;
    CU_ASSERT_TRUE(ntlm_v1_verify(hash, challenge, view));
    for (size_t i = 0; i < sizeof response; i++) {
        response[i] ^= 1;
        CU_ASSERT_FALSE(ntlm_v1_verify(hash, challenge, view));
        response[i] ^= 1;
        CU_ASSERT_FALSE(ntlm_v1_verify(hash, challenge, (struct sspi_view){response, i}));
    }
}

static void exchange_keys(void)
{
    uint8_t base[16], out[16];
    CU_ASSERT_TRUE(ntlm_v1_session_base_key(hex(NT_HASH).data, base));
    ASSERT_BYTES(base, BASE_KEY); /* 4.2.2.1.3 */
    const uint8_t *challenge = hex(SERVER_CHALLENGE).data;
    CU_ASSERT_TRUE(ntlm_v1_exchange_key(0, base, NULL, challenge, hex(LM_RESPONSE), out));
    ASSERT_BYTES(out, BASE_KEY);
    CU_ASSERT_TRUE(ntlm_v1_exchange_key(NTLM_LM_KEY, base, hex(LM_HASH).data, challenge,
                                        hex(LM_RESPONSE), out));
    ASSERT_BYTES(out, "b09e379f7fbecb1eaf0afdcb0383c8a0"); /* 4.2.2.2.3 */
    CU_ASSERT_TRUE(ntlm_v1_exchange_key(NTLM_ESS | NTLM_LM_KEY, base, NULL, challenge,
                                        hex(ESS_LM_RESPONSE), out));
    ASSERT_BYTES(out, "eb93429a8bd952f8b89c55b87f475edc"); /* 4.2.3.1.3 */
}

/* EncryptedRandomSessionKey of 4.2.2.2.3 under the key of each kind. */
static void encrypted_session_keys(void)
{
    static const struct {
        const char *exchange, *encrypted;
    } rows[] = {
        {BASE_KEY, "518822b1b3f350c8958682ecbb3e3cb7"},
        {"e52cac67419a9a220000000000000000", "7452ca55c225a1ca04b48fae32cf56fc"}, /* non-NT */
        {"b09e379f7fbecb1eaf0afdcb0383c8a0", "4cd7bb57d697ef9b549f02b8f9b37864"}, /* LM_KEY */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[16];
        struct sspi_rc4 rc4;
        sspi_rc4_init(&rc4, hex(rows[i].exchange).data, 16);
        sspi_rc4_update(&rc4, hex("55555555555555555555555555555555").data, out, 16);
        ASSERT_BYTES(out, rows[i].encrypted);
    }
}

SSPI_TESTS({"lm hash", lm_hash}, {"responses", responses},
           {"session security response", session_security_response}, {"verifies", verifies},
           {"exchange keys", exchange_keys}, {"encrypted session keys", encrypted_session_keys})
