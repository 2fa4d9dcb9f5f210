# SPDX-License-Identifier: Apache-2.0
"""libsspi's Kerberos and another implementation in one realm: how both sides start, and what each column checks."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from foreign import (ASC_FLAGS, LOGON_DENIED, MESSAGES, SANITIZED, Endpoint, Lines, Refused, Sspi,  # noqa: E402
                     flipped, handshake, refuses, sign_both_ways)
from foreign_matrix import BUILD, FROM_PEER, TO_PEER, Realm, Row  # noqa: E402  (both need the line above)

OUT_OF_SEQUENCE, BAD_BINDINGS = "0x80090310", "0x80090346"
NO_ENCRYPT = 0x80000001  # KERB_WRAP_NO_ENCRYPT
DELEGATE, DCE_STYLE = 0x1, 0x200  # the same of ISC and ASC
# GSS flags of RFC 2744 and their ISC_REQ twins: those up to confidentiality have the same values.
GSS_SEQUENCE, GSS_INTEGRITY, GSS_DCE_STYLE, ISC_INTEGRITY = 0x8, 0x20, 0x1000, 0x10000
STYLES = {"one leg": 0x34, "one leg, no order": 0x30, "mutual": 0x3E, "DCE style": 0x103E}
AROUND = (b"\5\0\0\3 a header of RPC", b"a trailer")


@dataclass(frozen=True)
class Enctype:
    """A service of the realm whose keys are of this type, the type's name and number, the size of a signature."""

    host: str
    name: str
    number: int
    signature: int


ENCTYPES = {"aes256": Enctype("web", "aes256-cts-hmac-sha1-96", 18, 28),
            "aes128": Enctype("aes128", "aes128-cts-hmac-sha1-96", 17, 28),
            "sha384": Enctype("sha384", "aes256-cts-hmac-sha384-192", 20, 40),
            "rc4": Enctype("rc4", "arcfour-hmac", 23, 37)}


