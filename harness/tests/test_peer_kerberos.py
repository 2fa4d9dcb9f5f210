# SPDX-License-Identifier: Apache-2.0
"""Peer against peer in a realm: Kerberos, alone and under Negotiate, and NTLM with the realm's accounts."""
from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_peer_pair import (DCE, FLAGS, MUTUAL, OK, SEC_E_BAD_BINDINGS, SEC_E_INVALID_TOKEN, SEC_E_LOGON_DENIED,
                            SEC_E_MESSAGE_ALTERED, SEC_E_OUT_OF_SEQUENCE, Pair, Process, bindings)

from sspi_conform import tokens
from sspi_conform.peer import misbehave

pytest.importorskip("gssapi", reason="python3-gssapi is not installed: the peer has no Kerberos")
realm_package = pytest.importorskip("realm", reason="the realm package is not beside the harness")

ALLOW_MISSING, EXTENDED_ERROR = 0x10000000, 0x8000
THIS, OTHER = bindings(b"tls-server-end-point:this"), bindings(b"tls-server-end-point:other")
TARGET_UNKNOWN, NO_AUTHORITY = "0x80090303", "0x80090311"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[realm_package.Realm]:
    try:
        entered = realm_package.Realm(cache=tmp_path_factory.mktemp("cache"))
        entered.__enter__()
    except realm_package.RealmError as error:
        pytest.skip(f"no realm here: {error}")
    try:
        yield entered
    finally:
        entered.__exit__(None, None, None)


@pytest.fixture(scope="module")
def sides(live: realm_package.Realm) -> Iterator[tuple[Process, Process]]:
    environment = live.environment() | {"SSPI_PEER_SMBPASSWD": str(live.smbpasswd), "SSPI_PEER_DOMAIN": live.domain}
    with Process(environment) as initiator, Process(environment) as acceptor:
        yield initiator, acceptor


@pytest.fixture
def pair(sides: tuple[Process, Process]) -> Iterator[Pair]:
    found = Pair(*sides)
    yield found
    found.drop()


def start(pair: Pair, live: realm_package.Realm, package: str, account: str = "normal", **changes: str) -> str:
    """Acquire for an account of the realm; the target to use."""
    known = live.accounts[account]
    identity = {"User": known.user, "Domain": live.name, "Password": known.password, **changes}
    if package == "Negotiate":
        identity = {"PackageList": "!NTLM", **identity}
    pair.acquire(package, identity)
    return f"HTTP/{live.host}"


@pytest.mark.parametrize("package", ["Kerberos", "Negotiate"])
@pytest.mark.parametrize("flags", [FLAGS, FLAGS | MUTUAL, FLAGS | DCE, 0x10, 0])
def test_success(pair: Pair, live: realm_package.Realm, package: str, flags: int) -> None:
    target = start(pair, live, package)
    assert pair.establish(flags, target=target) == (OK, OK)
    assert pair.attributes["acceptor"] & 0x1F == flags & 0x1F
    assert bool(pair.attributes["acceptor"] & 0x20000) == bool(flags & 0x10000)
    if flags & 0x10:
        pair.check_protection()
    assert pair.query("acceptor", "NAMES") == {"sUserName": f"alice@{live.name}"}
    assert pair.query("acceptor", "PACKAGE_INFO")["PackageInfo"]["Name"] == "Kerberos"


@pytest.mark.parametrize("package, flags, expected", [
    ("Kerberos", FLAGS, ["AP-REQ", "none"]),
    ("Kerberos", FLAGS | MUTUAL, ["AP-REQ", "AP-REP", "none"]),
    ("Kerberos", FLAGS | DCE, ["AP-REQ", "AP-REP", "AP-REP", "none"]),
    ("Negotiate", FLAGS, ["NegTokenInit", "NegTokenResp", "none"]),
    ("Negotiate", FLAGS | MUTUAL, ["NegTokenInit", "NegTokenResp", "none"]),
    ("Negotiate", FLAGS | DCE, ["NegTokenInit", "NegTokenResp", "NegTokenResp", "NegTokenResp", "none"]),
])
def test_legs(pair: Pair, live: realm_package.Realm, package: str, flags: int, expected: list[str]) -> None:
    """As in the recordings of Windows: two legs, with DCE style three and the mechListMICs."""
    target = start(pair, live, package)
    pair.establish(flags, target=target)
    assert [tokens.kind(token) for token in pair.tokens] == expected
    shown = [tokens.fields(token) for token in pair.tokens if token]
    if package == "Negotiate":
        assert shown[0]["mechTypes"] == ["MS-KRB5", "KRB5", "NEGOEX"]
        assert shown[0]["inner.framing"] == ("none" if flags & 0x200 else "KRB5")
        assert shown[1]["supportedMech"] == "MS-KRB5"
        assert [fields["mechListMIC"] for fields in shown[2:]] == ["present", "present"] * (flags >> 9 & 1)
        assert shown[-1]["negState"] == "accept-completed"
    assert shown[0].get("sname", shown[0].get("inner.sname")) == target


