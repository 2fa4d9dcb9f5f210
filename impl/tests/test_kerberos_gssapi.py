# SPDX-License-Identifier: Apache-2.0
"""libsspi's Kerberos against MIT GSSAPI, which shares libkrb5 with it but none of the code under test."""
from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import kerberos_sspi as sspi  # noqa: E402  (needs the line above)
from kerberos_sspi import CONF, CONTINUE, ISC_INTEGRITY, MUTUAL, OK, REPLAY, SEQUENCE  # noqa: E402
from kerberos_world import Realm, world  # noqa: E402

gssapi = pytest.importorskip("gssapi")
Flag = gssapi.RequirementFlag

BAD_BINDINGS = 0x80090346
ALL = MUTUAL | REPLAY | SEQUENCE | CONF | ISC_INTEGRITY
GSS_ALL = (Flag.mutual_authentication | Flag.replay_detection | Flag.out_of_sequence_detection | Flag.confidentiality
           | Flag.integrity)
SERVICE = gssapi.Name("HTTP@web.sspi.test", gssapi.NameType.hostbased_service)
SIZES = (0, 1, 15, 16, 17, 1000, 65536)


@pytest.fixture(scope="module", autouse=True)
def realm() -> Iterator[Realm]:
    with Realm() as live, world(live):
        yield live


def bound(data: bytes | None) -> object:
    return gssapi.raw.ChannelBindings(application_data=data) if data is not None else None


def to_gss(flags: int, bindings: bytes | None = None, gss_bindings: bytes | None = None, host: str = "web"
           ) -> tuple[sspi.Context, object]:
    """libsspi initiates, GSSAPI accepts."""
    client = sspi.Context(sspi.Credential(sspi.OUTBOUND), True, flags, target=f"HTTP/{host}.sspi.test")
    client.bindings = sspi.channel_bindings(bindings) if bindings is not None else None
    server = gssapi.SecurityContext(usage="accept", channel_bindings=bound(gss_bindings))
    out = client.leg()
    assert out.status in (OK, CONTINUE), hex(out.status)
    back = server.step(out.token)
    while back:
        if server._last_err:  # step() put it off because it had an error token to hand out
            raise server._last_err
        out = client.leg(back)
        assert out.status == OK, hex(out.status)
        back = server.step(out.token) if out.token else None
    assert server.complete
    return client, server


def from_gss(flags: int, asc: int = 0, bindings: bytes | None = None, gss_bindings: bytes | None = None,
             host: str = "web") -> tuple[object, sspi.Context, sspi.Leg]:
    """GSSAPI initiates, libsspi accepts."""
    service = gssapi.Name(f"HTTP@{host}.sspi.test", gssapi.NameType.hostbased_service)
    client = gssapi.SecurityContext(name=service, usage="initiate", flags=flags, channel_bindings=bound(gss_bindings))
    server = sspi.Context(sspi.Credential(sspi.INBOUND), False, asc)
    server.bindings = sspi.channel_bindings(bindings) if bindings is not None else None
    leg = server.leg(client.step())
    while leg.status in (OK, CONTINUE) and leg.token:
        more = client.step(leg.token)
        if not more:
            break
        leg = server.leg(more)
    return client, server, leg


def gss_open(context: object, token: bytes, data: bytes) -> bytes:
    """MIT opens tokens of DCE style through its iov functions only."""
    iov = gssapi.raw.IOV((gssapi.raw.IOVBufferType.header, False, token), data, std_layout=False)
    gssapi.raw.unwrap_iov(context, iov)
    return bytes(iov[1].value)


def exchange(ours: sspi.Context, gss: object) -> None:
    """Messages of all kinds and sizes, both ways."""
    for size, encrypted in itertools.product(SIZES, (True, False)):
        data = bytes(i & 0xFF for i in range(size))
        wrapped = gss.wrap(data, encrypted).message
        assert ours.unseal(wrapped) == (OK, data, 0 if encrypted else sspi.NO_ENCRYPT)
        token, body = ours.seal(data, 0 if encrypted else sspi.NO_ENCRYPT)
        plain = gss.unwrap(token + body)
        assert plain.message == data and plain.encrypted is encrypted
        # A token of another rotation, cut where its sender did not cut it.
        wrapped = gss.wrap(data, encrypted).message
        cut = len(wrapped) - size
        assert ours.unseal_split(wrapped[:cut], wrapped[cut:]) == (OK, data)
        assert ours.verify(data, gss.get_signature(data)) == OK
        gss.verify_signature(data, ours.sign(data))


