/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and responses against the examples of MS-NLMP 4.2.
 */
#include "ntlm_world.h"

static const char *const target_info =
    "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000";
static const char *const server_challenge = "0123456789abcdef";

static void example_ntowf(uint8_t out[16])
{
    uint8_t hash[16];
    CU_ASSERT_TRUE(ntlm_nt_hash("Password", hash));
    ASSERT_BYTES(hash, "a4f49c406510bdcab6824ee7c30fd852"); /* 4.2.2.1.2 */
    CU_ASSERT_TRUE(ntlm_ntowf_v2(hash, "User", "Domain", out));
}

static void ntowf_v2(void)
{
    uint8_t ntowf[16];
    example_ntowf(ntowf);
    ASSERT_BYTES(ntowf, "0c868a403bfd7a93a3001ef22ef02e3f"); /* 4.2.4.1.1 */
}

static void ntowf_v2_folds_the_user_only(void)
{
    uint8_t hash[16], one[16], two[16];
    ntlm_nt_hash("x", hash);
    ntlm_ntowf_v2(hash, "alice", "Dom", one);
    ntlm_ntowf_v2(hash, "ALICE", "Dom", two);
    CU_ASSERT_EQUAL(memcmp(one, two, 16), 0);
    ntlm_ntowf_v2(hash, "alice", "DOM", two);
    CU_ASSERT_NOT_EQUAL(memcmp(one, two, 16), 0);
}

/* The quick way for short ASCII names and the general one must agree; ä folds like a. */
static void ntowf_v2_any_name(void)
{
    uint8_t hash[16], one[16], two[16];
    char user[200], upper[200];
    ntlm_nt_hash("x", hash);
    CU_ASSERT_TRUE(ntlm_ntowf_v2(hash, "\xc3\xa4nne", "Dom", one));
    CU_ASSERT_TRUE(ntlm_ntowf_v2(hash, "\xc3\x84NNE", "Dom", two));
    CU_ASSERT_EQUAL(memcmp(one, two, 16), 0);
    memset(user, 'a', sizeof user - 1);
    memset(upper, 'A', sizeof upper - 1);
    user[sizeof user - 1] = upper[sizeof upper - 1] = 0;
    CU_ASSERT_TRUE(ntlm_ntowf_v2(hash, user, "Dom", one));
    CU_ASSERT_TRUE(ntlm_ntowf_v2(hash, upper, "Dom", two));
    CU_ASSERT_EQUAL(memcmp(one, two, 16), 0);
    CU_ASSERT_FALSE(ntlm_ntowf_v2(hash, "\xff", "Dom", one));
}

static size_t example_response(uint8_t out[128])
{
    struct sspi_view head = hex("01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000");
    struct sspi_view pairs = hex(target_info);
    uint8_t ntowf[16];
    example_ntowf(ntowf);
    memcpy(out + 16, head.data, head.size);
    memcpy(out + 16 + head.size, pairs.data, pairs.size);
    struct sspi_view blob = {out + 16, head.size + pairs.size};
    CU_ASSERT_TRUE(ntlm_v2_proof(ntowf, hex(server_challenge).data, blob, out));
    return 16 + blob.size;
}

static void proof(void)
{
    uint8_t response[128];
    CU_ASSERT_EQUAL(example_response(response), 84);
    ASSERT_BYTES(response, "68cd0ab851e51c96aabc927bebef6a1c"); /* 4.2.4.2.2 */
}

static void lm_response(void)
{
    uint8_t ntowf[16], lm[24];
    example_ntowf(ntowf);
    CU_ASSERT_TRUE(
        ntlm_v2_lm_response(ntowf, hex(server_challenge).data, hex("aaaaaaaaaaaaaaaa").data, lm));
    ASSERT_BYTES(lm, "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"); /* 4.2.4.2.1 */
}

static void session_base_key(void)
{
    uint8_t ntowf[16], key[16];
    example_ntowf(ntowf);
    CU_ASSERT_TRUE(
        ntlm_v2_session_base_key(ntowf, hex("68cd0ab851e51c96aabc927bebef6a1c").data, key));
    ASSERT_BYTES(key, "8de40ccadbc14a82f15cb0ad0de95ca3"); /* 4.2.4.1.2 */
}

static void encrypted_session_key(void)
{
    uint8_t out[16];
    struct sspi_rc4 rc4;
    sspi_rc4_init(&rc4, hex("8de40ccadbc14a82f15cb0ad0de95ca3").data, 16);
    sspi_rc4_update(&rc4, hex("55555555555555555555555555555555").data, out, 16);
    ASSERT_BYTES(out, "c5dad2544fc9799094ce1ce90bc9d03e"); /* 4.2.4.2.3 */
}

