/* SPDX-License-Identifier: Apache-2.0
 *
 * Every error code of libkrb5, ASN.1 and the system against the status it must have; whatever is
 * in no group must be SEC_E_INTERNAL_ERROR.
 */
#include <errno.h>

#include "kerberos/status.h"
#include "run.h"

#define I SEC_E_INTERNAL_ERROR
#define L SEC_E_LOGON_DENIED
#define N SEC_E_NO_CREDENTIALS
#define T SEC_E_TARGET_UNKNOWN
#define W SEC_E_WRONG_PRINCIPAL
#define X SEC_E_CONTEXT_EXPIRED
#define B SEC_E_INVALID_TOKEN
#define E SEC_E_KDC_UNKNOWN_ETYPE
#define SAME(status) status, status, status

static const struct group {
    SECURITY_STATUS ticket, request, reply;
    krb5_error_code codes[32];
} groups[] = {
    {SAME(SEC_E_INSUFFICIENT_MEMORY), {ENOMEM, KRB5_CC_NOMEM}},
    {SAME(SEC_E_NO_AUTHENTICATING_AUTHORITY),
     {KRB5_KDC_UNREACH, KRB5_REALM_UNKNOWN, KRB5_REALM_CANT_RESOLVE, KRB5_CONFIG_NODEFREALM,
      KRB5_CONFIG_CANTOPEN, KRB5_CONFIG_BADFORMAT, KRB5KDC_ERR_SVC_UNAVAILABLE,
      KRB5KDC_ERR_WRONG_REALM, KRB5_KDCREP_MODIFIED}},
    {SAME(L),
     {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, KRB5KDC_ERR_PREAUTH_FAILED, KRB5KDC_ERR_PREAUTH_REQUIRED,
      KRB5_PREAUTH_FAILED, KRB5KDC_ERR_CLIENT_REVOKED, KRB5KDC_ERR_CLIENT_NOTYET,
      KRB5KDC_ERR_NAME_EXP, KRB5KDC_ERR_KEY_EXP, KRB5KDC_ERR_POLICY, KRB5KDC_ERR_NULL_KEY,
      KRB5_GET_IN_TKT_LOOP, KRB5_LIBOS_CANTREADPWD, KRB5KRB_AP_ERR_BADADDR,
      KRB5KRB_AP_ERR_ILL_CR_TKT, KRB5KRB_AP_PATH_NOT_ACCEPTED, KRB5KRB_AP_ERR_REPEAT,
      KRB5_RC_REPLAY}},
    {SAME(T),
     {KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, KRB5KDC_ERR_PRINCIPAL_NOT_UNIQUE,
      KRB5KDC_ERR_SERVICE_REVOKED, KRB5KDC_ERR_SERVICE_NOTYET, KRB5KDC_ERR_SERVICE_EXP,
      KRB5_PARSE_MALFORMED, KRB5_PARSE_ILLCHAR, KRB5_ERR_HOST_REALM_UNKNOWN,
      KRB5_ERR_BAD_HOSTNAME}},
    {T, L, L, {KRB5_NO_TKT_IN_RLM}},
    {SAME(N),
     {KRB5_CC_NOTFOUND, KRB5_FCC_NOFILE, KRB5_FCC_PERM, KRB5_CC_END, KRB5_CC_FORMAT,
      KRB5_CC_BADNAME, KRB5_CC_UNKNOWN_TYPE, KRB5_CC_IO, KRB5_CC_NOSUPP, KRB5_NO_TKT_SUPPLIED,
      KRB5_KT_BADNAME, KRB5_KT_UNKNOWN_TYPE, KRB5_KEYTAB_BADVNO, KRB5_KT_FORMAT, KRB5_KT_IOERR,
      ENOENT, EACCES}},
    {N, X, X, {KRB5KRB_AP_ERR_TKT_EXPIRED, KRB5KDC_ERR_NEVER_VALID}},
    {N, L, L, {KRB5KRB_AP_ERR_TKT_INVALID}},
    {SAME(SEC_E_TIME_SKEW), {KRB5KRB_AP_ERR_TKT_NYV, KRB5KRB_AP_ERR_SKEW, KRB5_KDCREP_SKEW}},
    {L, L, W, {KRB5KRB_AP_ERR_BAD_INTEGRITY, KRB5KRB_AP_ERR_MODIFIED, KRB5KRB_AP_ERR_BADMATCH}},
    {T,
     L,
     W,
     {KRB5KRB_AP_ERR_NOT_US, KRB5KRB_AP_WRONG_PRINC, KRB5KRB_AP_ERR_NOKEY,
      KRB5KRB_AP_ERR_BADKEYVER}},
    {N, L, W, {KRB5_KT_NOTFOUND, KRB5_KT_KVNONOTFOUND}},
    {SAME(SEC_E_MUTUAL_AUTH_FAILED), {KRB5_MUTUAL_FAILED, KRB5KRB_AP_ERR_MUT_FAIL}},
    {SAME(SEC_E_OUT_OF_SEQUENCE), {KRB5KRB_AP_ERR_BADORDER}},
    {I,
     B,
     B,
     {KRB5KDC_ERR_NONE,
      KRB5KDC_ERR_BAD_PVNO,
      KRB5KRB_AP_ERR_MSG_TYPE,
      KRB5KRB_AP_ERR_BADVERSION,
      KRB5KRB_AP_ERR_INAPP_CKSUM,
      KRB5KRB_ERR_FIELD_TOOLONG,
      KRB5_BADMSGTYPE,
      KRB5_BAD_MSIZE,
      ASN1_BAD_TIMEFORMAT,
      ASN1_MISSING_FIELD,
      ASN1_MISPLACED_FIELD,
      ASN1_TYPE_MISMATCH,
      ASN1_OVERFLOW,
      ASN1_OVERRUN,
      ASN1_BAD_ID,
      ASN1_BAD_LENGTH,
      ASN1_BAD_FORMAT,
      ASN1_PARSE_ERROR,
      ASN1_BAD_GMTIME,
      ASN1_INDEF,
      ASN1_MISSING_EOC,
      EINVAL}},
    {E, L, E, {KRB5KDC_ERR_ETYPE_NOSUPP}},
    {E,
     L,
     L,
     {KRB5_NOPERM_ETYPE, KRB5_CONFIG_ETYPE_NOSUPP, KRB5_PROG_ETYPE_NOSUPP, KRB5_BAD_ENCTYPE,
      KRB5_BAD_KEYSIZE}},
    {SEC_E_KDC_INVALID_REQUEST, L, L, {KRB5KDC_ERR_BADOPTION}},
    {SEC_E_NO_TGT_REPLY, L, L, {KRB5KDC_ERR_MUST_USE_USER2USER}},
    {I, L, SEC_E_NO_TGT_REPLY, {KRB5KRB_AP_ERR_NO_TGT, KRB5KRB_AP_ERR_USER_TO_USER_REQUIRED}},
};