class Kerberos(Sspi):
    """libsspi with the buffer lists of "SSPI/Kerberos Interoperability with GSSAPI", and those of RPC."""

    def wrap(self, data: bytes, sealed: bool = True, layout: str = "", around: Sequence[bytes] = ()) -> bytes:
        """Token, data and padding, one behind the other; `around`: what RPC signs before and behind the data."""
        token, text = {"type": "TOKEN", "size": self.trailer}, {"type": "DATA", "hex": data.hex()}
        message = _rpc(text, token, around) if self.attributes & DCE_STYLE else [
            token, text, {"type": "PADDING", "size": 16}]
        answer = self._must("EncryptMessage", ctx=self.ctx, MessageSeqNo=self._count(0),
                            fQOP=0 if sealed else NO_ENCRYPT, message=message)["message"]
        if self.attributes & DCE_STYLE:
            answer = [answer[-1], answer[len(around) // 2]]
        return b"".join(bytes.fromhex(buffer["hex"]) for buffer in answer)

    def unwrap(self, data: bytes, sealed: bool = True, header: int = 0, around: Sequence[bytes] = ()) -> bytes:
        """`header`: where to cut the token from the data; not positive, and it is a stream."""
        message: list[dict[str, Any]] = [{"type": "STREAM", "hex": data.hex()}, {"type": "DATA", "size": 0}]
        if header > 0:
            message = _rpc({"type": "DATA", "hex": data[header:].hex()},
                           {"type": "TOKEN", "hex": data[:header].hex()}, around)
        answer = self._must("DecryptMessage", ctx=self.ctx, MessageSeqNo=self._count(1), message=message)
        if int(answer["qop"]["value"], 16) != (0 if sealed else NO_ENCRYPT):
            raise Refused(f"quality of protection {answer['qop']['value']}")
        return bytes.fromhex(answer["message"][len(around) // 2 if header > 0 else 1]["hex"])

    def enctype(self) -> int:
        """Of the key that protects messages."""
        answer = self._must("QueryContextAttributes", ctx=self.ctx, ulAttribute="KEY_INFO")
        return int(answer["value"]["EncryptAlgorithm"])

    @contextmanager
    def impersonating(self) -> Iterator[None]:
        """The client of this context, for calls without credentials of their own."""
        context = self.ctx
        self._must("ImpersonateSecurityContext", ctx=context)
        yield
        self._must("RevertSecurityContext", ctx=context)


def _rpc(data: dict[str, Any], token: dict[str, Any], around: Sequence[bytes]) -> list[dict[str, Any]]:
    signed = [{"type": "DATA", "hex": part.hex(), "readonly": "checksum"} for part in around]
    return [*signed[:1], data, *signed[1:], token]


class Gss(Lines):
    """MIT's or Heimdal's library."""

    def wrap(self, data: bytes, sealed: bool = True, layout: str = "wrap", around: Sequence[bytes] = ()) -> bytes:
        return bytes.fromhex(self._ask("wrap", data=data.hex(), sealed=sealed, layout=layout,
                                       around=[part.hex() for part in around])["data"])

    def unwrap(self, data: bytes, sealed: bool = True, header: int = 0, around: Sequence[bytes] = ()) -> bytes:
        return bytes.fromhex(self._ask("unwrap", data=data.hex(), sealed=sealed, header=header,
                                       around=[part.hex() for part in around])["data"])

    def about(self) -> tuple[int, str]:
        """Flags, and who initiated the context (known to an acceptor)."""
        answer = bytes.fromhex(self._ask("about")["data"])
        return int.from_bytes(answer[:4], "big"), answer[4:].decode()

    def delegated(self) -> bytes:
        """An AP-REQ with the ticket that was handed on."""
        return bytes.fromhex(self._ask("delegated_step")["data"])


class Gensec(Lines):
    """Samba's; gensec_seal_packet, which RPC uses, is not among its Python functions."""

    def wrap(self, data: bytes, sealed: bool = True, layout: str = "wrap", around: Sequence[bytes] = ()) -> bytes:
        return super().wrap(data)

    def unwrap(self, data: bytes, sealed: bool = True, header: int = 0, around: Sequence[bytes] = ()) -> bytes:
        return super().unwrap(data)


@dataclass(frozen=True)
class KerberosRow(Row):
    """`style` of STYLES, `enctype` of ENCTYPES."""

    style: str = "mutual"
    enctype: str = "aes256"

    @property
    def key(self) -> Enctype:
        return ENCTYPES[self.enctype]


class Pair:
    """Both sides of a row, each with a ticket cache of its own."""

    def __init__(self, realm: Realm, row: KerberosRow, folder: Path, stack: ExitStack) -> None:
        self.realm, self.row = realm, row
        self.host = f"{row.key.host}.sspi.test"
        self.flags = STYLES[row.style]
        (folder / "libsspi.conf").write_text("")
        ours = self._environment(folder / "ours") | SANITIZED | {"LIBSSPI_CONFIG": str(folder / "libsspi.conf")}
        endpoint = Endpoint("libsspi", [str(BUILD / "sspi-probe"), str(BUILD / "libsspi.so")], ours, folder)
        self.ours = Kerberos(stack.enter_context(endpoint), realm.name, "alice")
        theirs = self._environment(folder / row.peer)
        self.tickets = theirs["KRB5CCNAME"]
        self.theirs: Gss | Gensec = (
            Gensec("samba_gensec", theirs, self._gensec()) if row.peer == "Samba" else
            Gss("gss_krb5", theirs, {"library": row.peer}))
        stack.enter_context(self.theirs)
        self.server_password = realm.accounts["second"].password if row.peer == "Samba" else ""  # others have a keytab
        sides = (self.ours, self.theirs)
        self.client, self.server = sides if row.direction == TO_PEER else sides[::-1]

    def _gensec(self) -> dict[str, Any]:
        """As a server Samba is bob, whose password makes the key."""
        return {"user": self.realm.accounts["second"].user, "domain": self.realm.name, "ccache": self.tickets,
                "smb_conf": str(self.realm.smb_conf), "options": {"realm": self.realm.name},
                "dce": bool(self.flags & GSS_DCE_STYLE)}

    def _environment(self, folder: Path) -> dict[str, str]:
        """A ticket cache and a replay cache of its own, and a krb5.conf that asks for keys of one type."""
        folder.mkdir()
        name = self.row.key.name
        conf = self._narrowed(folder / "krb5.conf", "kdc = ", default_tkt_enctypes=name, default_tgs_enctypes=name)
        environment = self.realm.environment() | {
            "KRB5CCNAME": f"FILE:{folder}/ccache", "KRB5RCACHEDIR": str(folder), "KRB5_CONFIG": str(conf)}
        account = self.realm.accounts["normal"]
        subprocess.run(["kinit", account.user], input=f"{account.password}\n".encode(), env=environment, check=True,
                       stdout=subprocess.DEVNULL)
        if folder.name in ("Heimdal", "Samba"):  # has names of its own, and would try UDP
            name = {"arcfour-hmac": "arcfour-hmac-md5"}.get(name, name)
            environment["KRB5_CONFIG"] = str(self._narrowed(folder / "heimdal.conf", "kdc = tcp/", default_etypes=name))
        return environment

    def _narrowed(self, path: Path, kdc: str, **settings: str) -> Path:
        conf = self.realm.krb5_conf.read_text().replace("kdc = ", kdc)
        more = "".join(f"    {name} = {value}\n" for name, value in settings.items())
        path.write_text(conf.replace("[libdefaults]\n", f"[libdefaults]\n{more}"))
        return path

    def establish(self, more: int = 0, host: str = "") -> list[bytes]:
        """The tokens. `more`: GSS flags besides those of the style."""
        flags, host = self.flags | more, host or self.host
        self.theirs.given = {**self.theirs.given, "flags": flags, "host": host}
        self.ours.target = "bob" if self.row.peer == "Samba" and host == self.host else f"HTTP/{host}"
        self.ours.package_list = None
        self.ours.asc_flags = ASC_FLAGS | more
        self.ours.isc_flags = flags & 0x1F | (ISC_INTEGRITY if flags & GSS_INTEGRITY else 0) | (
            DCE_STYLE if flags & GSS_DCE_STYLE else 0)
        return handshake(self.client, self.server, self.row.package, "", self.server_password)

    @property
    def ways(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Sender and receiver, both ways."""
        return (self.client, self.server), (self.server, self.client)


def check_handshake(pair: Pair) -> None:
    """Same key, of the type of the row, same flags, and the acceptor knows who came."""
    pair.establish()
    assert pair.ours.key() == pair.theirs.key()
    assert pair.ours.enctype() == pair.row.key.number
    client = "alice@SSPI.TEST"
    if isinstance(pair.theirs, Gss):  # gensec has nothing to say without an account database
        flags, client = pair.theirs.about()
        assert flags & pair.flags == pair.flags, f"their flags are {flags:#x}"
    for ours, theirs in ((0x1E, 0x1E), (DCE_STYLE, GSS_DCE_STYLE)):
        assert bool(pair.ours.attributes & ours) is bool(pair.flags & theirs), f"ours are {pair.ours.attributes:#x}"
    if pair.server is pair.ours:
        assert pair.ours.name() == "SSPI.TEST\\alice"
    else:
        assert client == "alice@SSPI.TEST"


def check_sign(pair: Pair) -> None:
    pair.establish()
    sign_both_ways((pair.ours, pair.theirs), (*MESSAGES, b""))
    assert len(pair.ours.sign(b"size")) == pair.row.key.signature


def _layouts(pair: Pair, sender: object, sealed: bool) -> tuple[str, ...]:
    """What the sender can make. In DCE style everything is in front of the data, and Heimdal's gss_wrap_iov has no
    unsealed messages then."""
    if not pair.flags & GSS_DCE_STYLE:
        return ("wrap", "header", "trailer")
    limited = pair.row.peer == "Samba" or (pair.row.peer == "Heimdal" and not sealed)
    return ("wrap",) if limited and sender is pair.theirs else ("header",)


def _cuts(pair: Pair, receiver: object, message: bytes, data: bytes, sealed: bool) -> tuple[int, ...]:
    """The ways to open a message: 0 and -1 as it is, positive numbers cut in two. RC4 has padding behind, which a cut
    would leave there. Heimdal's gss_unwrap_iov opens sealed messages of AES, in two."""
    header, aes = len(message) - len(data), pair.row.enctype != "rc4"
    if pair.row.peer == "Samba" and receiver is pair.theirs:
        return (0,)
    if pair.row.peer == "Heimdal" and receiver is pair.theirs:
        return (header, 0) if aes and sealed else (0,)
    if pair.flags & GSS_DCE_STYLE:
        return (header,)
    return (0, -1, header) if aes else (0, -1)


def check_wrap(pair: Pair, sealed: bool) -> None:
    pair.establish()
    for turn, data in enumerate((*MESSAGES, b"")):
        for sender, receiver in pair.ways:
            for layout in _layouts(pair, sender, sealed):
                message = sender.wrap(data, sealed, layout)
                assert len(data) < 4 or (data in message) is not sealed
                cuts = _cuts(pair, receiver, message, data, sealed)
                assert receiver.unwrap(message, sealed, cuts[turn % len(cuts)]) == data


def check_rpc(pair: Pair) -> None:
    """Header and trailer of an RPC message are signed, the data between them is sealed."""
    pair.establish()
    for sender, receiver in pair.ways:
        for data in (b"stub data of sixteen bytes times", MESSAGES[1][:1792]):
            sealed = sender.wrap(data, True, "header", AROUND)
            assert receiver.unwrap(sealed, True, len(sealed) - len(data), AROUND) == data
        sealed = sender.wrap(b"stub data", True, "header", AROUND)
        refuses(receiver, "unwrap", sealed, True, len(sealed) - 9, (AROUND[0], b"a trailor"))


def _message(pair: Pair, turn: int, sealed: bool) -> tuple[Any, bytes, int]:
    """The receiver, a message for it in a context of its own, and how to open it."""
    pair.establish()
    sender, receiver = pair.ways[turn]
    message = sender.wrap(b"a message", sealed, _layouts(pair, sender, sealed)[0])
    return receiver, message, _cuts(pair, receiver, message, b"a message", sealed)[0]


def check_tamper(pair: Pair) -> None:
    """Flags, sizes, number, body, both ways. The number of an RC4 message is bound to its place by its value only, and
    Samba is deaf to what gss_unwrap says about numbers."""
    rc4, samba = pair.row.enctype == "rc4", pair.row.peer == "Samba"
    for turn in (0, 1):
        number = () if samba and pair.ways[turn][1] is pair.theirs else (15,)
        places = (29, 37, -1) if rc4 else (2, 5, *number, 16, -1)
        for sealed, at in product((True,) if samba else (True, False), places):
            receiver, message, cut = _message(pair, turn, sealed)
            refuses(receiver, "unwrap", flipped(message, at), sealed, cut)
        for at in (29, -1) if rc4 else (2, *number, 16, -1):
            pair.establish()
            sender, receiver = pair.ways[turn]
            refuses(receiver, "verify", b"a message", flipped(sender.sign(b"a message"), at))
        pair.establish()
        sender, receiver = pair.ways[turn]
        refuses(receiver, "verify", b"a massage", sender.sign(b"a message"))


def check_order(pair: Pair) -> None:
    """A message twice, and one too early. A GSS peer looks when sequence detection was asked for, Samba
    never, libsspi always."""
    for turn in (0, 1):
        if pair.ways[turn][1] is pair.theirs and (pair.row.peer == "Samba" or not pair.flags & GSS_SEQUENCE):
            continue
        receiver, message, cut = _message(pair, turn, True)
        assert receiver.unwrap(message, True, cut) == b"a message"
        refuses(receiver, "unwrap", message, True, cut, status=OUT_OF_SEQUENCE)
        pair.establish()
        sender, receiver = pair.ways[turn]
        sender.sign(b"lost on the way")
        refuses(receiver, "verify", b"early", sender.sign(b"early"), status=OUT_OF_SEQUENCE)


def check_replay(pair: Pair) -> None:
    """The first token once more, to a new context."""
    first = pair.establish()[0]
    pair.server.start("accept", pair.row.package, "")
    refuses(pair.server, "step", first, status=LOGON_DENIED)


def check_wrong_key(pair: Pair) -> None:
    """The KDC has a newer key than the acceptor."""
    try:
        pair.establish(host="rekeyed.sspi.test")
    except Refused as refusal:
        # Heimdal's SPNEGO goes on to NTLM, for which libsspi's side has no password.
        assert refusal.during is pair.server or pair.row.package == "Negotiate", f"the client refused: {refusal}"
        assert pair.server is not pair.ours or str(refusal) == LOGON_DENIED, refusal
        return
    raise AssertionError("somebody got in with a ticket in a key that the acceptor lacks")


CHECKS: dict[str, Callable[[Pair], None]] = {
    "handshake": check_handshake, "sign": check_sign, "seal": lambda pair: check_wrap(pair, True),
    "integrity only": lambda pair: check_wrap(pair, False), "RPC": check_rpc, "tamper refused": check_tamper,
    "order refused": check_order, "replay refused": check_replay, "key refused": check_wrong_key,
}