def test_initiator_two_legs() -> None:
    client, server = to_gss(ALL)
    assert str(server.initiator_name) == "alice@SSPI.TEST"
    assert server.actual_flags & GSS_ALL == GSS_ALL
    exchange(client, server)


def test_initiator_one_leg() -> None:
    client, server = to_gss(CONF | ISC_INTEGRITY)
    exchange(client, server)


def test_initiator_dce_style() -> None:
    client, server = to_gss(ALL | sspi.DCE_STYLE)
    data = b"stub data of sixteen bytes times"
    token, body = client.seal(data)
    assert len(token) == 76 and token[4:8].hex() == "0010001c"
    assert gss_open(server, token, body) == data
    iov = gssapi.raw.IOV(gssapi.raw.IOVBufferType.header, data, std_layout=False)
    gssapi.raw.wrap_iov(server, iov)
    header, body = (bytes(buffer.value) for buffer in iov)
    assert header[4:8].hex() == "0010001c"
    assert client.unseal_split(header, body) == (OK, data)


def test_acceptor_two_legs() -> None:
    client, server, leg = from_gss(GSS_ALL)
    assert leg.status == OK and client.complete
    assert server.name() == "SSPI.TEST\\alice"
    exchange(server, client)


def test_acceptor_one_leg() -> None:
    client, server, leg = from_gss(Flag.confidentiality | Flag.integrity)
    assert leg.status == OK and not leg.token and client.complete
    exchange(server, client)


def test_acceptor_dce_style() -> None:
    client, server, leg = from_gss(GSS_ALL | Flag.dce_style)
    assert leg.status == OK and client.complete
    data = b"stub data"
    token, body = server.seal(data)
    assert gss_open(client, token, body) == data


@pytest.mark.parametrize("asked", [0, MUTUAL, REPLAY, SEQUENCE, CONF, ISC_INTEGRITY])
def test_flags_that_an_mit_acceptor_sees(asked: int) -> None:
    _, server = to_gss(asked)
    want = {MUTUAL: Flag.mutual_authentication, REPLAY: Flag.replay_detection | Flag.integrity,
            SEQUENCE: Flag.out_of_sequence_detection | Flag.integrity, CONF: Flag.confidentiality,
            ISC_INTEGRITY: Flag.integrity}.get(asked, 0)
    assert int(server.actual_flags) & int(GSS_ALL) == int(want)


def test_session_key_is_the_subkey_of_the_acceptor() -> None:
    client, server = to_gss(ALL)
    keys = gssapi.raw.inquire_sec_context_by_oid(server, gssapi.OID.from_int_seq("1.2.840.113554.1.2.2.5.5"))
    assert keys[0] == client.session_key()


@pytest.mark.parametrize("ours,theirs,works", [
    (b"tls:this", b"tls:this", True), (b"tls:this", b"tls:other", False), (None, b"tls:this", False),
    (b"tls:this", None, True)])
def test_bindings_to_an_mit_acceptor(ours: bytes | None, theirs: bytes | None, works: bool) -> None:
    if works:
        to_gss(ALL, ours, theirs)
    else:
        with pytest.raises(gssapi.exceptions.BadChannelBindingsError):
            to_gss(ALL, ours, theirs)


@pytest.mark.parametrize("ours,theirs,asc,status", [
    (b"tls:this", b"tls:this", 0, OK),
    (b"tls:this", b"tls:other", 0, BAD_BINDINGS),
    (b"tls:this", b"tls:other", sspi.ALLOW_MISSING, BAD_BINDINGS),
    (b"tls:this", None, 0, BAD_BINDINGS),
    (b"tls:this", None, sspi.ALLOW_MISSING, OK),  # MIT does not announce that it knows of bindings
    (None, b"tls:this", 0, OK),
    (None, None, 0, OK)])
