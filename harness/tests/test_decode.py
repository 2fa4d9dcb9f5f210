# SPDX-License-Identifier: Apache-2.0
"""decode: every form of input, every layer, what a secret verifies; hostile tokens end in a tree, never in a traceback."""
from __future__ import annotations

import base64
import json
import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from windows_recordings import folder, needed

from sspi_conform import cli
from sspi_conform.decode import keys, kerberos_tree, ntlm_tree, token_tree
from sspi_conform.decode.text import Found, tokens
from sspi_conform.decode.tree import Node
from sspi_conform.model import ConformError
from sspi_conform.peer import ntlm_crypto
from sspi_conform.proof import inputs, krb5_crypto, recordings
from sspi_conform.tokens import ntlm, spnego

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "S3cret-for-tests"
FLAGS = ntlm.UNICODE | ntlm.NTLM | ntlm.SIGN | ntlm.EXTENDED_SESSIONSECURITY | ntlm.KEY_EXCH | ntlm.KEY_128


def exchange(password: str = PASSWORD) -> list[bytes]:
    """Three NTLM messages with a MIC, made here."""
    negotiate = ntlm.Negotiate(FLAGS).pack()
    info = ntlm.write_av_pairs([(1, "SERVER".encode("utf-16-le"))])
    challenge = ntlm.Challenge(FLAGS | ntlm.TARGET_INFO, b"12345678", "DOM".encode("utf-16-le"), info).pack()
    pairs = ntlm.write_av_pairs([(1, "SERVER".encode("utf-16-le")), (6, b"\2\0\0\0"), (10, bytes(16))])
    owf = ntlm_crypto.ntowf_v2(ntlm_crypto.nt_hash(password), "alice", "DOM")
    blob = ntlm_crypto.blob_v2(133_000_000_000_000_000, b"abcdefgh", pairs)
    proof = ntlm_crypto.proof_v2(owf, b"12345678", blob)
    exported = bytes(range(16))
    sealed = ntlm_crypto.rc4(ntlm_crypto.hmac_md5(owf, proof), exported)

    def authenticate(mic: bytes) -> bytes:
        return ntlm.Authenticate(FLAGS, "DOM".encode("utf-16-le"), "alice".encode("utf-16-le"), b"", bytes(24), proof + blob,
                                 sealed, mic=mic).pack()

    mic = ntlm_crypto.message_integrity_code(exported, negotiate, challenge, authenticate(bytes(16)))
    return [negotiate, challenge, authenticate(mic)]


def trees(messages: list[bytes], password: str | None = None) -> list[Node]:
    hashes = keys.hashes_of(password, None)
    known = token_tree.Exchange(ntlm_tree.Exchange(hashes=hashes), kerberos_tree.Exchange(keys.keys_of([], hashes)))
    return token_tree.decode_all([Found(one, "here") for one in messages], known)


def marks(nodes: list[Node]) -> list[tuple[str, str]]:
    found = []
    for node in nodes:
        found += [(node.name, node.mark)] if node.mark else []
        found += marks(node.children)
    return found


def test_a_secret_verifies_proof_and_mic() -> None:
    assert marks(trees(exchange(), PASSWORD)) == [("proof", "good"), ("MIC", "good")]
    assert marks(trees(exchange(), "another")) == [("proof", "bad")]
    assert marks(trees(exchange())) == []
    changed = exchange()
    changed[0] = changed[0][:12] + bytes([changed[0][12] ^ 0x10]) + changed[0][13:]
    assert marks(trees(changed, PASSWORD)) == [("proof", "good"), ("MIC", "bad")]
    assert "CHALLENGE it answers is not in the input" in "\n".join(trees(exchange()[2:], PASSWORD)[0].lines())


