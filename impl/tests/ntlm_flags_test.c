/* SPDX-License-Identifier: Apache-2.0
 *
 * Requirement bits, wire flags, returned bits: the tables, row by row.
 */
#include "ntlm_world.h"

static void offers(void)
{
    static const struct {
        ULONG req;
        uint32_t flags;
    } rows[] = {
        /* recorded (obs.ntlm.type1.full-captured) */
        {ISC_REQ_CONFIDENTIALITY | ISC_REQ_INTEGRITY, 0xe20882b7},
        {ISC_REQ_INTEGRITY, 0xe2088297},
        /* asserted by tests on Windows (obs.ntlm.type1.*) */
        {0, 0xa2088207},
        {ISC_REQ_CONNECTION, 0xa2088207},
        {ISC_REQ_EXTENDED_ERROR, 0xa2088207},
        {ISC_REQ_MUTUAL_AUTH, 0xa2088207},
        {ISC_REQ_USE_DCE_STYLE, 0xa2088207},
        {ISC_REQ_DELEGATE, 0xa2088207},
        {ISC_REQ_REPLAY_DETECT, 0xe2088297},
        {ISC_REQ_SEQUENCE_DETECT, 0xe2088297},
        {ISC_REQ_CONFIDENTIALITY, 0xe20882b7}, /* inter.ntlm.seal-sets-sign */
        {ISC_REQ_INTEGRITY | ISC_REQ_IDENTIFY, 0xe2188297},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CU_ASSERT_EQUAL(ntlm_flags_to_offer(rows[i].req, -1), rows[i].flags);
}

static void challenges(void)
{
    /* without the target type: obs.ntlm.type2-type3.flags less 0x10000 */
    CU_ASSERT_EQUAL(ntlm_flags_to_challenge(0xe20882b7), 0xe2888235u);
    CU_ASSERT_EQUAL(ntlm_flags_to_challenge(0xe2088297), 0xe2888215u);
    CU_ASSERT_EQUAL(ntlm_flags_to_challenge(0xa2088207), 0xa2888205u);
    /* a client without VERSION gets one all the same; nothing else appears that was not offered,
     * but NTLM, which a recorded Windows 10 says to a client that left it out */
    CU_ASSERT_EQUAL(ntlm_flags_to_challenge(0xe0888235), 0xe2888235u);
    CU_ASSERT_EQUAL(ntlm_flags_to_challenge(1), 0x02800201u);
}

static void authenticates(void)
{
    CU_ASSERT_EQUAL(ntlm_flags_to_authenticate(0xe20882b7, 0xe2898235), 0xe2888235u);
    CU_ASSERT_EQUAL(ntlm_flags_to_authenticate(0xe2088297, 0xe2898215), 0xe2888215u);
    CU_ASSERT_EQUAL(ntlm_flags_to_authenticate(0xa2088207, 0xe2898235), 0xa2888205u);
    CU_ASSERT_EQUAL(ntlm_flags_to_authenticate(0xe2088297, 0xe2898295), 0xe2888215u);
    /* LM_KEY survives only where extended session security is missing */
    CU_ASSERT_EQUAL(ntlm_flags_to_authenticate(0xe2088297, 0xc0828295) & NTLM_LM_KEY, NTLM_LM_KEY);
}

static void initiator_is_told(void)
{
    static const struct {
        ULONG req;
        uint32_t flags;
        ULONG ret;
    } rows[] = {
        {0, 0xa2888205, 0},
        {ISC_REQ_INTEGRITY, 0xe2888215, ISC_RET_INTEGRITY},
        {ISC_REQ_REPLAY_DETECT, 0xe2888215, ISC_RET_INTEGRITY | ISC_RET_REPLAY_DETECT},
        {ISC_REQ_SEQUENCE_DETECT, 0xe2888215, ISC_RET_INTEGRITY | ISC_RET_SEQUENCE_DETECT},
        {ISC_REQ_CONFIDENTIALITY, 0xe2888235, ISC_RET_INTEGRITY | ISC_RET_CONFIDENTIALITY},
        {ISC_REQ_CONFIDENTIALITY, 0xe2888215, ISC_RET_INTEGRITY}, /* the acceptor dropped SEAL */
        {ISC_REQ_REPLAY_DETECT, 0xa2888205, 0},                   /* the acceptor dropped SIGN */
        {ISC_REQ_MUTUAL_AUTH, 0xa2888205, ISC_RET_MUTUAL_AUTH},   /* obs.ntlm.mutual-bit-lies */
        {ISC_REQ_CONNECTION, 0xa2888205, ISC_RET_CONNECTION},
        {ISC_REQ_IDENTIFY, 0xa2988205, ISC_RET_IDENTIFY},
        {ISC_REQ_DELEGATE | ISC_REQ_EXTENDED_ERROR | ISC_REQ_STREAM, 0xa2888205, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CU_ASSERT_EQUAL(ntlm_isc_ret(rows[i].req, rows[i].flags, false), rows[i].ret);
    CU_ASSERT_EQUAL(ntlm_isc_ret(0, 0xa2888205, true), ISC_RET_NULL_SESSION);
}

/* The seven requirements of the AcceptSecurityContext (Negotiate) page, each alone, for an
 * initiator that asked for nothing, for signing, and for sealing. */
static void acceptor_is_told(void)
{
    static const struct {
        ULONG req, nothing, sign, seal;
    } rows[] = {
        {ASC_REQ_CONFIDENTIALITY, 0, ASC_RET_INTEGRITY,
         ASC_RET_INTEGRITY | ASC_RET_CONFIDENTIALITY},
        {ASC_REQ_CONNECTION, ASC_RET_CONNECTION, ASC_RET_CONNECTION | ASC_RET_INTEGRITY,
         ASC_RET_CONNECTION | ASC_RET_INTEGRITY | ASC_RET_CONFIDENTIALITY},
        {ASC_REQ_DELEGATE, 0, ASC_RET_INTEGRITY, ASC_RET_INTEGRITY | ASC_RET_CONFIDENTIALITY},
        {ASC_REQ_EXTENDED_ERROR, 0, ASC_RET_INTEGRITY, ASC_RET_INTEGRITY | ASC_RET_CONFIDENTIALITY},
        {ASC_REQ_INTEGRITY, 0, ASC_RET_INTEGRITY, ASC_RET_INTEGRITY | ASC_RET_CONFIDENTIALITY},
        {ASC_REQ_REPLAY_DETECT, 0, ASC_RET_INTEGRITY | ASC_RET_REPLAY_DETECT,
         ASC_RET_INTEGRITY | ASC_RET_REPLAY_DETECT | ASC_RET_CONFIDENTIALITY},
        {ASC_REQ_SEQUENCE_DETECT, 0, ASC_RET_INTEGRITY | ASC_RET_SEQUENCE_DETECT,
         ASC_RET_INTEGRITY | ASC_RET_SEQUENCE_DETECT | ASC_RET_CONFIDENTIALITY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_EQUAL(ntlm_asc_ret(rows[i].req, 0xa2888205, false), rows[i].nothing);
        CU_ASSERT_EQUAL(ntlm_asc_ret(rows[i].req, 0xe2888215, false), rows[i].sign);
        CU_ASSERT_EQUAL(ntlm_asc_ret(rows[i].req, 0xe2888235, false), rows[i].seal);
    }
    CU_ASSERT_EQUAL(ntlm_asc_ret(0, 0xa2988205, false), ASC_RET_IDENTIFY);
    CU_ASSERT_EQUAL(ntlm_asc_ret(0, 0xa2888205, true), ASC_RET_NULL_SESSION);
}

SSPI_TESTS({"NEGOTIATE", offers}, {"CHALLENGE", challenges}, {"AUTHENTICATE", authenticates},
           {"initiator", initiator_is_told}, {"acceptor", acceptor_is_told})
