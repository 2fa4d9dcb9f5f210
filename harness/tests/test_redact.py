# SPDX-License-Identifier: Apache-2.0
"""Redaction: nothing of anybody is left, what carries meaning is, and hostile tokens are wiped."""
from __future__ import annotations

import random
import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import recorded_exchanges
from sspi_conform import importing, tokens
from sspi_conform.exchange import file
from sspi_conform.exchange.model import CLIENT, NT_STATUS, SERVER, Channel, Exchange, KdcMessage, Leg, Recording, Status
from sspi_conform.exchange.pseudonyms import SERVICES, Pseudonyms
from sspi_conform.exchange.redact import redact
from sspi_conform.exchange.redact_token import redacted
from sspi_conform.tokens import TokenError, der, kerberos, message_fields, message_kind, ntlm, spnego
from test_decode import exchange
from windows_recordings import folder, needed

KEY = bytes(range(32))
# Fields that redaction changes; all others must come out as they were.
NAMES = ("domain", "user", "workstation", "targetName", "realm", "hintName", "av.MsvAvNbComputerName", "av.MsvAvNbDomainName",
         "av.MsvAvDnsComputerName", "av.MsvAvDnsDomainName", "av.MsvAvDnsTreeName", "av.MsvAvTargetName", "sname",
         "av.MsvAvTimestamp", "av.MsvAvSingleHost", "av.MsvAvChannelBindings", "eData")
PUBLIC = ("not_defined_in_RFC4178", "please_ignore", "NTLMSSP", "NEGOEXTS")


def small() -> Recording:
    negotiate, challenge, authenticate = exchange()
    init = spnego.NegTokenInit((spnego.NTLM,), negotiate).pack()
    legs = (Leg(CLIENT, init, 1, 5000.25), Leg(SERVER, spnego.NegTokenResp(1, spnego.NTLM, challenge).pack(), 2, 5000.5),
            Leg(CLIENT, spnego.NegTokenResp(None, None, authenticate, b"\4\4" + bytes(14) + b"checksum").pack(), 3, 5001.0,
                facts={"proof": "wrong", "mic": "S3cret-for-tests", "password": "S3cret-for-tests", "clock-difference": -2.5}),
            Leg(SERVER, None, 4, 5001.5, Status(NT_STATUS, 0xC000006D, "STATUS_LOGON_FAILURE", False,
                                                "80090308: AcceptSecurityContext error, data 52e, DOM\\alice at 10.1.2.3")))
    about = {"host": "server.corp.example", "service": "HTTP/server.corp.example", "url": "http://server.corp.example:8080/alice",
             "method": "GET", "schemes": "Negotiate NTLM"}
    one = Exchange(0, "HTTP", legs, "0", "10.1.2.3", "fe80::1:2", 8080, None, Channel(b"E" * 32, b"certificate of SERVER"), about,
                   ("alice did not answer",))
    kdc = KdcMessage("KRB-ERROR", 9, 4999.0, "CORP.EXAMPLE", "alice", "krbtgt/CORP.EXAMPLE", 37, (18,), "skew at alice's")
    return Recording("pcap", "alice at corp.pcapng", "ab" * 32, (one,), (kdc,))


def test_equal_stays_equal_and_meaning_stays() -> None:
    before, after = small(), redact(small())
    one = after.exchanges[0]
    assert after.redacted and after.sha256 == before.sha256
    assert redact(after) == after
    inner = [tokens.fields(leg.token) for leg in one.legs if leg.token]
    assert [found["inner"] for found in inner] == ["NTLM NEGOTIATE", "NTLM CHALLENGE", "NTLM AUTHENTICATE"]
    host = one.about["host"]
    server = host.split(".")[0]
    assert one.about["service"] == f"HTTP/{host}" and one.about["url"].startswith(f"http://{host}:8080/")
    assert inner[1]["inner.av.MsvAvNbComputerName"] == server.upper() == inner[2]["inner.av.MsvAvNbComputerName"]
    user = inner[2]["inner.user"]
    assert after.kdc[0].client == user and one.missing == (f"{user} did not answer",)
    assert user in after.name and after.name.endswith(".pcapng")
    assert after.kdc[0].realm == host.partition(".")[2].upper() and after.kdc[0].server == f"krbtgt/{after.kdc[0].realm}"
    detail = one.legs[3].status.detail
    assert detail.startswith("80090308: AcceptSecurityContext error, data 52e, ") and detail.endswith(f" at {one.client}")
    assert [leg.time for leg in one.legs] == [leg.time - 4999 + 946684800 for leg in before.exchanges[0].legs]
    assert one.legs[2].facts == {"proof": "wrong", "clock-difference": -2.5}
    assert one.channel.certificate is None and len(one.channel.end_point) == 32
    assert re.fullmatch(r"[\da-f]{4}::[\da-f]:[\da-f]", one.server) and re.fullmatch(r"\d\d\.\d\.\d\.\d", one.client)