def test_the_layers_of_spnego() -> None:
    inner = exchange()
    init = spnego.NegTokenInit((spnego.MS_KRB5, spnego.NTLM), inner[0]).pack()
    text = "\n".join(trees([init])[0].lines())
    assert "mechTypes: MS-KRB5, NTLM" in text and "mechToken: NTLM NEGOTIATE, 32 bytes" in text
    signed = ntlm_crypto.Session(bytes(range(16)), FLAGS, True).sign(spnego.write_mech_types((spnego.MS_KRB5, spnego.NTLM)))
    last = spnego.NegTokenResp(None, None, inner[2], signed).pack()
    whole = [init, spnego.NegTokenResp(1, spnego.NTLM, inner[1]).pack(), last]
    assert marks(trees(whole, PASSWORD)) == [("proof", "good"), ("MIC", "good"), ("MIC", "good")]
    other = [spnego.NegTokenInit((spnego.NTLM,), inner[0]).pack(), *whole[1:]]
    assert marks(trees(other, PASSWORD)) == [("proof", "good"), ("MIC", "good"), ("MIC", "bad")]


def test_every_form_of_input(tmp_path: Path) -> None:
    first, second, third = exchange()
    word = base64.b64encode(second).decode()
    wrapped = "\n".join(word[at:at + 40] for at in range(0, len(word), 40))
    trace = (f"* Server auth using NTLM\n> GET / HTTP/1.1\n> Authorization: NTLM {base64.b64encode(first).decode()}\n>\n"
             f"< HTTP/1.1 401\n< WWW-Authenticate: Negotiate\n< WWW-Authenticate: NTLM {word}\n")
    for text in (first.hex(), "0x" + first.hex().upper(), first.hex(" "), base64.b64encode(first).decode(),
                 f"Negotiate {base64.b64encode(first).decode()}", f"Authorization: NTLM {base64.b64encode(first).decode()}\r\n"):
        assert [one.data for one in tokens(text.encode())] == [first], text
    assert [one.data for one in tokens(wrapped.encode())] == [second]
    assert [(one.data, one.sender) for one in tokens(trace.encode())] == [(first, "client"), (second, "server")]
    assert [one.data for one in tokens(f"{first.hex()}\n# between\n{word}\n{third.hex()}\n".encode())] == [first, second, third]
    assert [one.data for one in tokens(third)] == [third]


@pytest.mark.parametrize("text, words", [
    (b"", "empty"), (b"what is this?", "neither hex nor base64"), (b"x" * (2 << 20), "no token"),
    (b"Authorization: Negotiate YII=x", "neither hex nor base64|no base64"),
])
def test_what_is_no_token_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(ConformError, match=words):
        tokens(text)


