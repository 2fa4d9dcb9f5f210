# SPDX-License-Identifier: Apache-2.0
"""diagnose: every rule on exchanges that are made here, the order of findings, and what is printed."""
from __future__ import annotations

import json
import random
import types
from dataclasses import replace
from pathlib import Path

import pytest
from sspi_conform import cli
from sspi_conform.captures import load_sources
from sspi_conform.diagnosis import engine, shown, texts
from sspi_conform.diagnosis import ntlm as ntlm_rules
from sspi_conform.diagnosis.model import Diagnosed
from sspi_conform.exchange import file
from sspi_conform.exchange.model import CLIENT, HTTP, LDAP, NT_STATUS, SERVER, STATUS_KINDS, Exchange, Leg, Recording, Status
from sspi_conform.model import ConformError
from sspi_conform.tokens import ntlm, spnego

ROOT = Path(__file__).resolve().parents[2]
REFUSED = Status(NT_STATUS, 0xC000006D, "STATUS_LOGON_FAILURE", False)
ACCEPTED = Status(NT_STATUS, 0, "STATUS_SUCCESS", True)
FLAGS = 0xE2888235
SERVER_PAIRS = ((ntlm.AV_NB_DOMAIN, "CONFORM".encode("utf-16-le")), (ntlm.AV_NB_COMPUTER, "SRV".encode("utf-16-le")),
                (ntlm.AV_DNS_COMPUTER, "srv.conform.test".encode("utf-16-le")), (ntlm.AV_TIMESTAMP, bytes(8)))


def authenticate(mic: bytes | None = b"\7" * 16, av_flags: int = 2, bindings: bytes | None = bytes(16),
                 target: str = "HTTP/srv.conform.test", user: str = "ann", nt_response: bytes | None = None) -> bytes:
    pairs = [*SERVER_PAIRS, (ntlm.AV_FLAGS, av_flags.to_bytes(4, "little")), (ntlm.AV_SINGLE_HOST, bytes(48))]
    if bindings is not None:
        pairs.append((ntlm.AV_CHANNEL_BINDINGS, bindings))
    pairs.append((ntlm.AV_TARGET_NAME, target.encode("utf-16-le")))
    blob = b"\1\1" + bytes(6) + bytes(8) + b"clientch" + bytes(4) + ntlm.write_av_pairs(pairs) + bytes(4)
    return ntlm.Authenticate(FLAGS, "CONFORM".encode("utf-16-le"), user.encode("utf-16-le"), b"", bytes(24),
                             bytes(16) + blob if nt_response is None else nt_response, bytes(16), ntlm.Version(10, 0, 19041),
                             mic).pack()


NEGOTIATE = ntlm.Negotiate(0xE20882B7, version=ntlm.Version(10, 0, 19041)).pack()
CHALLENGE = ntlm.Challenge(0xE2898235, b"challeng", "CONFORM".encode("utf-16-le"), ntlm.write_av_pairs(SERVER_PAIRS),
                           ntlm.Version(10, 0, 17763)).pack()


def exchange(last: bytes, outcome: Status | None = REFUSED, transport: str = "SMB2", **facts: object) -> Exchange:
    """Raw NTLM with `last` as the AUTHENTICATE."""
    legs = (Leg(CLIENT, NEGOTIATE, 4), Leg(SERVER, CHALLENGE, 5), Leg(CLIENT, last, 6, facts=facts),
            Leg(SERVER, None, 7, status=outcome))
    return Exchange(0, transport, legs, "0", "10.0.0.1", "10.0.0.2", 445, outcome)


def diagnosed(*exchanges: Exchange) -> list[Diagnosed]:
    return [one for _, one in engine.diagnose(Recording("pcap", "x", "", exchanges))]


def ids(one: Exchange) -> list[str]:
    return [found.text.id for found in diagnosed(one)[0].findings]


def test_texts_cite_rows_that_exist() -> None:
    sources = load_sources(ROOT / "captures" / "sources.yaml", ROOT)
    known = texts.load((*engine.MODULES, engine.LAST))
    assert {name for text in known.values() for name in text.sources} <= set(sources)


def test_a_success_has_no_finding() -> None:
    assert ids(exchange(authenticate(), ACCEPTED)) == []