def test_sizes_of_tokens(pair: Pair, live: realm_package.Realm) -> None:
    """mp.sizes.kerberos: 60 bytes in front of the data, 76 in DCE style; 76 is what SIZES says; a MIC is 28."""
    for flags, size in ((FLAGS, 60), (FLAGS | DCE, 76)):
        target = start(pair, live, "Kerberos")
        pair.establish(flags, target=target)
        assert pair.query("initiator", "SIZES")["cbSecurityTrailer"] == 76
        assert pair.query("initiator", "SIZES")["cbMaxSignature"] == 28
        made = pair.call("initiator", "EncryptMessage", ctx="x",
                         message=[{"type": "TOKEN", "size": 76}, {"type": "DATA", "hex": "00" * 20}])
        assert [buffer["size"] for buffer in made["message"]] == [size, 20]
        pair.drop()


def test_read_only_parts_are_signed(pair: Pair, live: realm_package.Realm) -> None:
    target = start(pair, live, "Kerberos")
    pair.establish(FLAGS | DCE, target=target)
    head, tail = ({"type": "DATA", "hex": text, "readonly": "checksum"} for text in ("aa" * 8, "bb" * 4))
    made = pair.call("initiator", "EncryptMessage", ctx="x", message=[
        head, {"type": "DATA", "hex": "00" * 32}, tail, {"type": "TOKEN", "size": 76}])
    assert made["status"] == OK
    assert made["message"][0]["hex"] == "aa" * 8 and made["message"][1]["hex"] != "00" * 32
    for first, expected in (("ab" + "aa" * 7, SEC_E_MESSAGE_ALTERED), ("aa" * 8, OK)):
        opened = pair.call("acceptor", "DecryptMessage", ctx="x", message=[
            head | {"hex": first}, {"type": "DATA", "hex": made["message"][1]["hex"]}, tail,
            {"type": "TOKEN", "hex": made["message"][3]["hex"]}])
        assert opened["status"] == expected


def test_order_is_checked(pair: Pair, live: realm_package.Realm) -> None:
    target = start(pair, live, "Kerberos")
    pair.establish(FLAGS, target=target)
    made = [pair.call("initiator", "MakeSignature", ctx="x", message=[
        {"type": "DATA", "hex": "01"}, {"type": "TOKEN", "size": 76}])["message"][1]["hex"] for _ in range(2)]
    for token in reversed(made):
        opened = pair.call("acceptor", "VerifySignature", ctx="x", message=[
            {"type": "DATA", "hex": "01"}, {"type": "TOKEN", "hex": token}])
        assert opened["status"] == SEC_E_OUT_OF_SEQUENCE


@pytest.mark.parametrize("package", ["Kerberos", "Negotiate"])
@pytest.mark.parametrize("client, server, flags, silent, expected", [
    (None, None, 0, False, OK),
    (THIS, THIS, 0, False, OK),
    (THIS, None, 0, False, OK),
    (OTHER, THIS, 0, False, SEC_E_BAD_BINDINGS),
    (OTHER, THIS, ALLOW_MISSING, False, SEC_E_BAD_BINDINGS),
    (None, THIS, 0, False, SEC_E_BAD_BINDINGS),
    (None, THIS, ALLOW_MISSING, False, SEC_E_BAD_BINDINGS),
    (None, THIS, 0, True, SEC_E_BAD_BINDINGS),
    (None, THIS, ALLOW_MISSING, True, OK),
])
def test_channel_bindings(pair: Pair, live: realm_package.Realm, package: str, client: str | None,
                          server: str | None, flags: int, silent: bool, expected: str) -> None:
    """The outcome cells cb.out.kerberos.*; PROXY_BINDINGS MIT cannot tell."""
    odd = {"channel-bindings-awareness": "omit"} if silent else {}
    for style in (0, MUTUAL, DCE):
        target = start(pair, live, package)
        found = pair.establish(FLAGS | style, flags, target, (client, server), odd)
        assert found[1] == expected, style
        pair.drop()


def test_refusals(pair: Pair, live: realm_package.Realm) -> None:
    for account in ("expired", "disabled", "locked", "password-expired"):
        target = start(pair, live, "Kerberos", account)
        assert pair.establish(target=target)[0] == SEC_E_LOGON_DENIED, account
        pair.drop()
    target = start(pair, live, "Kerberos", Password="wrong")
    assert pair.establish(target=target)[0] == SEC_E_LOGON_DENIED
    pair.drop()
    start(pair, live, "Kerberos")
    assert pair.establish(target="HTTP/nobody.sspi.test")[0] == TARGET_UNKNOWN