def test_bindings_of_an_mit_initiator(ours: bytes | None, theirs: bytes | None, asc: int, status: int) -> None:
    _, _, leg = from_gss(GSS_ALL, asc, ours, theirs)
    assert leg.status == status


def test_delegation_to_an_mit_acceptor() -> None:
    identity = ("alice", "SSPI.TEST", "Alice-knows-7")
    client = sspi.Context(sspi.Credential(sspi.OUTBOUND, identity=identity), True, MUTUAL | sspi.DELEGATE,
                          target="HTTP/deleg.sspi.test")
    server = gssapi.SecurityContext(usage="accept")
    out = client.leg()
    client.leg(server.step(out.token))
    assert out.flags & sspi.DELEGATE
    assert str(server.delegated_creds.name) == "alice@SSPI.TEST"


def test_delegation_of_an_mit_initiator(realm: Realm, tmp_path: Path) -> None:
    # MIT forwards when asked, whatever OK-AS-DELEGATE says, if the TGT is forwardable.
    cred = gssapi.raw.acquire_cred_with_password(
        gssapi.Name("alice@SSPI.TEST", gssapi.NameType.kerberos_principal), b"Alice-knows-7").creds
    client = gssapi.SecurityContext(name=SERVICE, creds=cred, usage="initiate",
                                    flags=GSS_ALL | Flag.delegate_to_peer)
    server = sspi.Context(sspi.Credential(sspi.INBOUND), False, 0)
    leg = server.leg(client.step())
    assert leg.status == OK
    assert bool(leg.flags & sspi.DELEGATE) == bool(client.actual_flags & Flag.delegate_to_peer)


# Services of the realm with keys of one encryption type, and the bytes of such a key.
AES = {"web": 32, "aes128": 16, "sha384": 32}


@pytest.mark.parametrize("host", AES)
def test_every_aes(host: str) -> None:
    client, server = to_gss(ALL, host=host)
    assert len(client.session_key()) == AES[host]
    exchange(client, server)
    client, server, leg = from_gss(GSS_ALL, host=host)
    assert leg.status == OK
    exchange(server, client)


def rc4_exchange(ours: sspi.Context, gss: object) -> None:
    """Messages of RFC 4757 in the layout of the interoperability page: TOKEN, DATA, PADDING."""
    for size, encrypted in itertools.product((*SIZES, 211, 212, 213), (True, False)):
        data = bytes(i & 0xFF for i in range(size))
        wrapped = gss.wrap(data, encrypted).message
        assert ours.unseal(wrapped) == (OK, data, 0 if encrypted else sspi.NO_ENCRYPT)
        token, body = ours.seal(data, 0 if encrypted else sspi.NO_ENCRYPT, padding=16)
        assert len(token) + len(body) == len(wrapped) and token[0] == 0x60
        plain = gss.unwrap(token + body)
        assert plain.message == data and plain.encrypted is encrypted
        signature = gss.get_signature(data)
        assert ours.verify(data, signature) == OK
        mine = ours.sign(data)
        assert len(mine) == len(signature) == 37
        gss.verify_signature(data, mine)
    with pytest.raises(gssapi.exceptions.GSSError):
        gss.verify_signature(b"other", ours.sign(b"data"))


def test_rc4() -> None:
    """One leg, so that no acceptor brings another key; with more legs and DCE style: test_foreign_kerberos.py."""
    client, server = to_gss(CONF | ISC_INTEGRITY, host="rc4")
    assert len(client.session_key()) == 16
    rc4_exchange(client, server)


def test_rc4_ticket_and_an_acceptor_that_knows_better() -> None:
    """RFC 4537: as recorded of Windows 10, the authenticator says which other types the initiator knows."""
    client, server = to_gss(ALL, host="rc4")
    assert len(client.session_key()) == 32
    exchange(client, server)


def test_rc4_ticket_and_an_initiator_that_knows_better() -> None:
    """RFC 4537: as recorded of Windows 2019, the subkey of the acceptor is an AES key then."""
    client, server, leg = from_gss(GSS_ALL, host="rc4")
    assert leg.status == OK and len(server.session_key()) == 32
    exchange(server, client)
