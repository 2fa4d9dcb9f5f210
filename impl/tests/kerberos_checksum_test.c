/* SPDX-License-Identifier: Apache-2.0
 *
 * The 0x8003 checksum, the authorization data, and how request bits become flags.
 */
#include "kerberos/checksum.h"

#include <stdlib.h>
#include <string.h>

#include "run.h"

/* As a Windows Server 2019 client sent it to LDAP. */
static const uint8_t recorded[24] = {0x10, 0, 0, 0, [20] = 0x3e, 0x40, 0, 0};

static SECURITY_STATUS read_copy(const uint8_t *bytes, size_t size, struct sspi_krb_checksum *out)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    SECURITY_STATUS status = sspi_krb_checksum_read((struct sspi_view){copy, size}, out);
    free(copy);
    return status;
}

static void as_windows(void)
{
    struct sspi_blob bytes = {NULL, 0};
    struct sspi_krb_checksum checksum = {
        .flags = sspi_krb_flags_from_request(ISC_REQ_MUTUAL_AUTH | ISC_REQ_REPLAY_DETECT |
                                             ISC_REQ_SEQUENCE_DETECT | ISC_REQ_CONFIDENTIALITY |
                                             ISC_REQ_INTEGRITY | ISC_REQ_EXTENDED_ERROR)};
    CU_ASSERT_TRUE(sspi_krb_checksum_write(&checksum, &bytes));
    CU_ASSERT_EQUAL_FATAL(bytes.size, sizeof recorded);
    CU_ASSERT_EQUAL(memcmp(bytes.data, recorded, sizeof recorded), 0);
    sspi_blob_free(&bytes);
    ASSERT_STATUS(read_copy(recorded, sizeof recorded, &checksum), SEC_E_OK);
    CU_ASSERT_EQUAL(checksum.flags, 0x403e);
    CU_ASSERT_EQUAL(checksum.delegation.size, 0);
}

static void delegation(void)
{
    struct sspi_blob bytes = {NULL, 0};
    struct sspi_krb_checksum checksum = {.flags = SSPI_KRB_DELEG | SSPI_KRB_MUTUAL,
                                         .delegation = {(const uint8_t *)"KRB-CRED", 8}};
    memset(checksum.bindings, 0xb5, 16);
    CU_ASSERT_TRUE(sspi_krb_checksum_write(&checksum, &bytes));
    CU_ASSERT_EQUAL_FATAL(bytes.size, 24 + 4 + 8);
    static const uint8_t option[] = {1, 0, 8, 0};
    CU_ASSERT_EQUAL(memcmp(bytes.data + 24, option, 4), 0);
    struct sspi_krb_checksum back;
    ASSERT_STATUS(sspi_krb_checksum_read(sspi_blob_view(&bytes), &back), SEC_E_OK);
    CU_ASSERT_EQUAL(back.flags, checksum.flags);
    CU_ASSERT_EQUAL(memcmp(back.bindings, checksum.bindings, 16), 0);
    CU_ASSERT_EQUAL_FATAL(back.delegation.size, 8);
    CU_ASSERT_EQUAL(memcmp(back.delegation.data, "KRB-CRED", 8), 0);
    for (size_t size = 0; size < bytes.size; size++)
        ASSERT_STATUS(read_copy(bytes.data, size, &back), SEC_E_INVALID_TOKEN);
    bytes.data[24] = 2; /* DlgOpt is always 1 */
    ASSERT_STATUS(read_copy(bytes.data, bytes.size, &back), SEC_E_INVALID_TOKEN);
    bytes.data[24] = 1;
    bytes.data[26] = 9; /* one more than there is */
    ASSERT_STATUS(read_copy(bytes.data, bytes.size, &back), SEC_E_INVALID_TOKEN);
    sspi_blob_free(&bytes);
}

static void malformed(void)
{
    struct sspi_krb_checksum back;
    uint8_t bytes[40] = {0x10};
    for (size_t size = 0; size < 24; size++)
        ASSERT_STATUS(read_copy(bytes, size, &back), SEC_E_INVALID_TOKEN);
    ASSERT_STATUS(read_copy(bytes, 40, &back), SEC_E_OK); /* extensions are ignored */
    bytes[0] = 0x11;
    ASSERT_STATUS(read_copy(bytes, 24, &back), SEC_E_INVALID_TOKEN);
    bytes[0] = 0x10;
    bytes[3] = 0x10;
    ASSERT_STATUS(read_copy(bytes, 24, &back), SEC_E_INVALID_TOKEN);
}