def test_two_runs_share_nothing() -> None:
    one, other = redact(small()).exchanges[0], redact(small()).exchanges[0]
    assert one.about["host"] != other.about["host"] and one.channel != other.channel
    assert redact(small(), KEY) == redact(small(), KEY)


def test_zeros_and_empty_names_stay() -> None:
    anonymous = ntlm.Authenticate(ntlm.UNICODE | ntlm.ANONYMOUS, lm_response=b"\0", mic=bytes(16)).pack()
    assert redacted(anonymous, Pseudonyms()) == anonymous
    found = ntlm.parse(redacted(exchange()[2], Pseudonyms())).ntlmv2()
    assert found.av(ntlm.AV_CHANNEL_BINDINGS) == bytes(16) and found.av_flags == 2


def test_names_of_every_script_keep_their_size() -> None:
    names = Pseudonyms()
    for text in ("Jürgen", "Дмитрий", "山田", "\U0001f600x", "a" * 300, "ı", "x\ud800y", "É$", "ΣΑΣ"):
        made = names.name(text)
        for encoding in ("utf-8", "utf-16-le"):
            assert len(made.encode(encoding, "surrogatepass")) == len(text.encode(encoding, "surrogatepass")), text
        assert not any(old == new and old.isalpha() for old, new in zip(made, text)) or len(text) < 8 or len(set(text)) == 1
        assert made == names.name(text)
    assert names.name("WEB$") == names.name("web").upper() + "$"
    assert names.principal("HTTP/web") == "HTTP/" + names.name("web")
    assert names.principal("acme/web") != "acme/" + names.name("web")
    assert all(names.name(text) == text for text in ("", "NT AUTHORITY", "127.0.0.1", "::1"))


def test_free_text() -> None:
    names = Pseudonyms(("alice", "corp"), KEY)
    for text in ("TLS 1.3, curl 7.88.1 (frame 12)", "80090308: LdapErr: DSID-0C0903A9, data 52e, v1db1",
                 "the CHALLENGE is not in the capture", "at 127.0.0.1"):
        assert names.sentence(text) == text
    said = names.sentence("gss_init_sec_context() failed: Server HTTP/web.corp@CORP not found, Alice at 10.1.2.3 of fe80::1:2")
    assert said.startswith("gss_init_sec_context() failed: Server HTTP/") and said.count(".") == 4
    assert not re.search("web|corp|alice|10.1.2.3|fe80", said, re.IGNORECASE)
    assert "0123456789abcdef" not in names.sentence("key 0123456789abcdef0123")


def test_many_names_take_no_long() -> None:
    labels = [f"workstation{number}x" for number in range(20000)]
    names = Pseudonyms(labels)
    assert len({names.name(label) for label in labels}) == len(labels)


def test_different_stays_different() -> None:
    names = Pseudonyms()
    labels = [f"host{number}" for number in range(2000)] + [str(number) for number in range(256)]
    assert len({names.name(label) for label in labels}) > 2190  # numbers of three digits run out