static const struct group *group_of(krb5_error_code code)
{
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (size_t i = 0; i < 32 && groups[g].codes[i]; i++)
            if (groups[g].codes[i] == code)
                return &groups[g];
    return NULL;
}

static void check(krb5_error_code code)
{
    const struct group *group = group_of(code);
    SECURITY_STATUS ticket = sspi_krb_status(code, SSPI_KRB_TICKET);
    SECURITY_STATUS request = sspi_krb_status(code, SSPI_KRB_REQUEST);
    SECURITY_STATUS reply = sspi_krb_status(code, SSPI_KRB_REPLY);
    int same = group ? ticket == group->ticket && request == group->request && reply == group->reply
                     : ticket == I && request == I && reply == I;
    if (!same)
        fprintf(stderr, "  code %ld (%s): %#x %#x %#x\n", (long)code, error_message(code),
                (unsigned)ticket, (unsigned)request, (unsigned)reply);
    CU_ASSERT_TRUE(same);
}

static void every_code(void)
{
    for (krb5_error_code code = 1; code < 256; code++)
        check(code);
    for (krb5_error_code code = 0; code < 256; code++) {
        check(ERROR_TABLE_BASE_krb5 + code);
        check(ERROR_TABLE_BASE_k5e1 + code);
        check(ERROR_TABLE_BASE_asn1 + code);
    }
}

static void no_error(void)
{
    ASSERT_STATUS(sspi_krb_status(0, SSPI_KRB_TICKET), SEC_E_OK);
    ASSERT_STATUS(sspi_krb_status(0, SSPI_KRB_REQUEST), SEC_E_OK);
    ASSERT_STATUS(sspi_krb_status(0, SSPI_KRB_REPLY), SEC_E_OK);
}

SSPI_TESTS({"every code has its status", every_code}, {"0 is SEC_E_OK", no_error})