@pytest.mark.parametrize(("made", "expected"), [
    (exchange(authenticate(mic=None)), "mic-absent"),
    (exchange(authenticate(mic=bytes(16))), "mic-absent"),
    (exchange(authenticate(), mic="wrong", proof="right"), "mic-wrong"),
    (exchange(authenticate(), proof="wrong", mic="wrong"), "proof-wrong"),
    (exchange(authenticate(user="", nt_response=b"")), "anonymous-instead"),
    (exchange(authenticate(nt_response=b"x" * 24, mic=None)), "ntlmv1-refused"),
    (exchange(authenticate()), "wrong-password"),
    (exchange(authenticate(), replace(REFUSED, value=0xC0000064)), "no-such-user"),
    (exchange(authenticate(target="cifs/other.conform.test"), proof="right", mic="right"), "target-name-mismatch"),
    (exchange(authenticate(), Status(NT_STATUS, 0xC0000418, "", False)), "ntlm-blocked"),
    (exchange(authenticate(), Status(NT_STATUS, 0xC0000388, "", False)), "refused"),
    (exchange(authenticate(), Status(LDAP, 49, "invalidCredentials", False, "LdapErr: x, data 525, v1")), "no-such-user"),
])
def test_first_finding(made: Exchange, expected: str) -> None:
    assert ids(made)[:1] == [expected]


def http_exchange(scheme: str, *legs: Leg, host: str = "srv.conform.test:8080") -> Exchange:
    """As `curl -v` tells it: without the client's address, the server's last answer 401."""
    refused = Status(HTTP, 401, "Unauthorized", False)
    about = {"host": host, "scheme": scheme, "schemes": "Negotiate NTLM"}
    return Exchange(0, "curl", (*legs, Leg(SERVER, None, 26, status=refused)), server="10.0.0.2", server_port=8080, outcome=refused,
                    about=about)


SHORT = Leg(CLIENT, ntlm.Negotiate(0x00088206).pack(), 4)  # what curl --ntlm offers: no 128 bit keys
ANSWER = (Leg(SERVER, CHALLENGE, 12), Leg(CLIENT, authenticate(target="HTTP/srv.conform.test:8080"), 20))


@pytest.mark.parametrize(("made", "expected"), [
    (http_exchange("NTLM", SHORT), "key-too-short"),
    (http_exchange("NTLM", SHORT, *ANSWER), "wrong-password"),
    (http_exchange("NTLM", SHORT, *ANSWER, host="10.0.0.2:8080"), "wrong-password"),
    (http_exchange("Negotiate", SHORT, *ANSWER, host="10.0.0.2:8080"), "address-and-refused"),
])
def test_what_a_401_is_about(made: Exchange, expected: str) -> None:
    """Who went as far as the AUTHENTICATE was not refused for its key; who chose the scheme NTLM, not for an address."""
    assert ids(made)[:1] == [expected]


def test_the_head_and_the_rest_of_an_exchange() -> None:
    [(view, found)] = engine.diagnose(Recording("curl", "x", "", (http_exchange("NTLM", SHORT, *ANSWER),)))
    text = "\n".join(shown.lines(found, view, {}, False))
    assert text.startswith("exchange 0: curl ? -> 10.0.0.2:8080, 4 legs, failed: 401 Unauthorized") and "(line 26)" in text
    assert "srv.conform.test looks for it" in text
    [(view, found)] = engine.diagnose(Recording("curl", "x", "", (without(NEGOTIATE, flags=0xC20882B7),)))
    assert "  (1 note: --all)" in list(shown.lines(found, view, {}, False))


def notes(one: Exchange) -> list[str]:
    return [found.text.id for found in diagnosed(one)[0].notes]


def spnego_exchange(mech_types: tuple[str, ...], framed: bool = True) -> Exchange:
    first = spnego.NegTokenInit(mech_types, NEGOTIATE, framed=framed).pack()
    return Exchange(0, "HTTP", (Leg(CLIENT, first, 4), Leg(SERVER, spnego.NegTokenResp(0).pack(), 5)), outcome=ACCEPTED)


def changed(message: ntlm.Message, **members: object) -> bytes:
    return replace(message, **members).pack()


def without(token: bytes, **members: object) -> Exchange:
    """An exchange accepted, with something else in place of the first message of the token's kind."""
    kinds = {ntlm.Negotiate: 0, ntlm.Challenge: 1, ntlm.Authenticate: 2}
    message = ntlm.parse(token)
    legs = list(exchange(authenticate(), ACCEPTED).legs)
    legs[kinds[type(message)]] = replace(legs[kinds[type(message)]], token=changed(message, **members))
    return replace(exchange(authenticate(), ACCEPTED), legs=tuple(legs))


HINT = Exchange(0, "SMB2", (Leg(SERVER, spnego.NegTokenInit((spnego.MS_KRB5, spnego.NTLM), hint_name=spnego.HINT_NAME,
                                                            is_init2=True).pack(), 3),), outcome=ACCEPTED)
REVERSED = tuple(reversed(SERVER_PAIRS))