def test_errors_keep_what_they_say() -> None:
    def text(value: str) -> bytes:
        return der.write(der.GENERAL_STRING, value.encode())

    def number(value: int) -> bytes:
        return der.write(der.INTEGER, value.to_bytes(2, "big"))

    name = der.write(der.SEQUENCE, der.write(0xA0, number(2)), der.write(0xA1, der.write(der.SEQUENCE, text("HTTP"), text("web"))))
    status = struct.pack("<III", 0xC0000234, 0, 1)
    extended = der.write(der.SEQUENCE, der.write(0xA1, number(3)), der.write(0xA2, der.write(der.OCTET_STRING, status)))
    info = der.write(der.SEQUENCE, der.write(der.SEQUENCE, der.write(0xA0, number(18)), der.write(0xA1, text("CORPalice"))))
    method = der.write(der.SEQUENCE, der.write(der.SEQUENCE, der.write(0xA1, number(19)),
                                               der.write(0xA2, der.write(der.OCTET_STRING, info))))
    for data, kept, gone in ((extended, status, b"-"), (method, b"\xa0\4\2\2\0\x12", b"CORPalice")):
        fields = [(0xA0, number(5)), (0xA1, number(30)), (0xA4, der.write(0x18, b"20261122120000Z")), (0xA5, number(7)),
                  (0xA6, number(37)), (0xA9, text("CORP")), (0xAA, name), (0xAB, text("alice is late")),
                  (0xAC, der.write(der.OCTET_STRING, data))]
        error = der.write(0x7E, der.write(der.SEQUENCE, *(der.write(tag, value) for tag, value in fields)))
        made = redacted(error, Pseudonyms())
        found = kerberos.parse(made).values
        assert found["errorCode"] == 37 and found["sname"].startswith("HTTP/") and len(made) == len(error)
        assert kept in made and gone not in made and b"20000101000000Z" in made and b"CORP" not in made


def test_unknown_is_wiped() -> None:
    for data in (b"secret that is no token", b"\x30\x10" + b"secret in a row.", b"\x60\x10secret", b"\x60\x08\x06\x03\x2a\x03\x04abc",
                 b"NTLMSSP\0\x07\0\0\0secret", b"NEGOEXTSsecret" * 9, b"\x60\x82"):
        made = redacted(data, Pseudonyms())
        assert b"secret" not in made and len(made) == len(data)


def test_what_is_cut_keeps_its_beginning() -> None:
    token = spnego.NegTokenResp(1, spnego.NTLM, exchange()[2]).pack()
    whole = redacted(token, Pseudonyms(key=KEY))
    for size in range(len(token)):
        made = redacted(token[:size], Pseudonyms(key=KEY))
        assert len(made) == size and tokens.kind(made) == tokens.kind(token[:size])
        assert "alice".encode("utf-16-le") not in made
    assert redacted(token[:-9], Pseudonyms(key=KEY))[:60] == whole[:60]


def test_hostile_tokens_keep_their_size() -> None:
    dice = random.Random(4178)
    for message in exchange():
        for token in (message, spnego.NegTokenResp(1, spnego.NTLM, message).pack()):
            for _ in range(600):
                spoilt = bytearray(token)
                for _ in range(dice.randint(1, 5)):
                    spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
                assert len(redacted(bytes(spoilt), Pseudonyms(key=KEY))) == len(token)
    nested = exchange()[0]
    for _ in range(40):
        nested = spnego.NegTokenResp(1, None, nested).pack()
    assert len(redacted(nested, Pseudonyms())) == len(nested)


def shape(data: bytes) -> Any:
    """What must survive of a token."""
    if not data:
        return len(data)
    try:
        found = tokens.fields(data) or message_fields(data)
    except TokenError as error:
        return tokens.kind(data), error.offset
    kept = {key: value for key, value in found.items() if key.removeprefix("inner.") not in NAMES}
    sizes = {key: len(value) for key, value in found.items() if isinstance(value, str)}
    zeros = {key: value for key, value in found.items() if value == "zero"}
    classes = {key: value.partition("/")[0] for key, value in found.items()
               if key.endswith("sname") and value.partition("/")[0].lower() in SERVICES}
    return tokens.kind(data), message_kind(data), kept, sizes, zeros, classes


def parts(data: bytes) -> Iterator[bytes]:
    """Every name, nonce, proof and encrypted part of a token, as bytes on the wire."""
    if data[:8] == ntlm.SIGNATURE:
        message = ntlm.parse(data)
        if isinstance(message, ntlm.Negotiate):
            yield from (message.domain, message.workstation)
        elif isinstance(message, ntlm.Challenge):
            yield from (message.server_challenge, message.target_name)
            yield from (value for number, value in message.av_pairs if number != ntlm.AV_FLAGS) if message.target_info else ()
        else:
            yield from (message.domain, message.user, message.workstation, message.session_key, message.mic or b"",
                        message.nt_response[:16], message.lm_response[:8])
            response = message.ntlmv2()
            if response:
                yield response.client_challenge
                yield from (value for number, value in response.av_pairs if number != ntlm.AV_FLAGS)
    elif data[:1] in (b"\x60", b"\xa0", b"\xa1", b"\x6e", b"\x6f", b"\x7e", b"\x30", b"\x61", b"\x62"):
        yield from leaves(data)


