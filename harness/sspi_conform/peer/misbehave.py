# SPDX-License-Identifier: Apache-2.0
"""The named ways in which the peer can be made to break the rules, for one context.

A request of InitializeSecurityContext or AcceptSecurityContext may carry `"misbehave": {name: value}`; it holds for
the rest of that context. To add one: a row here, and the one line in the package that looks it up.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TABLE: Mapping[str, Mapping[str, str]] = {
    "channel-bindings-av": {
        "omit": "NTLM initiator: leaves MsvAvChannelBindings out, as a client that does not know of channel bindings",
        "wrong": "NTLM initiator: a MsvAvChannelBindings that matches nothing",
    },
    "channel-bindings-awareness": {
        "omit": "Kerberos initiator: does not say that it knows of channel bindings (AD-AP-OPTIONS 0x4000)",
    },
    "enctypes": {
        "rc4": "Kerberos: knows RC4 only, so that there is no better subkey to agree on (RFC 4537)",
    },
    "target-name-av": {
        "omit": "NTLM initiator: leaves MsvAvTargetName out",
    },
    "ap-req": {
        "untouched": "Kerberos initiator's AP-REQ: opened and sealed again",
        "other-client": "Kerberos initiator's AP-REQ: the name of another client than the ticket's",
        "other-realm": "Kerberos initiator's AP-REQ: another realm of the client than the ticket's",
        "version": "Kerberos initiator's AP-REQ: authenticator-vno 4",
        "late": "Kerberos initiator's AP-REQ: a clock twice the skew behind",
        "early": "Kerberos initiator's AP-REQ: a clock twice the skew ahead",
        "a-little-late": "Kerberos initiator's AP-REQ: a clock behind, within the skew",
        "a-little-early": "Kerberos initiator's AP-REQ: a clock ahead, within the skew",
        "no-checksum": "Kerberos initiator's AP-REQ: no checksum",
        "plain-checksum": "Kerberos initiator's AP-REQ: a checksum of type 7, MD5 without a key, of nothing",
        "unknown-checksum": "Kerberos initiator's AP-REQ: a checksum of a type that nobody knows",
        "short-checksum": "Kerberos initiator's AP-REQ: a checksum 0x8003 of 23 bytes",
        "bindings-length": "Kerberos initiator's AP-REQ: Lgth 15",
        "unknown-flags": "Kerberos initiator's AP-REQ: all flags that RFC 4121 and MS-KILE do not name",
        "extensions": "Kerberos initiator's AP-REQ: data behind the flags, without delegation",
        "delegation-missing": "Kerberos initiator's AP-REQ: GSS_C_DELEG_FLAG and no Deleg",
        "delegation-option": "Kerberos initiator's AP-REQ: DlgOpt 2",
        "delegation-long": "Kerberos initiator's AP-REQ: Dlgth beyond the end",
        "delegation-garbage": "Kerberos initiator's AP-REQ: a Deleg that is no KRB-CRED",
        "subkey-unknown": "Kerberos initiator's AP-REQ: a subkey of a type that nobody knows",
        "subkey-aes128": "Kerberos initiator's AP-REQ: a subkey of another type than the session key, AES-128",
        "subkey-rc4": "Kerberos initiator's AP-REQ: a subkey of another type than the session key, RC4",
        "no-subkey": "Kerberos initiator's AP-REQ: no subkey",
        "no-number": "Kerberos initiator's AP-REQ: no sequence number",
        "use-session-key": "Kerberos initiator's AP-REQ: USE-SESSION-KEY, though no TGT was asked for",
        "request-version": "Kerberos initiator's AP-REQ: pvno 4",
        "request-type": "Kerberos initiator's AP-REQ: msg-type 15, that of an AP-REP",
    },
    "answer": {
        "skew": "Kerberos acceptor: answers the first AP-REQ with KRB_AP_ERR_SKEW and a clock that is ahead",
        "skew-recorded": "the same, with the error data as a Windows acceptor was recorded to write it",
    },
    "mic": {
        "wrong": "NTLM initiator: a MIC with one bit flipped",
        "drop": "NTLM initiator: no MIC although MsvAvFlags announces one (what an attacker can do on the way)",
        "omit": "NTLM initiator: no MIC and no MsvAvFlags announcing one, as a client of before Windows Vista",
    },
    "nt-proof": {
        "wrong": "NTLM initiator: an NTProofStr with one bit flipped",
    },
    "encrypted-session-key": {
        "wrong": "NTLM initiator: an EncryptedRandomSessionKey that decrypts to another key",
    },
    "target-info-name": {
        "other": "NTLM initiator: an MsvAvNbComputerName that is not the acceptor's, as in an answer to another server",
    },
    "offer": {
        "no-key-exchange": "NTLM, either side: does not offer or agree on KEY_EXCH",
        "56-bit": "NTLM, either side: 56 bit but not 128",
        "40-bit": "NTLM, either side: neither 128 nor 56 bit",
        "no-extended-security": "NTLM, either side: no extended session security",
        "oem": "NTLM, either side: OEM text, no Unicode",
        "no-charset": "NTLM, either side: neither OEM nor Unicode",
        "no-datagram": "NTLM, either side: forgets DATAGRAM where it began a connectionless exchange",
    },
    "names-av": {
        "omit": "NTLM acceptor: a CHALLENGE without the NetBIOS names of domain and computer",
    },
    "timestamp-av": {
        "omit": "NTLM acceptor: a CHALLENGE without MsvAvTimestamp, so that a client computes no MIC",
    },
    "mechListMIC": {
        "wrong": "Negotiate: a mechListMIC with one bit flipped",
        "drop": "Negotiate: no mechListMIC where one is due",
    },
    "mechanism-order": {
        "unsupported-first": "Negotiate initiator: an unknown mechanism first, with an optimistic token of it",
        "negoex-first": "Negotiate initiator: NEGOEX first, with an optimistic token of it, as Windows outside a domain",
        "unknown-only": "Negotiate initiator: no mechanism that anybody has",
        "late-fallback-last": "Negotiate initiator: the mark of late fallback to NTLM behind its mechanisms, as Windows Server 2025",
        "krb5-first": "Negotiate initiator: Kerberos under its own number before the one of Windows 2000",
    },
    "mechTypes": {
        "omit": "Negotiate: no list of mechanisms, in the initiator's first token or the acceptor's hint",
        "omit-with-other-token": "Negotiate initiator: no list of mechanisms, and a token of none",
    },
    "supportedMech": {
        "foreign": "Negotiate acceptor: chooses a mechanism that was not offered",
        "foreign-with-token": "Negotiate acceptor: the same, and answers in that mechanism",
        "other-kerberos": "Negotiate acceptor: names Kerberos by its other number than the initiator did",
        "again": "Negotiate acceptor: names the mechanism in its last token too",
    },
    "trailing": {
        "first": "Negotiate: three bytes behind its first token",
        "later": "Negotiate: three bytes behind every later token",
    },
    "negState": {
        "request-mic": "Negotiate acceptor: asks for a mechListMIC although none is needed",
        "reject": "Negotiate acceptor: refuses in its first answer",
        "accept-incomplete": "Negotiate acceptor: asks for another mechanism without request-mic, as Windows Server 2003",
    },
}


def check(wanted: Mapping[str, Any]) -> str | None:
    """What is wrong with a request's `misbehave`, None when nothing is."""
    for name, value in wanted.items():
        if name not in TABLE:
            return f"unknown misbehaviour {name!r}; known: {', '.join(TABLE)}"
        if value not in TABLE[name]:
            return f"misbehaviour {name!r} is one of {', '.join(TABLE[name])}"
    return None


def listing() -> str:
    """All of them, for people."""
    return "\n".join(f'{{"{name}": "{value}"}}  {text}' for name, values in TABLE.items()
                     for value, text in values.items())
