# SPDX-License-Identifier: Apache-2.0
"""Recorded Kerberos exchanges whose ticket and session key are known: what of them is given to libsspi, so that
everything else must follow."""
from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..model import ConformError
from ..tokens import spnego
from . import inputs, krb5_crypto, krb5_tokens, recordings
from .krb5_tokens import Name, Part, Request, Ticket
from .recordings import Exchange, Leg

_OK_AS_DELEGATE = 0x00040000
# Flags of the checksum (RFC 4121 4.1.1.1, MS-KILE 3.2.5.2) and the ISC_REQ_ bits behind them.
FLAGS = {0x1: "DELEGATE", 0x2: "MUTUAL_AUTH", 0x4: "REPLAY_DETECT", 0x8: "SEQUENCE_DETECT", 0x10: "CONFIDENTIALITY",
         0x20: "INTEGRITY", 0x1000: "USE_DCE_STYLE", 0x2000: "IDENTIFY", 0x4000: "EXTENDED_ERROR"}
_ISC_RET = {"USE_DCE_STYLE": "USED_DCE_STYLE"}
_KRB5_CONF = """[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 allow_rc4 = true
 permitted_enctypes = aes256-sha1 aes128-sha1 rc4
"""


@dataclass(frozen=True, slots=True)
class Known:
    """An exchange taken apart. `reply` and `third` are None where there is no such leg; `tgt_key` is the session key
    of user-to-user, None elsewhere; `service_key` is None then."""

    exchange: Exchange
    request: Request
    authenticator: Part
    session_key: bytes
    reply: Part | None
    third: Part | None
    service_key: bytes | None
    tgt_key: bytes | None
    tgt: bytes | None

    @property
    def flags(self) -> int:
        """Of the checksum; the structure is 4 bytes of length, the bindings, flags."""
        return int.from_bytes(self.authenticator.checksum[20:24], "little")

    @property
    def wanted(self) -> list[str]:
        """The names of ISC_REQ_ behind them; user-to-user has its bit in the AP-REQ itself."""
        return [name for bit, name in FLAGS.items() if self.flags & bit] + (["USE_SESSION_KEY"] if self.tgt_key else [])

    @property
    def granted(self) -> list[str]:
        """The names of ASC_RET_ for them."""
        return [_ISC_RET.get(name, name) for name in self.wanted]

    @property
    def target(self) -> str:
        return f"{self.request.server}@{self.request.realm}"

    @property
    def client_legs(self) -> list[Leg]:
        return [leg for leg in self.exchange.legs if leg.from_client]

    @property
    def server_legs(self) -> list[Leg]:
        """Without the hint that a transport's negotiation brings before the client's first token."""
        legs = list(self.exchange.legs)
        start = next(place for place, leg in enumerate(legs) if leg.from_client)
        return [leg for leg in legs[start:] if not leg.from_client]

    @property
    def mech_types(self) -> spnego.NegTokenInit | None:
        """The client's NegTokenInit, None without SPNEGO."""
        token = self.client_legs[0].token
        if not self.client_legs[0].wrapped:
            return None
        message = spnego.parse(token)
        assert isinstance(message, spnego.NegTokenInit)
        return message

    def files(self, client: bool) -> dict[str, bytes]:
        """krb5.conf, and the client's ticket cache or the server's keytab; in user-to-user its TGT."""
        request = self.request
        start = krb5_tokens.unix(self.authenticator.time) - 60
        found = {"krb5.conf": _KRB5_CONF.format(realm=request.realm).encode()}
        if client:
            found["ccache"] = krb5_tokens.ticket_cache(self.authenticator.client, self.authenticator.realm, [
                Ticket(request.realm, request.server, request.authenticator.etype, self.session_key,
                       _OK_AS_DELEGATE, request.ticket, start, self.tgt or b"")])
        elif self.service_key:
            found["keytab"] = krb5_tokens.keytab(request.server, request.realm, request.sealed.kvno,
                                                 request.sealed.etype, self.service_key)
        else:
            found["ccache"] = krb5_tokens.ticket_cache(Name(1, ("server",)), request.realm, [
                Ticket(request.realm, Name(2, ("krbtgt", request.realm)), krb5_crypto.AES256, self.tgt_key or b"", 0,
                       self.tgt or b"", start)])
        return found


def drawn(part: Part, again: bool = False) -> bytes:
    """What libkrb5 draws for this authenticator or AP-REP, in its order: number, subkey, confounder. `again`: of an
    RC4 reply, which is made twice (impl/src/kerberos/accept.c: make_reply)."""
    number = struct.pack(">I", part.sequence or 0)
    if part.subkey is None:
        return part.confounder
    if again:
        return number + bytes(16 + 8) + part.confounder
    return number + part.subkey + part.confounder


def known(place: Path) -> Iterator[Known]:
    """Every exchange whose session key the recordings' verification published."""
    for exchange in recordings.every(place):
        seen = exchange.verified.get("kerberos") or {}
        if "AP-REQ" in seen:
            yield _known(place, exchange, seen)


def _known(place: Path, exchange: Exchange, seen: dict[str, dict[str, str]]) -> Known:
    key = bytes.fromhex(seen["AP-REQ"]["session_key"])
    found = {(leg.from_client, krb5_tokens.bare(leg.inner)[:1]): leg.inner for leg in exchange.legs if leg.inner}
    request = krb5_tokens.request(found[True, b"\x6e"])
    reply, third = (krb5_tokens.reply_part(krb5_tokens.reply(found[side, b"\x6f"]), key)
                    if (side, b"\x6f") in found else None for side in (False, True))
    tgt_key = tgt = service_key = None
    if "TGT-REP" in seen:
        tgt_key = bytes.fromhex(seen["TGT-REP"]["session_key"])
        tgt = krb5_tokens.user2user_ticket(next(leg.inner for leg in exchange.legs if not leg.from_client))
        request.sealed.open(tgt_key, krb5_crypto.TICKET)
    else:
        service_key = _service_key(place, exchange, request)
    return Known(exchange, request, krb5_tokens.authenticator(request.authenticator, key), key, reply, third,
                 service_key, tgt_key, tgt)


def _service_key(place: Path, exchange: Exchange, request: Request) -> bytes:
    """The published key that opens the ticket: keytabs beside the recording, and the index. Names in those keytabs
    are not always the service's, so the key decides."""
    for key in _published(place, exchange):
        try:
            request.sealed.open(key, krb5_crypto.TICKET)
        except (ConformError, ValueError):
            continue
        return key
    raise ConformError(f"no key opens the ticket of {exchange.name}")


def _published(place: Path, exchange: Exchange) -> Iterator[bytes]:
    folder = place.joinpath(*exchange.file.split("__")[:-1])
    for path in sorted(folder.iterdir()):
        if path.suffix in (".keytab", ".kt", ".key"):
            yield from (entry.key for entry in inputs.keytab_entries(path))
    for line in (place / "INDEX.md").read_text().splitlines():
        if f"`{exchange.file.replace('__', '/')}." in line and "AES256 service key " in line:
            yield bytes.fromhex(line.partition("AES256 service key ")[2][:64])
