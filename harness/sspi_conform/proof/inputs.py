# SPDX-License-Identifier: Apache-2.0
"""What is read back from a recording and given to the implementation: the configuration, the caller's parameters,
the clock and the randomness. Everything else must follow."""
from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .. import flags
from ..model import ConformError
from ..peer import ntlm_crypto
from ..tokens import ntlm
from . import recordings
from .recordings import Exchange

# NegotiateFlags that a caller's ISC_REQ_ bits are behind.
_ISC = ((ntlm.SIGN, "INTEGRITY"), (ntlm.SEAL, "CONFIDENTIALITY"), (ntlm.IDENTIFY, "IDENTIFY"),
        (ntlm.DATAGRAM, "DATAGRAM"))
AV_FLAG_UNTRUSTED = 0x4
STAND_IN = "not the password"  # where the secret is not known, or known as a hash only


@dataclass(frozen=True, slots=True)
class Known:
    """A recorded exchange and what the project knows of its secret and of the server's accounts."""

    exchange: Exchange
    windows_client: bool
    password: str | None  # None: anonymous, or only the hash is known
    nt_hash: bytes | None
    outcome: str
    account: str

    @property
    def anonymous(self) -> bool:
        return self.password is None and self.nt_hash is None


@dataclass(frozen=True, slots=True)
class Initiator:
    package: str
    settings: dict[str, str]
    identity: dict[str, Any]
    target: str | None
    flags: int
    random: bytes
    clock: int


@dataclass(frozen=True, slots=True)
class Acceptor:
    package: str
    settings: dict[str, str]
    accounts: str
    flags: int
    random: bytes
    clock: int


def known(place: Path) -> list[Known]:
    """The exchanges of exchanges.yaml."""
    found = []
    for row in exchanges_file()["exchanges"]:
        numbers = row["number"] if isinstance(row["number"], list) else [row["number"]]
        for number in numbers:
            secret = row["secret"]
            password, hash_ = None, None
            if secret != "anonymous" and "password" in secret:
                password = secret["password"]
                hash_ = ntlm_crypto.nt_hash(password)
            elif secret != "anonymous":
                hash_ = keytab_rc4(place / secret["keytab"], secret["principal"])
            found.append(Known(recordings.read(place, row["file"], number), row["client"] == "windows", password,
                               hash_, row["outcome"], row.get("account", "U")))
    return found


def exchanges_file() -> dict[str, Any]:
    """What has to be known besides the recordings."""
    read: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "exchanges.yaml").read_text())
    return read


@dataclass(frozen=True, slots=True)
class KeytabEntry:
    principal: str  # with its realm
    kvno: int
    etype: int
    key: bytes


def keytab_rc4(path: Path, principal: str) -> bytes:
    """The RC4 key of a principal, which is the NT hash of its password."""
    for entry in keytab_entries(path):
        if entry.principal == principal and entry.etype == 23:
            return entry.key
    raise ConformError(f"no RC4 key of {principal} in {path.name}")


def keytab_entries(path: Path) -> Iterator[KeytabEntry]:
    data = path.read_bytes()
    at = 2
    while at + 4 <= len(data):
        size = struct.unpack_from(">i", data, at)[0]
        at += 4
        if size > 0:
            yield _keytab_entry(data[at:at + size])
        at += abs(size)


def _keytab_entry(entry: bytes) -> KeytabEntry:
    """An entry of a keytab (MIT's format 0x0502)."""
    texts, at = [], 2
    for _ in range(struct.unpack_from(">H", entry)[0] + 1):
        size = struct.unpack_from(">H", entry, at)[0]
        texts.append(entry[at + 2:at + 2 + size].decode())
        at += 2 + size
    at += 4 + 4  # name type, time stamp
    version, kind, size = struct.unpack_from(">BHH", entry, at)
    key, rest = entry[at + 5:at + 5 + size], entry[at + 5 + size:]
    if len(rest) >= 4:  # a version above 255 stands behind the key
        version = struct.unpack_from(">I", rest)[0] or version
    return KeytabEntry("/".join(texts[1:]) + "@" + texts[0], version, kind, key)