def test_default_credentials_come_from_the_ticket_cache(pair: Pair, live: realm_package.Realm) -> None:
    cache = Path(live.environment()["KRB5CCNAME"].partition(":")[2])
    shutil.copy(live.master_ccache("second"), cache)
    try:
        pair.acquire("Kerberos", None)
        assert pair.establish(target=f"HTTP/{live.host}") == (OK, OK)
        assert pair.query("acceptor", "NAMES") == {"sUserName": f"bob@{live.name}"}
    finally:
        cache.unlink()


@pytest.mark.parametrize("flags", [FLAGS, FLAGS | MUTUAL, FLAGS | DCE])
def test_reselection_needs_the_mics(pair: Pair, live: realm_package.Realm, flags: int) -> None:
    """An unknown first mechanism: the acceptor asks for MS-KRB5 and for a mechListMIC."""
    for side, value, expected in ((None, None, (OK, OK)), ("initiator", "wrong", SEC_E_MESSAGE_ALTERED),
                                  ("initiator", "drop", SEC_E_INVALID_TOKEN), ("acceptor", "wrong", None)):
        target = start(pair, live, "Negotiate")
        odd = {"initiator": {"mechanism-order": "unsupported-first"}, "acceptor": {}}
        if side:
            odd[side]["mechListMIC"] = value
        found = pair.establish(flags, 0, target, initiator=odd["initiator"], acceptor=odd["acceptor"])
        if side is None:
            assert found == expected
            assert tokens.fields(pair.tokens[1])["negState"] == "request-mic"
            pair.check_protection()
        elif expected:
            assert expected in found, (side, value, found)
        else:
            assert SEC_E_MESSAGE_ALTERED in found
        pair.drop()
        pair.tokens.clear()


def test_negotiate_falls_back_to_ntlm(pair: Pair, live: realm_package.Realm) -> None:
    known = live.accounts["normal"]
    identity = {"User": known.user, "Domain": live.domain, "Password": known.password}
    pair.acquire("Negotiate", identity)
    assert pair.establish(target="HTTP/nobody.sspi.test") == (OK, OK)
    assert tokens.fields(pair.tokens[0])["mechTypes"] == ["NTLM"]
    pair.check_protection()
    pair.drop()
    for account in ("disabled", "locked"):  # the same accounts through smbpasswd
        known = live.accounts[account]
        pair.acquire("NTLM", {"User": known.user, "Domain": live.domain, "Password": known.password})
        assert pair.establish()[1] == SEC_E_LOGON_DENIED
        pair.drop()


def test_raw_kerberos_under_negotiate(pair: Pair, live: realm_package.Realm) -> None:
    known = live.accounts["normal"]
    pair.acquire("Kerberos", {"User": known.user, "Domain": live.name, "Password": known.password}, "Negotiate")
    assert pair.establish(FLAGS | MUTUAL, target=f"HTTP/{live.host}") == (OK, OK)
    assert tokens.kind(pair.tokens[1]) == "AP-REP"


@pytest.mark.parametrize("package", ["Kerberos", "Negotiate"])
def test_damaged_tokens_never_break_the_peer(pair: Pair, live: realm_package.Realm, package: str) -> None:
    target = start(pair, live, package)
    pair.establish(FLAGS | MUTUAL, target=target)
    request = pair.tokens[0]
    for position in range(0, len(request), 11):
        for damaged in (request[:position], request[:position] + b"\xff" + request[position + 1:]):
            pair.call("acceptor", "AcceptSecurityContext", cred="c", ctx="y", fContextReq=EXTENDED_ERROR,
                      TargetDataRep=16, input=[{"type": "TOKEN", "hex": damaged.hex()}],
                      output=[{"type": "TOKEN", "size": 4096}])
            pair.call("acceptor", "DeleteSecurityContext", ctx="y", raw=True)


def test_a_dead_kdc_has_a_status_of_its_own(live: realm_package.Realm, pair: Pair) -> None:
    target = start(pair, live, "Kerberos")
    live.stop_kdc()
    try:
        assert pair.establish(target=target)[0] == NO_AUTHORITY
    finally:
        live.start_kdc()


def test_every_altered_request_is_listed() -> None:
    from sspi_conform.peer import kerberos_craft

    names = set(misbehave.TABLE["ap-req"])
    assert names - set(kerberos_craft.edits()) == {"use-session-key", "request-version", "request-type"}
    assert set(kerberos_craft.edits()) < names


@pytest.mark.parametrize("package", ["Kerberos", "Negotiate"])
@pytest.mark.parametrize("name, accepted", [("untouched", True), ("extensions", True), ("other-client", False),
                                            ("late", False), ("delegation-garbage", False)])
def test_altered_request(pair: Pair, live: realm_package.Realm, package: str, name: str, accepted: bool) -> None:
    """One leg, since the answer would be to a time that the initiator does not know it gave."""
    target = start(pair, live, package)
    status = pair.establish(FLAGS, target=target, initiator={"ap-req": name})
    assert (status == (OK, OK)) is accepted, status
