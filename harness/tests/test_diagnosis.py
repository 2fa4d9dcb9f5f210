# SPDX-License-Identifier: Apache-2.0
"""diagnose: every rule on exchanges that are made here, the order of findings, and what is printed."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sspi_conform import cli
from sspi_conform.captures import load_sources
from sspi_conform.diagnosis import engine, texts
from sspi_conform.diagnosis.model import Diagnosed
from sspi_conform.exchange import file
from sspi_conform.exchange.model import CLIENT, LDAP, NT_STATUS, SERVER, Exchange, Leg, Recording, Status
from sspi_conform.tokens import ntlm

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