static void verify_response(void)
{
    uint8_t response[128], ntowf[16], key[16];
    size_t size = example_response(response);
    const uint8_t *challenge = hex(server_challenge).data;
    example_ntowf(ntowf);
    CU_ASSERT_TRUE(ntlm_v2_verify(ntowf, challenge, (struct sspi_view){response, size}, key));
    ASSERT_BYTES(key, "8de40ccadbc14a82f15cb0ad0de95ca3");
    /* every byte of proof and blob counts, and so does the length */
    for (size_t i = 0; i < size; i++) {
        response[i] ^= 0x40;
        CU_ASSERT_FALSE(ntlm_v2_verify(ntowf, challenge, (struct sspi_view){response, size}, key));
        response[i] ^= 0x40;
        CU_ASSERT_FALSE(ntlm_v2_verify(ntowf, challenge, (struct sspi_view){response, i}, key));
    }
}

static void signing_keys(void)
{
    uint8_t key[16];
    const uint8_t *exported = hex("55555555555555555555555555555555").data;
    CU_ASSERT_TRUE(ntlm_sign_key(exported, true, key));
    ASSERT_BYTES(key, "4788dc861b4782f35d43fd98fe1a2d39"); /* 4.2.4.4 */
    CU_ASSERT_TRUE(ntlm_sign_key(exported, false, key));
    CU_ASSERT_NOT_EQUAL(memcmp(key, hex("4788dc861b4782f35d43fd98fe1a2d39").data, 16), 0);
    CU_ASSERT_TRUE(ntlm_sign_key(hex("eb93429a8bd952f8b89c55b87f475edc").data, true, key));
    ASSERT_BYTES(key, "60e799be5c72fc92922ae8ebe961fb8d"); /* 4.2.3.4 */
}

static void sealing_keys(void)
{
    static const struct {
        const char *key;
        uint32_t flags;
        const char *expected;
    } rows[] = {
        /* 4.2.4.4: 128 bit */
        {"55555555555555555555555555555555", NTLM_ESS | NTLM_128 | NTLM_56,
         "59f600973cc4960a25480a7c196e4c58"},
        /* 4.2.3.4: 56 bit */
        {"eb93429a8bd952f8b89c55b87f475edc", NTLM_ESS | NTLM_56,
         "04dd7f014d8504d265a25cc86a3a7c06"},
        /* 4.2.2.4: no extended session security, the key as it is */
        {"55555555555555555555555555555555", NTLM_128, "55555555555555555555555555555555"},
        /* 3.4.5.3: LM_KEY, 56 and 40 bit */
        {"55555555555555555555555555555555", NTLM_LM_KEY | NTLM_56, "55555555555555a0"},
        {"55555555555555555555555555555555", NTLM_LM_KEY, "5555555555e538b0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t key[16];
        size_t size;
        CU_ASSERT_TRUE(ntlm_seal_key(hex(rows[i].key).data, rows[i].flags, true, key, &size));
        CU_ASSERT_EQUAL(size, strlen(rows[i].expected) / 2);
        ASSERT_BYTES(key, rows[i].expected);
    }
}

static void forty_bit_key_uses_five_bytes(void)
{
    uint8_t one[16], two[16];
    size_t size;
    ntlm_seal_key(hex("55555555550000000000000000000000").data, NTLM_ESS, true, one, &size);
    ntlm_seal_key(hex("5555555555ffffffffffffffffffffff").data, NTLM_ESS, true, two, &size);
    CU_ASSERT_EQUAL(memcmp(one, two, 16), 0);
}

static void mic_skips_its_own_field(void)
{
    static const uint8_t key[16] = {1, 2, 3};
    uint8_t token[120], one[16], two[16];
    struct sspi_view view = {token, sizeof token};
    memset(token, 7, sizeof token);
    CU_ASSERT_TRUE(ntlm_mic(key, hex("01"), hex("02"), view, one));
    for (size_t i = 0; i < sizeof token; i++) {
        token[i] ^= 1;
        ntlm_mic(key, hex("01"), hex("02"), view, two);
        bool inside = i >= 72 && i < 88;
        CU_ASSERT_EQUAL(memcmp(one, two, 16) == 0, inside);
        token[i] ^= 1;
    }
    ntlm_mic(key, hex("02"), hex("02"), view, two);
    CU_ASSERT_NOT_EQUAL(memcmp(one, two, 16), 0);
    ntlm_mic(key, hex("01"), hex("01"), view, two);
    CU_ASSERT_NOT_EQUAL(memcmp(one, two, 16), 0);
}

SSPI_TESTS({"NTOWFv2", ntowf_v2}, {"NTOWFv2 folds the user only", ntowf_v2_folds_the_user_only},
           {"NTOWFv2 of any name", ntowf_v2_any_name}, {"NTProofStr", proof},
           {"LMv2 response", lm_response}, {"SessionBaseKey", session_base_key},
           {"EncryptedRandomSessionKey", encrypted_session_key}, {"verification", verify_response},
           {"signing keys", signing_keys}, {"sealing keys", sealing_keys},
           {"40 bit", forty_bit_key_uses_five_bytes}, {"MIC", mic_skips_its_own_field})
