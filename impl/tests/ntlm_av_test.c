/* SPDX-License-Identifier: Apache-2.0
 *
 * AV pairs: what is read, and that nothing outside the list is.
 */
#include "ntlm_world.h"

#include "ntlm/av.h"

/* Both pairs of MS-NLMP 4.2.4, then flags, timestamp, bindings, target "ab". */
static const char *const full = "02000c0044006f006d00610069006e0001000c00530065007200760065007200"
                                "0600040002000000"
                                "07000800efcdab8967452301"
                                "0a00100000112233445566778899aabbccddeeff"
                                "0900040061006200"
                                "00000000";

static void reads_every_pair(void)
{
    struct ntlm_av av;
    struct sspi_view list = hex(full);
    CU_ASSERT_TRUE(ntlm_av_read(list, &av));
    CU_ASSERT_EQUAL(av.value[NTLM_AV_NB_DOMAIN].size, 12);
    ASSERT_BYTES(av.value[NTLM_AV_NB_DOMAIN].data, "44006f006d00610069006e00");
    ASSERT_BYTES(av.value[NTLM_AV_NB_COMPUTER].data, "530065007200760065007200");
    CU_ASSERT_EQUAL(av.flags, NTLM_AV_FLAG_MIC);
    CU_ASSERT_EQUAL(av.timestamp, 0x0123456789abcdefULL);
    CU_ASSERT_TRUE(av.present[NTLM_AV_BINDINGS]);
    ASSERT_BYTES(av.value[NTLM_AV_TARGET_NAME].data, "61006200");
    CU_ASSERT_FALSE(av.present[NTLM_AV_DNS_TREE]);
    CU_ASSERT_EQUAL(av.body.data, list.data);
    CU_ASSERT_EQUAL(av.body.size, list.size - 4);
}

/* The value of a kind is that of its first pair, but flags are said by all of them. */
static void flags_of_two_pairs(void)
{
    struct ntlm_av av;
    CU_ASSERT_TRUE(ntlm_av_read(hex("06000400000000000600040002000000"
                                    "00000000"),
                                &av));
    CU_ASSERT_EQUAL(av.flags, NTLM_AV_FLAG_MIC);
    ASSERT_BYTES(av.value[NTLM_AV_FLAGS].data, "00000000");
}

static void empty_list(void)
{
    struct ntlm_av av;
    CU_ASSERT_TRUE(ntlm_av_read((struct sspi_view){NULL, 0}, &av));
    CU_ASSERT_EQUAL(av.body.size, 0);
    CU_ASSERT_TRUE(ntlm_av_read(hex("00000000"), &av));
    CU_ASSERT_EQUAL(av.body.size, 0);
}

/* Each prefix in a block of its own size, so that a sanitizer sees one byte too many. */
static void every_truncation_is_refused(void)
{
    struct sspi_view list = hex(full);
    for (size_t size = 1; size < list.size; size++) {
        struct ntlm_av av;
        uint8_t *part = malloc(size);
        memcpy(part, list.data, size);
        CU_ASSERT_FALSE(ntlm_av_read((struct sspi_view){part, size}, &av));
        free(part);
    }
}

static void what_follows_the_end_is_left_alone(void)
{
    struct ntlm_av av;
    CU_ASSERT_TRUE(ntlm_av_read(hex("0000000001000000ffff"), &av));
    CU_ASSERT_FALSE(av.present[NTLM_AV_NB_COMPUTER]);
}

static void wrong_sizes_are_refused(void)
{
    struct ntlm_av av;
    CU_ASSERT_FALSE(ntlm_av_read(hex("06000200020000000000"), &av));     /* flags of 2 bytes */
    CU_ASSERT_FALSE(ntlm_av_read(hex("070004000200000000000000"), &av)); /* timestamp of 4 */
    CU_ASSERT_FALSE(ntlm_av_read(hex("0a00040002000000"
                                     "00000000"),
                                 &av));                    /* bindings of 4 */
    CU_ASSERT_FALSE(ntlm_av_read(hex("00000100ff"), &av)); /* EOL with a value */
}

static void first_of_a_kind_wins_and_unknown_is_skipped(void)
{
    struct ntlm_av av;
    CU_ASSERT_TRUE(ntlm_av_read(hex("09000200610009000200620008000000"
                                    "0b0002001234ff00000000000000"),
                                &av));
    ASSERT_BYTES(av.value[NTLM_AV_TARGET_NAME].data, "6100");
}

static void writes(void)
{
    uint8_t out[16];
    uint8_t *end = ntlm_av_put(out, NTLM_AV_TARGET_NAME, "ab", 2);
    CU_ASSERT_EQUAL(end - out, 6);
    end = ntlm_av_put(end, NTLM_AV_EOL, NULL, 0);
    CU_ASSERT_EQUAL(end - out, 10);
    ASSERT_BYTES(out, "09000200616200000000");
}

SSPI_TESTS({"every pair", reads_every_pair}, {"empty", empty_list},
           {"every truncation", every_truncation_is_refused},
           {"after the end", what_follows_the_end_is_left_alone},
           {"wrong sizes", wrong_sizes_are_refused}, {"two flags", flags_of_two_pairs},
           {"first wins", first_of_a_kind_wins_and_unknown_is_skipped}, {"writes", writes})
