/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages: the examples of MS-NLMP 4.2.4.3, Windows' layout, and hostile lengths.
 */
#include "ntlm_world.h"

#include "ntlm/messages.h"

static const uint8_t server_2019[] = {10, 0, 0x63, 0x45, 0, 0, 0, 15};

static const char *const challenge_example =
    "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000"
    "000060070170000000f53006500720076006500720002000c0044006f006d00610069006e0001000c005300650072"
    "007600650072000000"
    "0000";

static const char *const authenticate_example =
    "4e544c4d5353500003000000180018006c00000054005400840000000c000c0048000000080008005400000010001"
    "0005c00000010001000d8000000358288e20501280a0000000f44006f006d00610069006e00550073006500720043"
    "004f004d005000550054004500520086c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c9"
    "6aabc927bebef6a1c01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00"
    "610069006e0001000c005300650072007600650072000000000000000000c5dad2544fc9799094ce1ce90bc9d03e";

static void reads_the_challenge(void)
{
    struct ntlm_challenge challenge;
    ASSERT_STATUS(ntlm_read_challenge(hex(challenge_example), &challenge), SEC_E_OK);
    CU_ASSERT_EQUAL(challenge.flags, 0xe28a8233u);
    ASSERT_BYTES(challenge.challenge, "0123456789abcdef");
    CU_ASSERT_EQUAL(challenge.target_name.size, 12);
    ASSERT_BYTES(challenge.target_name.data, "530065007200760065007200");
    CU_ASSERT_EQUAL(challenge.target_info.size, 36);
}

static void reads_the_authenticate(void)
{
    struct ntlm_authenticate message;
    ASSERT_STATUS(ntlm_read_authenticate(hex(authenticate_example), &message), SEC_E_OK);
    CU_ASSERT_EQUAL(message.flags, 0xe2888235u);
    ASSERT_BYTES(message.domain.data, "44006f006d00610069006e00");
    ASSERT_BYTES(message.user.data, "5500730065007200");
    ASSERT_BYTES(message.workstation.data, "43004f004d0050005500540045005200");
    ASSERT_BYTES(message.lm.data, "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa");
    CU_ASSERT_EQUAL(message.nt.size, 84);
    ASSERT_BYTES(message.session_key.data, "c5dad2544fc9799094ce1ce90bc9d03e");
    CU_ASSERT_FALSE(message.mic); /* its payload begins at 72 */
}

static void negotiate_as_windows_sends_it(void)
{
    struct sspi_blob token;
    uint32_t flags;
    ASSERT_STATUS(ntlm_build_negotiate(0xe2088297, &token), SEC_E_OK);
    ntlm_set_version(&token, server_2019);
    CU_ASSERT_EQUAL(token.size, 40);
    ASSERT_BYTES(token.data, "4e544c4d5353500001000000978208e2"
                             "00000000000000000000000000000000"
                             "0a0063450000000f");
    ASSERT_STATUS(ntlm_read_negotiate(sspi_blob_view(&token), &flags), SEC_E_OK);
    CU_ASSERT_EQUAL(flags, 0xe2088297u);
    sspi_blob_free(&token);
}

static void builds_the_challenge(void)
{
    struct ntlm_challenge in = {0xe2898235, hex("0123456789abcdef").data, hex("41004200"),
                                hex("0200020041000000"
                                    "0000")};
    struct ntlm_challenge out;
    struct sspi_blob token;
    ASSERT_STATUS(ntlm_build_challenge(&in, &token), SEC_E_OK);
    ntlm_set_version(&token, server_2019);
    /* name at 56, target information right behind it */
    ASSERT_BYTES(token.data, "4e544c4d5353500002000000"
                             "0400040038000000"
                             "358289e2"
                             "0123456789abcdef"
                             "0000000000000000"
                             "0a000a003c000000"
                             "0a0063450000000f"
                             "41004200");
    ASSERT_STATUS(ntlm_read_challenge(sspi_blob_view(&token), &out), SEC_E_OK);
    CU_ASSERT_EQUAL(out.target_info.size, in.target_info.size);
    sspi_blob_free(&token);
}

static void builds_the_authenticate(void)
{
    struct ntlm_authenticate in = {.flags = 0xe2888235,
                                   .domain = hex("4400"),
                                   .user = hex("5500"),
                                   .workstation = hex("5700"),
                                   .lm = hex("11"),
                                   .nt = hex("2222"),
                                   .session_key = hex("333333")};
    struct ntlm_authenticate out;
    struct sspi_blob token;
    ASSERT_STATUS(ntlm_build_authenticate(&in, &token), SEC_E_OK);
    ntlm_set_version(&token, server_2019);
    CU_ASSERT_EQUAL(token.size, 88 + 12);
    /* payload at 88: domain, user, workstation, LM, NT, key */
    ASSERT_BYTES(token.data, "4e544c4d5353500003000000"
                             "010001005e000000"
                             "020002005f000000"
                             "0200020058000000"
                             "020002005a000000"
                             "020002005c000000"
                             "0300030061000000"
                             "358288e2"
                             "0a0063450000000f"
                             "00000000000000000000000000000000"
                             "440055005700"
                             "112222333333");
    ASSERT_STATUS(ntlm_read_authenticate(sspi_blob_view(&token), &out), SEC_E_OK);
    CU_ASSERT_TRUE(out.mic);
    CU_ASSERT_EQUAL(out.nt.size, 2);
    sspi_blob_free(&token);
}

