# SPDX-License-Identifier: Apache-2.0
"""What secrets and the certificate tell of a recording: every fact from tokens made here, and from recorded Windows."""
from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import recorded_exchanges
from sspi_conform import cli, importing
from sspi_conform.decode import keys
from sspi_conform.exchange import file
from sspi_conform.exchange.model import CLIENT, SERVER, Channel, Exchange, Leg, Recording
from sspi_conform.exchange.redact import redact
from sspi_conform.exchange.facts import FACTS
from sspi_conform.exchange.verify import Secrets, hash_of, verified
from sspi_conform.peer import ntlm_crypto
from sspi_conform.peer.bindings import Bindings
from sspi_conform.tokens import der, ntlm, spnego
from test_decode import FLAGS, PASSWORD, exchange
from windows_recordings import folder, needed

NOW = 133_000_000_000_000_000 / 10_000_000 - 11644473600  # what exchange() has as time, since 1970
RIGHT = Secrets(hashes=[ntlm_crypto.nt_hash(PASSWORD)])


def facts(messages: list[bytes], secrets: Secrets = Secrets(), channel: Channel | None = None,
          time: float | None = NOW) -> list[dict[str, Any]]:
    legs = tuple(Leg(SERVER if place == 1 else CLIENT, one, place, time) for place, one in enumerate(messages))
    made = verified(Recording("pcap", "x", "", (Exchange(0, "HTTP", legs, channel=channel),)), secrets)
    return [dict(leg.facts) for leg in made.exchanges[0].legs]


def answer(pairs: list[tuple[int, bytes]], mic: bytes | None = bytes(16)) -> bytes:
    blob = ntlm_crypto.blob_v2(133_000_000_000_000_000, b"abcdefgh", ntlm.write_av_pairs(pairs))
    return ntlm.Authenticate(FLAGS, nt_response=bytes(range(16)) + blob, mic=mic).pack()


def challenge(pairs: list[tuple[int, bytes]]) -> bytes:
    return ntlm.Challenge(FLAGS | ntlm.TARGET_INFO, b"12345678", b"", ntlm.write_av_pairs(pairs)).pack()


def test_proof_and_mic() -> None:
    found = facts(exchange(), RIGHT)
    assert found[:2] == [{}, {}]
    assert found[2] == {"proof": "right", "mic": "right", "mic-announced": True, "bindings": "zero", "target-name": "absent",
                        "target-info": "same", "clock-difference": 0.0}
    assert facts(exchange(), Secrets(hashes=[bytes(16)]))[2]["proof"] == "wrong"
    assert "proof" not in facts(exchange())[2] and facts(exchange())[2]["mic"] == "present"
    changed = exchange()
    changed[0] = changed[0][:12] + bytes([changed[0][12] ^ 0x10]) + changed[0][13:]
    assert facts(changed, RIGHT)[2]["mic"] == "wrong"
    assert facts([answer([], None)])[0] | {"mic": "absent", "mic-announced": False} == facts([answer([], None)])[0]


def test_bindings_against_the_certificate() -> None:
    end_point = b"\7" * 32
    ours = Channel(end_point)
    made = Bindings(0, b"", 0, b"", b"tls-server-end-point:" + end_point).hash()
    assert made == hash_of(end_point)
    for value, channel, word in ((made, ours, "of the certificate"), (made, Channel(b"\6" * 32), "of another"),
                                 (made, None, "given"), (made, Channel(), "given"), (bytes(16), ours, "zero")):
        assert facts([answer([(10, value)])], channel=channel)[0]["bindings"] == word
    assert facts([answer([])], channel=ours)[0]["bindings"] == "absent"


def test_names_and_info_against_the_challenge() -> None:
    server = [(1, "SRV".encode("utf-16-le")), (3, "srv.corp".encode("utf-16-le"))]
    for name, word in (("HTTP/srv.corp", "of the server"), ("cifs/SRV", "of the server"), ("HTTP/srv.corp:81", "of the server"),
                       ("HTTP/proxy.corp", "of another"), ("", "empty")):
        sent = [*server, (9, name.encode("utf-16-le"))]
        found = facts([challenge(server), answer(sent)])[1]
        assert (found["target-name"], found["target-info"]) == (word, "same")
    assert facts([answer([(9, b"x\0")])])[0]["target-name"] == "given"
    assert facts([challenge(server), answer(server[:1])])[1]["target-info"] == "changed"


