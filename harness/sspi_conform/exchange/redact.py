# SPDX-License-Identifier: Apache-2.0
"""A recording without what belongs to somebody: the form in which one is written to disk.

Replaced, the same value by the same pseudonym all over the recording and in its length: names of users, domains, hosts,
realms, services' hosts and paths, addresses, challenges, nonces, proofs, MICs, whatever is encrypted or wrapped, the hash
of the certificate. The certificate goes. Times are shifted by one whole number of seconds, so that the recording begins
with the year 2000: clocks still differ by what they differed.

What carries meaning stays: kinds, flags, lengths and offsets, AV pairs and their order, zeros (no bindings, no MIC),
etypes, kvno, versions, error codes and extended errors, ports, statuses, facts, service classes, empty names (anonymous).
"""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .facts import is_fact
from .model import HTTP, Channel, Exchange, KdcMessage, Leg, Recording, Status
from .pseudonyms import SERVICES, Pseudonyms
from .redact_token import redacted

_WORDS = frozenset(("method", "native-os", "dialect", "sealed", "initiator-flags", "acceptor-flags", "package"))  # of `about`: they name no one
_SCHEMES = frozenset(("negotiate", "ntlm", "kerberos", "basic", "digest", "bearer", "nego2", "credssp"))
_METHOD = re.compile(r"[\w .,()/+-]{0,64}")


def redact(recording: Recording, key: bytes | None = None) -> Recording:
    """The recording to write. `key` makes pseudonyms come out the same again, for tests; it is drawn otherwise."""
    if recording.redacted:
        return recording
    first = Pseudonyms(key=key)  # to learn which names there are: none of them may be a pseudonym
    _redacted(recording, first)
    return _redacted(recording, Pseudonyms(first.met, key))


def redact_tokens(tokens: Sequence[bytes], key: bytes | None = None) -> list[bytes]:
    """Tokens alone; they share their pseudonyms."""
    first = Pseudonyms(key=key)
    for one in tokens:
        redacted(one, first)
    names = Pseudonyms(first.met, key)
    return [redacted(one, names) for one in tokens]


def _redacted(recording: Recording, names: Pseudonyms) -> Recording:
    times = [one.time for one in recording.kdc if one.time is not None]
    times += [leg.time for one in recording.exchanges for leg in one.legs if leg.time is not None]
    if times:
        names.time(min(times))
    exchanges = tuple(_exchange(one, names) for one in recording.exchanges)
    kdc = tuple(_kdc(one, names) for one in recording.kdc)
    return replace(recording, name=names.known(recording.name), exchanges=exchanges, kdc=kdc, redacted=True,
                   missing=tuple(map(names.sentence, recording.missing)))


def _exchange(one: Exchange, names: Pseudonyms) -> Exchange:
    about = {key: _about(key, value, names) for key, value in one.about.items()}
    return replace(one, legs=tuple(_leg(leg, names) for leg in one.legs), connection=_connection(one.connection, names),
                   client=names.name(one.client), server=names.name(one.server), outcome=_status(one.outcome, names),
                   channel=_channel(one.channel, names), about=about, missing=tuple(map(names.sentence, one.missing)))


def _leg(leg: Leg, names: Pseudonyms) -> Leg:
    return replace(leg, token=None if leg.token is None else redacted(leg.token, names), status=_status(leg.status, names),
                   time=None if leg.time is None else names.time(leg.time), facts=_facts(leg.facts))


def _status(status: Status | None, names: Pseudonyms) -> Status | None:
    if status is None:
        return None
    name = names.sentence(status.name) if status.kind == HTTP else status.name  # there it is the server's own words
    return replace(status, name=name, detail=names.sentence(status.detail))


def _channel(channel: Channel | None, names: Pseudonyms) -> Channel | None:
    if channel is None:
        return None
    return Channel(None if channel.end_point is None else names.secret(channel.end_point))


def _kdc(one: KdcMessage, names: Pseudonyms) -> KdcMessage:
    return replace(one, time=None if one.time is None else names.time(one.time), realm=names.name(one.realm),
                   client=names.principal(one.client), server=names.principal(one.server), text=names.sentence(one.text))


def _connection(text: str, names: Pseudonyms) -> str:
    return text if text.isdigit() else names.sentence(text)


def _about(key: str, value: str, names: Pseudonyms) -> str:
    if key in ("url", "host"):
        return names.url(value)
    if key == "service":
        return value if value.lower() in SERVICES else names.principal(value)
    if key in ("scheme", "schemes"):
        return " ".join(word if word.lower() in _SCHEMES else names.name(word) for word in value.split(" "))
    if key in _WORDS and _METHOD.fullmatch(value):
        return names.known(value)
    return names.name(value)


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Those that verify.py makes, with values that it makes."""
    return {key: value for key, value in facts.items() if is_fact(key, value)}
