# SPDX-License-Identifier: Apache-2.0
"""Error codes of KRB-ERROR (RFC 4120 7.5.9) that support engineers meet, with what usually is behind them."""
from __future__ import annotations

from types import MappingProxyType

ERRORS = MappingProxyType({
    6: ("KDC_ERR_C_PRINCIPAL_UNKNOWN", "the KDC does not know the client"),
    7: ("KDC_ERR_S_PRINCIPAL_UNKNOWN", "the KDC does not know the service: a missing or misspelt SPN"),
    12: ("KDC_ERR_POLICY", "the KDC's policy refuses"),
    13: ("KDC_ERR_BADOPTION", "delegation that is not allowed, often"),
    14: ("KDC_ERR_ETYPE_NOSUPP", "no encryption type in common"),
    18: ("KDC_ERR_CLIENT_REVOKED", "the account is disabled, expired or locked"),
    23: ("KDC_ERR_KEY_EXPIRED", "the password has expired"),
    24: ("KDC_ERR_PREAUTH_FAILED", "a wrong password"),
    25: ("KDC_ERR_PREAUTH_REQUIRED", "the first step of every logon"),
    29: ("KDC_ERR_SVC_UNAVAILABLE", "the KDC is there but does not answer this"),
    31: ("KRB_AP_ERR_BAD_INTEGRITY", "the key does not fit"),
    32: ("KRB_AP_ERR_TKT_EXPIRED", "the ticket is over"),
    33: ("KRB_AP_ERR_TKT_NYV", "the ticket is not valid yet: look at the clocks"),
    34: ("KRB_AP_ERR_REPEAT", "the request was seen before"),
    35: ("KRB_AP_ERR_NOT_US", "the ticket is for another service"),
    36: ("KRB_AP_ERR_BADMATCH", "ticket and authenticator name different clients"),
    37: ("KRB_AP_ERR_SKEW", "the clocks differ by more than allowed (5 minutes)"),
    39: ("KRB_AP_ERR_BADVERSION", ""),
    40: ("KRB_AP_ERR_MSG_TYPE", ""),
    41: ("KRB_AP_ERR_MODIFIED", "the service's key is another one: two accounts with the SPN, or an old keytab"),
    44: ("KRB_AP_ERR_BADKEYVER", "the service has no key of that version"),
    45: ("KRB_AP_ERR_NOKEY", "the service has no key for the ticket"),
    46: ("KRB_AP_ERR_MUT_FAIL", "mutual authentication failed"),
    48: ("KRB_AP_ERR_METHOD", ""),
    52: ("KRB_ERR_RESPONSE_TOO_BIG", "ask again over TCP"),
    60: ("KRB_ERR_GENERIC", "the e-data may say more"),
    67: ("KRB_AP_ERR_NO_TGT", "the service has no TGT for user-to-user"),
    68: ("KDC_ERR_WRONG_REALM", "a referral"),
    69: ("KRB_AP_ERR_USER_TO_USER_REQUIRED", "the service takes user-to-user only"),
})