static void request_bits(void)
{
    static const struct {
        ULONG req;
        uint32_t flags;
        ULONG isc_ret, asc_ret;
    } rows[] = {
        {0, 0, 0, 0},
        {ISC_REQ_MUTUAL_AUTH, SSPI_KRB_MUTUAL, ISC_RET_MUTUAL_AUTH, ASC_RET_MUTUAL_AUTH},
        {ISC_REQ_REPLAY_DETECT, SSPI_KRB_REPLAY | SSPI_KRB_INTEG,
         ISC_RET_REPLAY_DETECT | ISC_RET_INTEGRITY, ASC_RET_REPLAY_DETECT | ASC_RET_INTEGRITY},
        {ISC_REQ_SEQUENCE_DETECT, SSPI_KRB_SEQUENCE | SSPI_KRB_INTEG,
         ISC_RET_SEQUENCE_DETECT | ISC_RET_INTEGRITY, ASC_RET_SEQUENCE_DETECT | ASC_RET_INTEGRITY},
        {ISC_REQ_CONFIDENTIALITY, SSPI_KRB_CONF, ISC_RET_CONFIDENTIALITY, ASC_RET_CONFIDENTIALITY},
        {ISC_REQ_INTEGRITY, SSPI_KRB_INTEG, ISC_RET_INTEGRITY, ASC_RET_INTEGRITY},
        {ISC_REQ_INTEGRITY | ISC_REQ_NO_INTEGRITY, 0, 0, 0},
        {ISC_REQ_REPLAY_DETECT | ISC_REQ_NO_INTEGRITY, SSPI_KRB_REPLAY | SSPI_KRB_INTEG,
         ISC_RET_REPLAY_DETECT | ISC_RET_INTEGRITY, ASC_RET_REPLAY_DETECT | ASC_RET_INTEGRITY},
        {ISC_REQ_IDENTIFY, SSPI_KRB_IDENTIFY, ISC_RET_IDENTIFY, ASC_RET_IDENTIFY},
        {ISC_REQ_EXTENDED_ERROR, SSPI_KRB_EXTENDED_ERROR, ISC_RET_EXTENDED_ERROR,
         ASC_RET_EXTENDED_ERROR},
        {ISC_REQ_USE_DCE_STYLE, SSPI_KRB_DCE_STYLE | SSPI_KRB_MUTUAL,
         ISC_RET_USED_DCE_STYLE | ISC_RET_MUTUAL_AUTH,
         ASC_RET_USED_DCE_STYLE | ASC_RET_MUTUAL_AUTH},
        {ISC_REQ_CONNECTION, 0, ISC_RET_CONNECTION, 0},
        {ISC_REQ_DELEGATE, 0, 0, 0}, /* decided with the ticket */
        {ISC_REQ_ALLOCATE_MEMORY | ISC_REQ_STREAM | ISC_REQ_USE_SESSION_KEY, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_EQUAL(sspi_krb_flags_from_request(rows[i].req), rows[i].flags);
        CU_ASSERT_EQUAL(sspi_krb_isc_ret(rows[i].flags, rows[i].req), rows[i].isc_ret);
        CU_ASSERT_EQUAL(sspi_krb_asc_ret(rows[i].flags, 0), rows[i].asc_ret);
    }
    CU_ASSERT_EQUAL(sspi_krb_isc_ret(SSPI_KRB_DELEG, 0), ISC_RET_DELEGATE);
    CU_ASSERT_EQUAL(sspi_krb_asc_ret(SSPI_KRB_DELEG, 0), ASC_RET_DELEGATE);
}

/* The seven request bits of the AcceptSecurityContext (Negotiate) page, each asked alone. */
static void acceptor_bits(void)
{
    CU_ASSERT_EQUAL(sspi_krb_asc_ret(0, ASC_REQ_CONFIDENTIALITY), 0);
    CU_ASSERT_EQUAL(sspi_krb_asc_ret(0, ASC_REQ_CONNECTION), ASC_RET_CONNECTION);
    CU_ASSERT_EQUAL(sspi_krb_asc_ret(0, ASC_REQ_DELEGATE), 0);
    CU_ASSERT_EQUAL(sspi_krb_asc_ret(0, ASC_REQ_EXTENDED_ERROR), ASC_RET_EXTENDED_ERROR);
    CU_ASSERT_EQUAL(sspi_krb_asc_ret(0, ASC_REQ_INTEGRITY), 0);
    CU_ASSERT_EQUAL(sspi_krb_asc_ret(0, ASC_REQ_REPLAY_DETECT), 0);
    CU_ASSERT_EQUAL(sspi_krb_asc_ret(0, ASC_REQ_SEQUENCE_DETECT), 0);
}

/* AD-IF-RELEVANT of the recording above, without the two entries that name the machine:
 * 143 with 0x4000 and 144 with LDAP/adc in UTF-16LE. */
static const uint8_t inside[] = {0x30, 0x30, 0x30, 0x0e, 0xa0, 0x04, 0x02, 0x02, 0x00, 0x8f,
                                 0xa1, 0x06, 0x04, 0x04, 0x00, 0x40, 0x00, 0x00, 0x30, 0x1e,
                                 0xa0, 0x04, 0x02, 0x02, 0x00, 0x90, 0xa1, 0x16, 0x04, 0x14,
                                 'L',  0,    'D',  0,    'A',  0,    'P',  0,    '/',  0,
                                 'a',  0,    'd',  0,    'c',  0,    '@',  0,    'A',  0};

static void authorization_data(void)
{
    krb5_context krb5;
    krb5_principal target = NULL;
    krb5_authdata **made = NULL;
    struct sspi_krb_announced announced;
    uint8_t copy[sizeof inside];

    memcpy(copy, inside, sizeof copy);
    krb5_authdata windows = {KV5M_AUTHDATA, KRB5_AUTHDATA_IF_RELEVANT, sizeof copy, copy};
    krb5_authdata *list[] = {&windows, NULL};
    CU_ASSERT_EQUAL_FATAL(krb5_init_context(&krb5), 0);
    CU_ASSERT_EQUAL(sspi_krb_authdata_read(krb5, list, &announced), 0);
    CU_ASSERT_TRUE(announced.bindings);
    CU_ASSERT_STRING_EQUAL(announced.target, "LDAP/adc@A");
    sspi_free(announced.target);

    CU_ASSERT_EQUAL(krb5_parse_name(krb5, "LDAP/adc@A", &target), 0);
    CU_ASSERT_EQUAL(sspi_krb_authdata_make(krb5, target, 0, &made), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(made);
    CU_ASSERT_EQUAL(made[0]->ad_type, KRB5_AUTHDATA_IF_RELEVANT);
    CU_ASSERT_PTR_NULL(made[1]);
    CU_ASSERT_EQUAL_FATAL(made[0]->length, sizeof inside);
    CU_ASSERT_EQUAL(memcmp(made[0]->contents, inside, sizeof inside), 0);
    krb5_free_authdata(krb5, made);
    krb5_free_principal(krb5, target);

    copy[14] = 0, copy[15] = 0x80; /* 0x8000: unverified target name, not bindings */
    CU_ASSERT_EQUAL(sspi_krb_authdata_read(krb5, list, &announced), 0);
    CU_ASSERT_FALSE(announced.bindings);
    sspi_free(announced.target);
    copy[15] = 0x40, copy[30] = 0, copy[31] = 0xdc; /* half a surrogate: no name, no refusal */
    CU_ASSERT_EQUAL(sspi_krb_authdata_read(krb5, list, &announced), 0);
    CU_ASSERT_TRUE(announced.bindings);
    CU_ASSERT_PTR_NULL(announced.target);
    CU_ASSERT_EQUAL(sspi_krb_authdata_read(krb5, NULL, &announced), 0);
    CU_ASSERT_FALSE(announced.bindings);
    for (unsigned size = 0; size < sizeof copy; size++) {
        uint8_t *shorter = malloc(size ? size : 1);
        memcpy(shorter, copy, size);
        windows.contents = shorter;
        windows.length = size;
        CU_ASSERT_NOT_EQUAL(sspi_krb_authdata_read(krb5, list, &announced), 0);
        free(shorter);
    }
    krb5_free_context(krb5);
}

SSPI_TESTS({"as Windows writes it", as_windows}, {"delegation", delegation},
           {"malformed", malformed}, {"request bits", request_bits},
           {"acceptor bits", acceptor_bits}, {"authorization data", authorization_data})