@pytest.mark.parametrize(("made", "expected"), [
    (exchange(authenticate(), ACCEPTED), []),
    (without(NEGOTIATE, version=None, flags=0xE00882B7), ["no-version"]),
    (without(NEGOTIATE, flags=0xC20882B7), ["flags-always-set"]),
    (without(NEGOTIATE, flags=0xE20882B7 | 0x100), ["flags-never-set"]),
    (without(CHALLENGE, target_info=ntlm.write_av_pairs(REVERSED)), ["target-info-order"]),
    (exchange(authenticate(bindings=None), ACCEPTED), ["client-pairs-missing"]),
    (without(authenticate(), lm_response=b"\1" * 24), ["lm-response-given"]),
    (spnego_exchange((spnego.NTLM,)), []),
    (spnego_exchange((spnego.KRB5, spnego.NTLM)), ["mechanisms-listed-otherwise"]),
    (spnego_exchange((spnego.NTLM,), framed=False), ["first-token-unframed"]),
    (HINT, ["hint-lists-otherwise"]),
])
def test_notes(made: Exchange, expected: list[str]) -> None:
    assert notes(made) == expected
    assert ids(made) == []


def test_consequences_come_behind() -> None:
    """A finding that is `after` another stands behind it, wherever in the exchange it strikes."""
    known = texts.load((*engine.MODULES, engine.LAST))
    assert all(other != text.id for text in known.values() for other in text.after)


@pytest.mark.parametrize(("line", "says"), [
    ("mic-absent: {title: a, says: b, clause: c, causes: [{cause: d, check: e}], sourcs: [f]}", "unknown key 'sourcs'"),
    ("mic-absent: {title: a, says: b, clause: c}", "has no causes"),
    ("mic-absnt: {title: a, says: b, clause: c, causes: [{cause: d, check: e}]}", "no rule of"),
    ("mic-absent: {title: a, says: b, clause: c, causes: [{cause: d}]}", "'check' is missing"),
    ("mic-absent: {title: a, says: b, clause: c, causes: [{cause: d, check: e}], after: [nothing]}", "which is no diagnosis"),
])
def test_texts_are_read_strictly(line: str, says: str, tmp_path: Path) -> None:
    module = types.ModuleType("made_up")
    module.__file__ = str(tmp_path / "made_up.py")
    module.RULES = (ntlm_rules.mic_absent,)
    (tmp_path / "made_up.yaml").write_text(line)
    with pytest.raises(ConformError, match=says):
        texts.load((module,))


def test_hostile_tokens_end_nothing() -> None:
    """Truncated, flipped and random tokens, in every place of an exchange, facts of another kind, and no legs at all."""
    chance = random.Random(7)
    legs = exchange(authenticate()).legs
    first = spnego.NegTokenInit((spnego.MS_KRB5, spnego.NEGOEX, spnego.NTLM), NEGOTIATE).pack()
    tokens = [first, spnego.NegTokenResp(3, spnego.NTLM, CHALLENGE, b"x").pack(), *(leg.token or b"" for leg in legs)]
    statuses = [Status(kind, value, "\x1b[31m", False, "data 80090346") for kind in STATUS_KINDS for value in (0, 401, 0xC000006D)]
    exchanges = []
    for number in range(3000):
        made = []
        for leg in chance.sample(legs, chance.randrange(len(legs) + 1)):
            token = bytearray(chance.choice(tokens))
            for _ in range(chance.randrange(3)):
                if token:
                    token[chance.randrange(len(token))] = chance.randrange(256)
            made.append(replace(leg, token=bytes(token[:chance.randrange(len(token) + 1)]) or None, status=chance.choice(statuses),
                                facts={"mic": "wrong", "proof": 7, "bindings": [], "mech-list-mic": None}))
        exchanges.append(Exchange(number, chance.choice(("HTTP", "LDAP", "")), tuple(made), outcome=chance.choice(statuses),
                                  about={"schemes": "\n"}))
    for view, found in engine.diagnose(Recording("pcap", "x", "", tuple(exchanges))):
        text = "".join(shown.lines(found, view, {}, True))
        assert text.isprintable(), text
        json.dumps(shown.as_json(found, view))


def test_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.json"
    file.write(Recording("pcap", "x", "", (exchange(authenticate(mic=None)), exchange(authenticate(), ACCEPTED))), path)
    assert cli.main(["diagnose", str(path)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "mic-absent: The client announced" in said and "Leg 3 (frame 6)" in said and "evidence nlmp.mic.compared" in said
    assert "no divergence found in 4 legs; outcome success" in said


@pytest.mark.parametrize("content", [b"", b"{", b"nonsense"])
def test_bad_input(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    assert cli.main(["diagnose", str(tmp_path / "x")]) == 3
