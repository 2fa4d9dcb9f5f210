# SPDX-License-Identifier: Apache-2.0
"""The facts that verify.py leaves in the legs of a recording, by name, and what each may say.

Facts are what redaction would make unknowable; they hold words, numbers and lists of these, never a name or a secret.
A fact is there only when it was looked at: without a secret there is no `proof`, without a frame's time no
`clock-difference`. What stands in clear and survives redaction (flags, etypes, kvno, error codes, which AV pairs there
are) is no fact: read the token. The facts are those of the leg's whole token, SPNEGO and what is inside together.

Every leg with SPNEGO:
  mech-list-mic      absent, present (not verified), right, wrong
CHALLENGE:
  clock-difference   seconds by which the server's MsvAvTimestamp is ahead of the frame's time
AUTHENTICATE:
  proof              right, wrong (NTLMv2 or NTLMv1 response against the hashes given; needs the CHALLENGE)
  mic                absent (no field or zero), present (not verified), right, wrong
  mic-announced      true when MsvAvFlags says that there is a MIC (0x2), false when not
  bindings           absent (no AV pair), zero, given (no certificate to compare), of the certificate, of another
  target-name        absent, empty, of the server, of another: the host in MsvAvTargetName against the names in the
                     CHALLENGE (MsvAvDnsComputerName, MsvAvNbComputerName); given (no CHALLENGE to compare)
  target-info        same, changed: whether the CHALLENGE's AV pairs came back with their values (MS-NLMP 3.1.5.1.2)
  clock-difference   only when the CHALLENGE had no time: the client's clock against the frame's
AP-REQ:
  keytab             the kvnos that the keytabs given have for the ticket's principal and etype (a list, maybe empty)
  keytab-etypes      the etypes that they have for the ticket's principal (a list, maybe empty)
  ticket             opened, no such etype (no key of its etype given), no key fits, etype unknown (cannot be opened here)
  ticket-key         same (the key that opened it is that of the principal on the ticket, or has no principal), another
  ticket-begins      seconds from the frame's time to starttime; positive: not valid yet
  ticket-ends        seconds from the frame's time to endtime; negative: expired
  session-etype      of the session key
  pac                absent, right, wrong (server's signature), unsigned (there, without a server's signature)
  authenticator      right, wrong
  client             same, another: the authenticator's client against the ticket's
  clock-difference   seconds by which ctime is ahead of the frame's time
  gss-flags          DELEG, MUTUAL, REPLAY, SEQUENCE, CONF, INTEG, DCE-STYLE, IDENTIFY, EXTENDED-ERROR (a list)
  bindings           as above, of the checksum (RFC 4121 4.1.1); zero: none given
  bindings-aware     true when the client says that it knows of channel bindings (KERB_AP_OPTIONS_CBT), else false
  subkey-etype       of the authenticator's subkey, when it has one
AP-REP:
  reply              right, wrong (not opened), of another request (not the time of the authenticator)
  clock-difference   in DCE style: seconds by which the sender's time is ahead of the frame's
KRB-ERROR:
  clock-difference   seconds by which stime is ahead of the frame's time
"""
from __future__ import annotations

from types import MappingProxyType
from typing import Any

# Every fact: the words it may have; none where it is a number, a truth or a list of numbers.
_BINDINGS = ("absent", "zero", "given", "of the certificate", "of another")
_MIC = ("absent", "present", "right", "wrong")
GSS_FLAGS = ("DELEG", "MUTUAL", "REPLAY", "SEQUENCE", "CONF", "INTEG", "DCE-STYLE", "IDENTIFY", "EXTENDED-ERROR")
FACTS = MappingProxyType({
    "mech-list-mic": _MIC, "proof": ("right", "wrong"), "mic": _MIC, "mic-announced": (), "bindings": _BINDINGS,
    "target-name": ("absent", "empty", "of the server", "of another", "given"), "target-info": ("same", "changed"),
    "clock-difference": (), "keytab": (), "keytab-etypes": (),
    "ticket": ("opened", "no such etype", "no key fits", "etype unknown"), "ticket-key": ("same", "another"),
    "ticket-begins": (), "ticket-ends": (), "session-etype": (), "pac": ("absent", "right", "wrong", "unsigned"),
    "authenticator": ("right", "wrong"), "client": ("same", "another"), "gss-flags": GSS_FLAGS, "bindings-aware": (),
    "subkey-etype": (), "reply": ("right", "wrong", "of another request"),
})
_LARGEST = 1e12
_TRUTHS, _NUMBERS, _WORDS = ("mic-announced", "bindings-aware"), ("keytab", "keytab-etypes"), ("gss-flags",)


def is_fact(name: str, value: Any) -> bool:
    """Whether verification could have said this: exchange files come from strangers."""
    if name not in FACTS:
        return False
    if name in _TRUTHS:
        return isinstance(value, bool)
    if name in _NUMBERS:
        return isinstance(value, (list, tuple)) and all(_is_number(one) and one == int(one) for one in value)
    if name in _WORDS:
        return isinstance(value, (list, tuple)) and all(one in FACTS[name] for one in value)
    return value in FACTS[name] if FACTS[name] else _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST
