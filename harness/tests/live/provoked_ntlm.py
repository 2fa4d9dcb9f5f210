# SPDX-License-Identifier: Apache-2.0
"""Cases for the diagnoses of NTLM, SPNEGO, channel bindings, HTTP and policies."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from live.provoked import Provoked
from live_bench import LiveCase

_PASSWORD = "Alice-knows-7"  # of the realm's account `normal`
_BOUND = {"acceptor.bindings": "tls-server-end-point"}
_NO_BINDINGS = {"initiator.misbehave": {"channel-bindings-av": "omit"}}
_OTHER = {"initiator.bindings": "other-end-point", "acceptor.bindings": "tls-server-end-point"}
_KERBEROS = {"package": "Negotiate", "mechanism": "Kerberos", "initiator.flags": ["MUTUAL_AUTH"]}
_NTLM = {"package": "Negotiate", "initiator.flags": ["INTEGRITY"]}
_BAD = {"acceptor.leg.2.status": "SEC_E_BAD_BINDINGS"}


def _initiator(**misbehave: str) -> dict[str, Any]:
    return {"initiator.misbehave": {name.replace("_", "-"): value for name, value in misbehave.items()}}


def _acceptor(**misbehave: str) -> dict[str, Any]:
    return {"acceptor.misbehave": {name.replace("_", "-"): value for name, value in misbehave.items()}}


BINDINGS = [
    Provoked("bindings-missing", LiveCase(_BOUND | _NO_BINDINGS, "smb2", initiator="peer"), ("not there",), _BAD),
    Provoked("bindings-zero", LiveCase(_BOUND, "smb2"), ("16 zero bytes",), _BAD),
    Provoked("bindings-zero", LiveCase(_BOUND | _NTLM, "ldap"), ("16 zero bytes",), _BAD),
    Provoked("bindings-of-another-certificate", LiveCase(_OTHER, "smb2"), ("MsvAvChannelBindings",), _BAD),
    Provoked("bindings-of-another-certificate", LiveCase({"initiator.bindings": "tls-server-end-point",
                                                          "acceptor.bindings": "other-end-point"}, "https-proxy"),
             ("MsvAvChannelBindings",), _BAD),
    Provoked("bindings-of-a-proxy", LiveCase(_OTHER, "https-proxy"), ("that the client saw",), _BAD, password=_PASSWORD),
    Provoked("bindings-missing", LiveCase(_BOUND | _NO_BINDINGS, "https", initiator="peer"), ("not there",), _BAD),
    Provoked("bindings-zero", LiveCase(_BOUND, "https"), ("16 zero bytes",), _BAD),
    Provoked("bindings-without-tls", LiveCase(_OTHER), ("no TLS here",), _BAD),
    Provoked("bindings-of-another-certificate", LiveCase(_OTHER | _KERBEROS, "ldap", keytab="http"), ("authenticator",)),
    Provoked("bindings-zero", LiveCase(_BOUND | _KERBEROS, "ldap", keytab="http"), ("authenticator",)),
    Provoked("bindings-refused", LiveCase(_OTHER | _KERBEROS, "ldap"), ("SEC_E_BAD_BINDINGS",),
             {"acceptor.leg.1.status": "SEC_E_BAD_BINDINGS"}),
]
NTLM = [
    Provoked("mic-absent", LiveCase(_initiator(mic="drop"), initiator="peer"), ("MIC",)),
    Provoked("mic-wrong", LiveCase(_initiator(mic="wrong"), initiator="peer"), ("MIC",), password=_PASSWORD),
    Provoked("mic-wrong", LiveCase(_initiator(on_the_way="offer-other"), "smb2", initiator="peer"), ("MIC",), password=_PASSWORD),
    Provoked("proof-wrong", LiveCase({"initiator.account": "wrong-password"}), ("alice",), password=_PASSWORD),
    Provoked("anonymous-instead", LiveCase({"initiator.account": "anonymous"}, http=403), ("empty",)),
    Provoked("ntlmv1-refused", LiveCase({"initiator.policy": {"lm-level": 1}, "acceptor.policy": {"lm-level": 5}}), ("NTLMv1",)),
    Provoked("wrong-password", LiveCase({"initiator.account": "wrong-password"}, "smb2"), ("alice",)),
    Provoked("wrong-password", LiveCase({"initiator.account": "wrong-password"} | _NTLM, "ldap"), ("alice",)),
    Provoked("wrong-password", LiveCase({"initiator.account": "wrong-password"} | _NTLM), ("401",)),
    Provoked("no-such-user", LiveCase({"initiator.account": "unknown-user"}, "smb2"), ("nobody",)),
    Provoked("target-info-changed", LiveCase(_initiator(target_info_name="other"), initiator="peer"), ("MsvAvNbComputerName",)),
    Provoked("target-name-mismatch", LiveCase({"initiator.target": "cifs/alias.sspi.test"}, "smb2", nt_status=0xC0000022),
             ("cifs/alias.sspi.test",), password=_PASSWORD),
]
NEGOTIATE = [
    Provoked("no-common-mechanism", LiveCase(_NTLM | _initiator(mechanism_order="unknown-only"), initiator="peer")),
    Provoked("mechanism-not-offered", LiveCase(_NTLM | _acceptor(supportedMech="foreign"), acceptor="peer"), ("supportedMech",)),
    Provoked("negoex-first", LiveCase(_NTLM | _initiator(mechanism_order="negoex-first"), "http-rejecting", initiator="peer"),
             ("NEGOEX",)),
    Provoked("request-mic-again", LiveCase(_NTLM | _acceptor(last_answer="request-mic"), acceptor="peer"), ("request-mic",)),
    Provoked("mech-list-mic-wrong", LiveCase(_NTLM | _initiator(mechListMIC="wrong"), initiator="peer"), password=_PASSWORD),
    Provoked("mech-list-mic-wrong", LiveCase(_NTLM | _initiator(init="list-altered"), initiator="peer"), password=_PASSWORD),
    Provoked("mech-list-mic-missing", LiveCase(_NTLM | _initiator(mechListMIC="drop"), initiator="peer"), ("absent",)),
]
HTTP = [
    Provoked("token-cut-off", LiveCase(_initiator(authenticate="domain-long"), "http-cut", initiator="peer"), ("4096",)),
    Provoked("header-too-large", LiveCase(_initiator(authenticate="domain-long"), "http-too-large", initiator="peer"), ("431",)),
    Provoked("connection-not-kept", LiveCase({}, "http-balanced"), ("came on",)),
    Provoked("connection-not-kept", LiveCase({}, "http-challenged"), ("a new CHALLENGE",)),
    Provoked("no-token-sent", LiveCase(_NTLM, "http-without"), ("Negotiate",)),
    Provoked("no-scheme-offered", LiveCase(_NTLM, "http-no-offer"), ("Basic",)),
    Provoked("challenge-header-missing", LiveCase(_NTLM, "http-stripped"), ("401",)),
    Provoked("header-repeated", LiveCase(_NTLM, "http-repeated"), ("Authorization",)),
]
POLICY = [
    Provoked("ntlm-blocked", LiveCase({"acceptor.policy": {"block-incoming": True}}, "smb2"), ("0xc00000bb",)),
    Provoked("key-too-short", LiveCase({"acceptor.policy": {"require-128": True}} | _initiator(offer="56-bit"), "smb2", initiator="peer"),
             ("without NTLMSSP_NEGOTIATE_128",)),
    Provoked("ldap-signing-required", LiveCase({"package": "Negotiate"}, "ldap-unsigned"), ("8, ",)),
    Provoked("right-password-refused", LiveCase({}, "smb2", nt_status=0xC000006D), ("STATUS_LOGON_FAILURE",), password=_PASSWORD),
    Provoked("refused", LiveCase({}, "smb2", nt_status=0xC0000388), ("STATUS_DOWNGRADE_DETECTED",)),
]
PROVOKED = [*BINDINGS, *NTLM, *NEGOTIATE, *HTTP, *POLICY]
_NOTE = "a note on what is otherwise than in Windows: test_diagnosis.py makes the token"
NOT_PROVEN: Mapping[str, str] = dict.fromkeys(
    ("no-version", "flags-always-set", "flags-never-set", "target-info-order", "client-pairs-missing", "lm-response-given",
     "mechanisms-listed-otherwise", "first-token-unframed", "hint-lists-otherwise"), _NOTE) | {
    "rpc-refused": "RPC is no transport here; recorded faults are in test_diagnosis_recorded.py"}
