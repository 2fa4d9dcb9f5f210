# SPDX-License-Identifier: Apache-2.0
"""What secrets and the certificate tell of the tokens of a recording, written into the `facts` of its legs (facts.py)."""
from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..decode import kerberos_tree, ntlm_tree, token_tree
from ..decode.kerberos_tree import Key
from ..decode.keys import Secrets
from ..decode.notes import Notes
from ..decode.text import Found
from ..tokens import TokenError, der, kerberos, kind, ntlm, spnego
from .facts import FACTS
from .model import Channel, Exchange, Leg, Recording

_FILETIME_OF_1970 = 116444736000000000
_STIME = 4  # of KRB-ERROR


def verified(recording: Recording, secrets: Secrets = Secrets()) -> Recording:
    """The recording with the facts of every leg. What redaction changed cannot be verified any more: then as it is."""
    if recording.redacted:
        return recording
    return replace(recording, exchanges=tuple(_exchange(one, secrets) for one in recording.exchanges))


def _exchange(one: Exchange, secrets: Secrets) -> Exchange:
    notes = Notes()
    known = token_tree.Exchange(ntlm_tree.Exchange(hashes=secrets.hashes, notes=notes),
                                kerberos_tree.Exchange(secrets.keys, notes=notes), notes)
    legs = []
    for leg in one.legs:
        if leg.token:
            notes.clear()
            challenge = known.ntlm.challenge
            token_tree.decode(Found(leg.token, ""), known)
            clear = _clear(leg.token, challenge, secrets, notes)
            facts = clear | notes.facts | _bindings(notes, one.channel) | _clocks(notes, leg.time)
            leg = replace(leg, facts={name: facts[name] for name in FACTS if name in facts})
        legs.append(leg)
    return replace(one, legs=tuple(legs))


def _clear(token: bytes, challenge: bytes, secrets: Secrets, notes: Notes) -> dict[str, Any]:
    """What needs no secret."""
    found: dict[str, Any] = {}
    try:
        if kind(token).startswith("NegToken"):
            message = spnego.parse(token)
            found["mech-list-mic"] = "absent" if message.mic is None else "present"
            token = (message.mech_token if isinstance(message, spnego.NegTokenInit) else message.response_token) or b""
        what = kind(token)
        if what == "NTLM CHALLENGE":
            _note_time(ntlm.parse(token), notes)
        elif what == "NTLM AUTHENTICATE":
            found |= _authenticate(ntlm.parse(token), challenge, notes)
        elif what == "AP-REQ":
            found |= _keytab(kerberos.parse(token).values, secrets.keys)
        elif what == "KRB-ERROR":
            _note_stime(token, notes)
    except TokenError:
        pass  # the token itself shows where it breaks
    return found


def _note_time(challenge: ntlm.Message, notes: Notes) -> bool:
    """The server's clock; whether it told it."""
    if isinstance(challenge, ntlm.Challenge) and challenge.target_info:
        value = dict(challenge.av_pairs).get(ntlm.AV_TIMESTAMP, b"")
        if len(value) == 8:
            notes.times["clock"] = _unix(int.from_bytes(value, "little"))
            return True
    return False


def _authenticate(message: ntlm.Message, challenge: bytes, notes: Notes) -> dict[str, Any]:
    if not isinstance(message, ntlm.Authenticate):
        return {}
    found: dict[str, Any] = {"mic": "present" if message.mic and any(message.mic) else "absent"}
    response = message.ntlmv2()
    if response is None:
        return found
    asked = ntlm.parse(challenge) if challenge else None
    asked = asked if isinstance(asked, ntlm.Challenge) and asked.target_info else None
    found["mic-announced"] = bool(response.av_flags & ntlm.AV_FLAG_MIC)
    found["target-name"] = _target_name(response.av(ntlm.AV_TARGET_NAME), asked)
    notes.bindings = response.av(ntlm.AV_CHANNEL_BINDINGS)
    if notes.bindings is None:
        found["bindings"] = "absent"
    if asked:
        pairs = dict(response.av_pairs)
        found["target-info"] = "same" if all(pairs.get(number) == value for number, value in asked.av_pairs
                                             if number != ntlm.AV_FLAGS) else "changed"
    if asked is None or not _note_time(asked, Notes()):
        notes.times["clock"] = _unix(response.timestamp)
    return found


def _target_name(name: bytes | None, asked: ntlm.Challenge | None) -> str:
    if name is None:
        return "absent"
    if not name:
        return "empty"
    if asked is None:
        return "given"
    host = name.decode("utf-16-le", "replace").partition("/")[2].partition(":")[0].partition("/")[0].lower()
    names = [value.decode("utf-16-le", "replace").lower() for number, value in asked.av_pairs
             if number in (ntlm.AV_NB_COMPUTER, ntlm.AV_DNS_COMPUTER)]
    return "of the server" if host in names else "of another"


def _keytab(values: dict[str, Any], keys: Sequence[Key]) -> dict[str, Any]:
    """Which keys there are for the ticket's principal; nothing for user-to-user, where they play no part."""
    own = [(key.etype, key.kvno) for key in keys if key.owner.lower() == values["sname"].lower() and key.kvno is not None]
    if not any(key.kvno is not None for key in keys) or "use-session-key" in values["apOptions"]:
        return {}
    return {"keytab": sorted({kvno for etype, kvno in own if etype == values["etype"]}),
            "keytab-etypes": sorted({etype for etype, _ in own})}


def _note_stime(token: bytes, notes: Notes) -> None:
    from ..proof import krb5_tokens

    fields = krb5_tokens.inside(der.read_whole(krb5_tokens.bare(token)), "KRB-ERROR")
    if _STIME in fields:
        stamp = fields[_STIME].only(0x18, "stime").value.decode("latin-1")
        notes.times["clock"] = float(krb5_tokens.seconds(stamp))


def _bindings(notes: Notes, channel: Channel | None) -> dict[str, str]:
    given = notes.bindings
    if given is None:
        return {}
    if not any(given):
        return {"bindings": "zero"}
    if channel is None or channel.end_point is None:
        return {"bindings": "given"}
    return {"bindings": "of the certificate" if given == hash_of(channel.end_point) else "of another"}


def hash_of(end_point: bytes) -> bytes:
    """What both protocols send of a tls-server-end-point: MD5 of gss_channel_bindings_struct with nothing but application
    data in it (RFC 5929 4, RFC 4121 4.1.1.2, MS-NLMP 2.2.2.1)."""
    data = b"tls-server-end-point:" + end_point
    return hashlib.md5(bytes(16) + struct.pack("<I", len(data)) + data, usedforsecurity=False).digest()


def _clocks(notes: Notes, frame: float | None) -> dict[str, float]:
    if frame is None:
        return {}
    names = {"clock": "clock-difference"}
    return {names.get(name, name): round(value - frame, 3) for name, value in notes.times.items()}


def _unix(filetime: int) -> float:
    return (filetime - _FILETIME_OF_1970) / 10_000_000