def test_clocks() -> None:
    stamp = (133_000_000_000_000_000).to_bytes(8, "little")
    found = facts([challenge([(7, stamp)]), answer([(7, stamp)])], time=NOW - 600)
    assert found[0]["clock-difference"] == 600.0 and "clock-difference" not in found[1]
    assert "clock-difference" not in facts(exchange(), time=None)[2]
    error = der.write(0x7E, der.write(der.SEQUENCE, *(der.write(tag, value) for tag, value in (
        (0xA0, b"\2\1\5"), (0xA1, b"\2\1\x1e"), (0xA4, der.write(0x18, b"20220620081240Z")), (0xA5, b"\2\1\0"),
        (0xA6, b"\2\1\x25"), (0xA9, der.write(0x1B, b"R")),
        (0xAA, der.write(0x30, der.write(0xA0, b"\2\1\2"), der.write(0xA1, der.write(0x30, der.write(0x1B, b"h")))))))))
    assert facts([error], time=1655712760 - 30.5)[0] == {"clock-difference": 30.5}


def test_the_list_of_mechanisms() -> None:
    inner = exchange()
    types = spnego.write_mech_types((spnego.MS_KRB5, spnego.NTLM))
    signed = ntlm_crypto.Session(bytes(range(16)), FLAGS, True).sign(types)
    for listed, word in (((spnego.MS_KRB5, spnego.NTLM), "right"), ((spnego.NTLM,), "wrong")):
        whole = [spnego.NegTokenInit(listed, inner[0]).pack(), spnego.NegTokenResp(1, spnego.NTLM, inner[1]).pack(),
                 spnego.NegTokenResp(None, None, inner[2], signed).pack()]
        assert [one["mech-list-mic"] for one in facts(whole, RIGHT)] == ["absent", "absent", word]
        assert facts(whole)[2]["mech-list-mic"] == "present"


def test_facts_outlive_redaction_and_come_before_it() -> None:
    legs = tuple(Leg(CLIENT, one) for one in exchange())
    recording = Recording("pcap", "x", "", (Exchange(0, "HTTP", legs),))
    made = redact(verified(recording, RIGHT))
    assert made.exchanges[0].legs[2].facts["proof"] == "right"
    assert verified(made, RIGHT) == made


def test_hostile_tokens_have_no_facts() -> None:
    for size in range(0, len(exchange()[2]), 3):
        facts([*exchange()[:2], exchange()[2][:size]], RIGHT)
        facts([exchange()[1][:size], answer([])], RIGHT)


@needed()
def test_recorded_windows() -> None:
    place = folder()
    assert place is not None
    files = [*place.rglob("*.keytab"), *place.rglob("*.kt")]
    secrets = Secrets(keys.keys_of(files, []), [ntlm_crypto.nt_hash("Password123!"), ntlm_crypto.nt_hash("clem")])
    found: Counter[tuple[str, str]] = Counter()
    for recording in recorded_exchanges.every(place):
        for one in verified(recording, secrets).exchanges:
            for leg in one.legs:
                for name, value in leg.facts.items():
                    assert isinstance(value, (bool, int, float, list)) or value in FACTS[name], name
                    found[name, str(value)] += 1
    gateway = importing.load(place / "wireshark-rdp" / "rdp-rdg-no-kdc-proxy-ntlm-downgrade-success.pcapng")
    assert [leg.facts.get("bindings") for leg in verified(gateway).exchanges[0].legs] == [None, None, "of the certificate", None]
    for least, name, value in ((3, "proof", "right"), (2, "mic", "right"), (20, "authenticator", "right"), (20, "client", "same"),
                               (20, "pac", "right"), (20, "reply", "right"), (8, "mech-list-mic", "right"),
                               (60, "target-info", "same"), (50, "mic", "present"), (60, "bindings", "zero")):
        assert found[name, value] >= least, (name, value)
    for name, value in (("authenticator", "wrong"), ("mic", "wrong"), ("mech-list-mic", "wrong"), ("target-info", "changed"),
                        ("pac", "wrong"), ("client", "another"), ("reply", "wrong")):
        assert (name, value) not in found, (name, value)


@needed()
def test_import_keeps_what_secrets_told_and_not_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder()
    assert place is not None
    made = tmp_path / "made.json"
    secret = "Password123!"
    assert cli.main(["import", str(place / "scapy" / "dcerpc_privacy_ntlm.pcapng"), "--password", secret, "--out", str(made)]) == 0
    content = made.read_bytes()
    found = file.read(content, "x")
    assert found.redacted and [leg.facts.get("proof") for leg in found.exchanges[0].legs] == [None, None, "right", None]
    assert secret.encode() not in content and ntlm_crypto.nt_hash(secret).hex().encode() not in content
    assert secret not in capsys.readouterr().out