def initiator(exchange: Exchange, key: bytes | None, password: str | None) -> Initiator:
    """The recorded client's inputs. `key`: its exported session key, None when nobody knows it."""
    negotiate, challenge, authenticate = exchange.messages()
    response = authenticate.ntlmv2()
    settings = {"netbios-name": authenticate.text(authenticate.workstation)} if authenticate.workstation else {}
    if negotiate.version:
        settings["version"] = str(negotiate.version).split()[0]
    wanted = [name for wire, name in _ISC if negotiate.flags & wire]
    target, random, clock = None, b"", 0
    if response:
        settings |= _client_settings(authenticate.nt_response[44:], response)
        wanted += ["UNVERIFIED_TARGET_NAME"] if response.av_flags & AV_FLAG_UNTRUSTED else []
        name = response.av(ntlm.AV_TARGET_NAME)
        target = name.decode("utf-16-le") if name else None
        random, clock = response.client_challenge, response.timestamp
    elif authenticate.response_kind == "NTLMv1-ESS":
        settings["lm-level"] = "1"
        random = authenticate.lm_response[:8]
    elif authenticate.response_kind == "NTLMv1":
        settings["lm-level"] = "2" if authenticate.lm_response == authenticate.nt_response else "0"
    identity = {"User": "", "Domain": "", "Password": ""}
    if authenticate.user:
        identity = {"User": authenticate.text(authenticate.user), "Domain": authenticate.text(authenticate.domain),
                    "Password": password or STAND_IN}
    spnego = exchange.legs[exchange.place(ntlm.Negotiate) or 0].wrapped
    if spnego:
        identity["PackageList"] = "!Kerberos"
    return Initiator("Negotiate" if spnego else "NTLM", settings, identity, target,
                     flags.bits("ISC_REQ_", wanted), random + (key or b""), clock)


def _client_settings(pairs: bytes, response: ntlm.NtResponse) -> dict[str, str]:
    size = sum(4 + len(value) for _, value in response.av_pairs) + 4
    host = response.av(ntlm.AV_SINGLE_HOST)
    found = {"av-tail": str(len(pairs) - size)}
    if host:
        found["single-host"] = host[8:].hex()
    return found


def exported_key(found: Known) -> bytes | None:
    """The exported session key: the recording's encrypted one, opened with the key that the secret gives."""
    _, challenge, message = found.exchange.messages()
    if not message.flags & ntlm.KEY_EXCH:
        return None
    return ntlm_crypto.rc4(key_exchange_key(found, challenge, message), message.session_key)


def key_exchange_key(found: Known, challenge: ntlm.Challenge, message: ntlm.Authenticate) -> bytes:
    """KXKEY of MS-NLMP 3.4.5.1 for the responses that are recorded."""
    if found.nt_hash is None:
        return bytes(16)
    response = message.ntlmv2()
    if response:
        owf = ntlm_crypto.ntowf_v2(found.nt_hash, message.text(message.user), message.text(message.domain))
        return ntlm_crypto.hmac_md5(owf, response.proof)
    base = ntlm_crypto.MD4.new(found.nt_hash).digest()
    if message.flags & ntlm.EXTENDED_SESSIONSECURITY:
        return ntlm_crypto.hmac_md5(base, challenge.server_challenge + message.lm_response[:8])
    return base


def acceptor(exchange: Exchange, found: Known | None) -> Acceptor:
    """The recorded server's inputs: its names, version and time from the CHALLENGE, its accounts from us."""
    _, challenge, authenticate = exchange.messages()
    pairs = dict(challenge.av_pairs)
    text = {number: value.decode("utf-16-le") for number, value in pairs.items() if number != ntlm.AV_TIMESTAMP}
    settings = {"authority": "file"}
    for number, key in ((ntlm.AV_NB_COMPUTER, "netbios-name"), (ntlm.AV_NB_DOMAIN, "netbios-domain"),
                        (ntlm.AV_DNS_COMPUTER, "dns-name"), (ntlm.AV_DNS_DOMAIN, "dns-domain"),
                        (ntlm.AV_DNS_TREE, "dns-tree")):
        if text.get(number):
            settings[key] = text[number]
    if challenge.version:
        settings["version"] = str(challenge.version).split()[0]
    stamp = pairs.get(ntlm.AV_TIMESTAMP)
    if stamp is None:
        settings["av-timestamp"] = "no"
    accounts = ""
    if found and not found.anonymous and found.nt_hash:
        if authenticate.response_kind != "NTLMv2":
            settings["lm-level"] = "1"
        domain = authenticate.text(authenticate.domain).lower()
        ours = (settings.get("netbios-domain", ""), settings.get("dns-domain", ""))
        if domain not in [one.lower() for one in ours]:
            settings["unknown-domains"] = "accounts"
        accounts = (f"{authenticate.text(authenticate.user)}:1000:{'X' * 32}:{found.nt_hash.hex().upper()}:"
                    f"[{found.account:<11}]:LCT-60000000:\n")
    allowed = ["ALLOW_NULL_SESSION"] if found and found.anonymous and found.outcome == "accepted" else []
    spnego = exchange.legs[exchange.place(ntlm.Negotiate) or 0].wrapped
    return Acceptor("Negotiate" if spnego else "NTLM", settings, accounts, flags.bits("ASC_REQ_", allowed),
                    challenge.server_challenge, int.from_bytes(stamp or b"", "little"))


def settings_text(settings: dict[str, str], accounts: Path | None) -> str:
    lines = [f"{key} = {value}" for key, value in settings.items()]
    if accounts:
        lines.append(f"accounts = {accounts}")
    return "\n".join(["[ntlm]", *lines, ""])