def test_hostile_tokens_end_in_a_tree() -> None:
    dice = random.Random(4178)
    for message in exchange():
        token = spnego.NegTokenResp(1, spnego.NTLM, message).pack()
        for whole in (message, token):
            for size in range(len(whole)):
                "\n".join(trees([whole[:size]], PASSWORD)[0].lines())
            for _ in range(400):
                spoilt = bytearray(whole)
                for _ in range(dice.randint(1, 4)):
                    spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
                json.dumps([tree.json() for tree in trees([exchange()[0], exchange()[1], bytes(spoilt)], PASSWORD)])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tokens.txt"
    file.write_text("\n".join(one.hex() for one in exchange()))
    assert cli.main(["decode", str(file), "--password", PASSWORD]) == 0
    out = capsys.readouterr().out
    assert "NTLM AUTHENTICATE" in out and "[ok] proof: made with this password" in out and PASSWORD not in out
    assert cli.main(["decode", str(file), "--nthash", "00" * 16]) == 1
    assert "[WRONG] proof" in capsys.readouterr().out
    assert cli.main(["decode", exchange()[0].hex(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tokens"][0]["name"].startswith("NTLM NEGOTIATE")
    assert cli.main(["decode", "no/such/file.txt"]) == 3
    assert cli.main(["decode", str(file), "--nthash", "12"]) == 3
    assert cli.main(["decode", str(file), "--keytab", str(file)]) == 3


@pytest.mark.parametrize("word, given, code, told", [
    ("tokens.txt", PASSWORD + "\n", 0, "[ok] proof"), ("tokens.txt", "", 3, "no terminal to ask on"),
    ("-", exchange()[0].hex(), 3, "no terminal to ask on")])
def test_a_password_without_a_terminal(word: str, given: str, code: int, told: str, tmp_path: Path) -> None:
    """It comes from standard input, unless that is the token."""
    (tmp_path / "tokens.txt").write_text("\n".join(one.hex() for one in exchange()))
    ran = subprocess.run([ROOT / "harness" / "sspi-conform", "decode", word, "--password", "-"], input=given, capture_output=True,
                         text=True, cwd=tmp_path, start_new_session=True, check=False)
    assert (ran.returncode, told in ran.stdout + ran.stderr) == (code, True), ran.stderr


@pytest.mark.parametrize("name, told", [("hello.txt", "hello.txt, line 1: neither hex"), ("folder", "Is a directory"),
                                        ("large.txt", "large.txt: more than 1 MiB"), ("empty.txt", "empty.txt: the input is empty")])
def test_a_file_without_tokens_is_named(name: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder").mkdir()
    for file, text in (("hello.txt", "hello, world"), ("large.txt", "A" * (3 << 20)), ("empty.txt", "")):
        (tmp_path / file).write_text(text)
    assert cli.main(["decode", str(tmp_path / name)]) == 3
    assert told in capsys.readouterr().err


def recorded(exchange: recordings.Exchange, secrets: token_tree.Exchange) -> list[Node]:
    return token_tree.decode_all([Found(leg.token, str(leg.frame)) for leg in exchange.legs if leg.token], secrets)


@needed()
def test_every_recorded_token_has_a_tree() -> None:
    trees_ = [tree for one in recordings.every(folder()) for tree in recorded(one, token_tree.Exchange())]
    assert len(trees_) > 600
    assert not marks(trees_)


@needed()
def test_recorded_secrets_verify() -> None:
    found = []
    for one in inputs.known(folder()):
        if one.nt_hash:
            found += marks(recorded(one.exchange, token_tree.Exchange(ntlm_tree.Exchange(hashes=[one.nt_hash]))))
    assert found.count(("proof", "good")) == 6 and not [mark for mark in found if mark[1] == "bad"]


@needed()
def test_recorded_tickets_open() -> None:
    place = folder()
    assert place is not None
    files = [*place.rglob("*.keytab"), *place.rglob("*.kt")]
    found = []
    for one in recordings.every(place):
        found += marks(recorded(one, token_tree.Exchange(kerberos=kerberos_tree.Exchange(keys.keys_of(files, [])))))
    # The rest of the tickets is of services whose key is not in a keytab.
    for what, least in (("ticket", 20), ("authenticator", 20), ("signature", 20), ("enc-part", 20), ("MIC", 8)):
        assert found.count((what, "good")) >= least, what
    assert {name for name, mark in found if mark == "bad"} == {"ticket"}


def test_redacted_tokens_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tokens.txt"
    file.write_text("\n".join(one.hex() for one in exchange()))
    assert cli.main(["decode", str(file), "--redact"]) == 0
    out = capsys.readouterr().out
    assert [len(one.data) for one in tokens(out.encode())] == [len(one) for one in exchange()]
    text = "\n".join(line for tree in trees([one.data for one in tokens(out.encode())]) for line in tree.lines())
    assert "alice" not in text and "SERVER" not in text and "NTLM AUTHENTICATE" in text


def test_sha2_of_rfc_8009() -> None:
    """Appendix A: usage 2, a plaintext shorter than a block."""
    for etype, key, confounder, cipher in (
            (19, "3705D96080C17728A0E800EAB6E0D23C", "7BCA285E2FD4130FB55B1A5C83BC5B24",
             "84D7F30754ED987BAB0BF3506BEB09CFB55402CEF7E6877CE99E247E52D16ED4421DFDF8976C"),
            (20, "6D404D37FAF79F9DF0D33568D320669800EB4836472EA8A026D16B7182460C52", "B80D3251C1F6471494256FFE712D0B9A",
             "4ED7B37C2BCAC8F74F23C1CF07E62BC7B75FB3F637B9F559C7F664F69EAB7B6092237526EA0D1F61CB20D69D10F2")):
        found = krb5_crypto.opened(etype, bytes.fromhex(key), 2, bytes.fromhex(cipher))
        assert found.hex().upper() == confounder + "000102030405"
        with pytest.raises(ConformError):
            krb5_crypto.opened(etype, bytes.fromhex(key), 3, bytes.fromhex(cipher))


@pytest.mark.skipif(not shutil.which("ktutil"), reason="ktutil (krb5-user) is not installed")
def test_keys_of_a_password_are_those_of_mit(tmp_path: Path) -> None:
    names = {17: "aes128-cts-hmac-sha1-96", 18: "aes256-cts-hmac-sha1-96", 19: "aes128-cts-hmac-sha256-128",
             20: "aes256-cts-hmac-sha384-192"}
    lines = [f"addent -password -p host/web.sspi.test@SSPI.TEST -k 3 -e {name}\n{PASSWORD}é" for name in names.values()]
    made = tmp_path / "made.keytab"
    subprocess.run(["ktutil"], input="\n".join([*lines, f"wkt {made}", "quit", ""]), text=True, check=True, capture_output=True)
    want = [(key.owner, key.etype, key.value) for key in keys.keys_of([made], [])]
    found = keys.keys_of_password(PASSWORD + "é", "host/web.sspi.test@SSPI.TEST")
    assert [(key.owner, key.etype, key.value) for key in found] == want and len(want) == 4
    machine = keys.keys_of_password(PASSWORD, "WEB$@SSPI.TEST")[1]
    host = krb5_crypto.key_of_password(18, PASSWORD, "SSPI.TESThostweb.sspi.test")
    assert (machine.owner, machine.value) == ("", host)
    for principal, password in (("host/web", "x"), ("host/web@R", None)):
        with pytest.raises(ConformError):
            keys.keys_of_password(password, principal)


def test_negoex_bodies() -> None:
    def message(number: int, body: bytes) -> bytes:
        return struct.pack("<8sIIII16s", b"NEGOEXTS", number, 0, 40, 40 + len(body), bytes(16)) + body

    scheme = bytes.fromhex("5c33530deaf90d4db2ec4ae3786ec308")
    nego = message(0, b"r" * 32 + bytes(8) + struct.pack("<IHHIHH", 96, 1, 0, 0, 0, 0) + scheme)
    verify = message(6, scheme + struct.pack("<IIIII", 20, 1, 16, 80, 12) + bytes(4) + b"c" * 12)
    alert = message(7, scheme + struct.pack("<IIHH", 0xC000006D, 0, 0, 0))
    text = "\n".join(trees([nego + message(5, scheme + struct.pack("<II", 64, 4) + b"TOKN") + verify + alert])[0].lines())
    for words in ("auth scheme: 0d53335c-f9ea-4d0d-b2ec-4ae3786ec308 PKU2U", "random: " + (b"r" * 32).hex(), "exchange: 544f4b4e",
                  "checksum type: 16", "checksum: " + (b"c" * 12).hex(), "error code: 0xc000006d"):
        assert words in text, words
    for size in range(len(nego)):
        trees([nego[:size]])


def test_rc4_mic_of_rfc_4757() -> None:
    from sspi_conform.decode.kerberos_opened import check_mic

    key, message = bytes(range(16)), b"\x30\x03\x06\x01\x2a"
    head = bytes.fromhex("01011100ffffffff")
    made = krb5_crypto.checksum(23, key, 15, head + message)[:8]
    token = bytes.fromhex("602306092a864886f712010202") + head + bytes(8) + made
    assert check_mic(token, message, kerberos_tree.Exchange(keys_of_messages={False: (23, key)})) is True
    assert check_mic(token, message + b"x", kerberos_tree.Exchange(keys_of_messages={False: (23, key)})) is False
    assert check_mic(token, message, kerberos_tree.Exchange()) is None