static SECURITY_STATUS read_any(struct sspi_view token, unsigned type)
{
    uint32_t flags;
    struct ntlm_challenge challenge;
    struct ntlm_authenticate message;
    return type == 1   ? ntlm_read_negotiate(token, &flags)
           : type == 2 ? ntlm_read_challenge(token, &challenge)
                       : ntlm_read_authenticate(token, &message);
}

/* Each prefix in a block of its own size, read as each of the three types. */
static void every_truncation_is_refused(void)
{
    const char *tokens[] = {"4e544c4d5353500001000000978208e2", challenge_example,
                            authenticate_example};
    for (unsigned type = 1; type <= 3; type++) {
        struct sspi_view whole = hex(tokens[type - 1]);
        for (size_t size = 0; size <= whole.size; size++) {
            uint8_t *part = malloc(size ? size : 1);
            memcpy(part, whole.data, size);
            struct sspi_view token = {part, size};
            for (unsigned as = 1; as <= 3; as++)
                ASSERT_STATUS(read_any(token, as),
                              as == type && size == whole.size ? SEC_E_OK : SEC_E_INVALID_TOKEN);
            free(part);
        }
    }
}

/* Every field descriptor of CHALLENGE and AUTHENTICATE, with lengths and offsets that reach
 * outside, wrap round, or point into the header. */
static void fields_stay_inside(void)
{
    static const struct {
        unsigned type;
        size_t at;
    } fields[] = {{2, 12}, {2, 40}, {3, 12}, {3, 20}, {3, 28}, {3, 36}, {3, 44}, {3, 52}};
    static const struct {
        uint16_t size;
        uint32_t offset;
    } bad[] = {{0xffff, 88}, {1, 0xffffffff}, {16, 0xfffffff8}, {1, 0}, {1, 31}, {2, 0x7fffffff}};
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        struct sspi_view whole =
            hex(fields[f].type == 2 ? challenge_example : authenticate_example);
        for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++) {
            uint8_t *copy = malloc(whole.size);
            memcpy(copy, whole.data, whole.size);
            ntlm_put16(copy + fields[f].at, bad[b].size);
            ntlm_put32(copy + fields[f].at + 4, bad[b].offset);
            ASSERT_STATUS(read_any((struct sspi_view){copy, whole.size}, fields[f].type),
                          SEC_E_INVALID_TOKEN);
            /* an empty field may point anywhere */
            ntlm_put16(copy + fields[f].at, 0);
            ASSERT_STATUS(read_any((struct sspi_view){copy, whole.size}, fields[f].type), SEC_E_OK);
            free(copy);
        }
    }
}

static void longest_token(void)
{
    uint8_t *token = calloc(1, NTLM_MAX_TOKEN + 1);
    memcpy(token, hex("4e544c4d5353500001000000978208e2").data, 16);
    ASSERT_STATUS(read_any((struct sspi_view){token, NTLM_MAX_TOKEN}, 1), SEC_E_OK);
    ASSERT_STATUS(read_any((struct sspi_view){token, NTLM_MAX_TOKEN + 1}, 1), SEC_E_INVALID_TOKEN);
    free(token);
}

static void fields_that_do_not_fit(void)
{
    static uint8_t big[65536];
    struct sspi_blob token = {NULL, 0};
    struct ntlm_authenticate message = {.user = {big, sizeof big}};
    struct ntlm_challenge challenge = {.challenge = big, .target_name = {big, sizeof big}};
    ASSERT_STATUS(ntlm_build_authenticate(&message, &token), SEC_E_INVALID_PARAMETER);
    ASSERT_STATUS(ntlm_build_challenge(&challenge, &token), SEC_E_INVALID_PARAMETER);
}

static void types(void)
{
    CU_ASSERT_EQUAL(ntlm_message_type(hex(challenge_example)), 2);
    CU_ASSERT_EQUAL(ntlm_message_type(hex("4e544c4d5353500004000000")), 0);
    CU_ASSERT_EQUAL(ntlm_message_type(hex("4e544c4d5353510001000000")), 0);
    CU_ASSERT_EQUAL(ntlm_message_type((struct sspi_view){NULL, 0}), 0);
}

SSPI_TESTS({"reads CHALLENGE", reads_the_challenge}, {"reads AUTHENTICATE", reads_the_authenticate},
           {"NEGOTIATE", negotiate_as_windows_sends_it}, {"builds CHALLENGE", builds_the_challenge},
           {"builds AUTHENTICATE", builds_the_authenticate},
           {"every truncation", every_truncation_is_refused},
           {"fields stay inside", fields_stay_inside}, {"longest token", longest_token},
           {"fields that do not fit", fields_that_do_not_fit}, {"types", types})