def leaves(data: bytes) -> Iterator[bytes]:
    """The primitive values of DER, into OCTET STRINGs with tokens too."""
    try:
        element = der.read(data)
    except TokenError:
        return
    if element.tag & 0x20:
        at = element.start
        while at < element.stop:
            if data[at:at + 2] in kerberos.TOKEN_IDS and at > element.start:
                at += 2
            try:
                child = der.read(data, at, element.stop)
            except TokenError:
                return
            yield from leaves(child.whole)
            at = child.stop
    elif element.tag == der.OCTET_STRING and tokens.kind(element.value) != "other":
        yield from parts(element.value)
    elif element.tag in (der.OCTET_STRING, der.GENERAL_STRING):
        yield element.value


def strings(data: bytes) -> set[str]:
    """Runs of letters and digits of four and more, as ASCII and as UTF-16."""
    found = {run.decode() for run in re.findall(rb"[0-9A-Za-z]{4,}", data)}
    return found | {run.decode("utf-16-le") for run in re.findall(rb"(?:[0-9A-Za-z]\0){4,}", data)}


@needed()
def test_recordings_keep_their_shape_and_lose_their_owners() -> None:
    place = folder()
    assert place is not None
    count = 0
    for recording in recorded_exchanges.every(place):
        made = redact(recording, KEY)
        written = file.text(replace(made, name="", sha256=""))
        wire = b"".join(leg.token or b"" for one in made.exchanges for leg in one.legs)
        words = {word.lower() for word in strings(wire)}
        for before, after in zip(recording.exchanges, made.exchanges):
            for old, new in zip(before.legs, after.legs):
                if old.token is None:
                    continue
                count += 1
                assert shape(new.token) == shape(old.token), (recording.name, old.frame)
                for part in parts(old.token):
                    if len(part) >= 6 and any(part) and not _is_public(part):
                        assert part not in wire and part.hex() not in written, (recording.name, old.frame, part)
                        for word in strings(part):
                            assert word.lower() not in words or word.lower() in SERVICES, (recording.name, old.frame, word)
            for address in (before.client, before.server):
                assert not address or f'"{address}"' not in written
    assert count > 600


@needed()
@pytest.mark.parametrize("name, least", [
    ("wireshark-rdp/rdp-rdg-no-kdc-proxy-ntlm-downgrade-success.pcapng", 8), ("suricata-verify/dcerpc-ctxids.pcap", 8),
    ("zeek/ldap_invalid_credentials.pcap", 12), ("wireshark-wiki/constrained-delegation/Krb-contrained-delegation.cap", 8)])
def test_what_was_imported_loses_its_owners(name: str, least: int) -> None:
    """Addresses, hosts, URLs, principals and realms, beside the tokens."""
    place = folder()
    assert place is not None
    recording = importing.load(place / name)
    assert len(recording.kdc) + len(recording.exchanges) >= least
    names = {text for one in recording.kdc for text in (one.realm, one.client, one.server)}
    names |= {text for one in recording.exchanges for text in (one.client, one.server, one.about.get("host", ""))}
    words = {word.lower() for text in names for word in re.findall(r"[^\W_]{4,}", text)} - SERVICES
    written = file.text(replace(redact(recording, KEY), name="")).lower()
    assert names
    assert not [word for word in words if word in written]
    assert not [text for text in names if re.fullmatch(r"[0-9.]{7,}", text) and f'"{text}"' in written]
    assert [len(one.legs) for one in redact(recording).exchanges] == [len(one.legs) for one in recording.exchanges]


def _is_public(part: bytes) -> bool:
    if part == bytes.fromhex("3005a103020102"):  # KERB_AP_ERR_TYPE_SKEW_RECOVERY (MS-KILE 2.2.2)
        return True
    text = part.decode("utf-16-le" if b"\0" in part[:2] else "latin-1", "replace")
    return text.lower() in SERVICES or text == "cifs/127.0.0.1" or any(word in text for word in PUBLIC)


@pytest.mark.parametrize("name", ["alice", "SERVER", "DOM", "S3cret", "10.1.2.3", "corp", "certificate"])
def test_the_written_file_has_none_of_it(name: str) -> None:
    written = file.text(redact(small()))
    assert name not in written
    for encoding in ("utf-8", "utf-16-le"):
        assert name.encode(encoding).hex() not in written
