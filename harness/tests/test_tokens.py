# SPDX-License-Identifier: Apache-2.0
"""The decoders and builders on tokens made here: names, limits and what is refused where."""
from __future__ import annotations

import pytest

from sspi_conform import tokens
from sspi_conform.tokens import TokenError, der, kerberos, layout, ntlm, spnego

NEGOTIATE = ntlm.Negotiate(0xE20882B7, version=ntlm.Version(10, 0, 20348)).pack()


def test_kinds_without_a_message() -> None:
    assert tokens.kind(b"") == "none"
    assert tokens.kind(b"garbage") == "other"
    assert tokens.kind(ntlm.SIGNATURE + b"\4\0\0\0") == "other"
    assert tokens.fields(b"garbage") == {}


def test_negotiate_shows_flags_by_name() -> None:
    fields = tokens.fields(NEGOTIATE)
    assert fields["flags"] == sorted(fields["flags"])
    assert {"NTLMSSP_NEGOTIATE_SIGN", "NTLMSSP_NEGOTIATE_SEAL", "NTLM_NEGOTIATE_OEM"} <= set(fields["flags"])
    assert fields["version"] == "10.0.20348 revision 15"
    assert ntlm.flag_names(0x100) == ["0x00000100"]


@pytest.mark.parametrize(("flags", "name"), [(ntlm.UNICODE, "NTDOM".encode("utf-16-le")), (ntlm.OEM, b"NTDOM")])
def test_a_target_name_in_either_character_set(flags: int, name: bytes) -> None:
    assert tokens.fields(ntlm.Challenge(flags, bytes(8), name).pack())["targetName"] == "NTDOM"


def test_authenticate_shows_av_pairs_and_mic() -> None:
    pairs = ntlm.write_av_pairs([(ntlm.AV_FLAGS, b"\2\0\0\0"), (ntlm.AV_CHANNEL_BINDINGS, bytes(16)),
                                 (ntlm.AV_TARGET_NAME, "HTTP/web".encode("utf-16-le")), (0x77, b"\x01")])
    blob = b"\1\1" + bytes(6) + bytes(8) + b"8 bytes!" + bytes(4) + pairs + bytes(4)
    message = ntlm.Authenticate(0xE2888235, user="bob".encode("utf-16-le"), nt_response=bytes(16) + blob,
                                version=ntlm.Version(10, 0, 1), mic=b"0123456789abcdef")
    fields = tokens.fields(message.pack())
    assert fields["mic"] == "present" and fields["response"] == "NTLMv2" and fields["user"] == "bob"
    assert fields["av.MsvAvFlags"] == "0x00000002" and fields["av.MsvAvChannelBindings"] == "zero"
    assert fields["av.MsvAvTargetName"] == "HTTP/web" and fields["av.119"] == "01"
    assert fields["avOrder"] == ["MsvAvFlags", "MsvAvChannelBindings", "MsvAvTargetName", "119"]
    assert ntlm.parse(message.pack()) == message


def test_a_zero_mic_counts_as_absent() -> None:
    message = ntlm.Authenticate(0x2000001, version=ntlm.Version(5, 1, 2600), mic=bytes(16), user=b"a\0")
    assert tokens.fields(message.pack())["mic"] == "absent"


@pytest.mark.parametrize("token, offset", [
    (NEGOTIATE[:12], 12),
    (NEGOTIATE[:36], 32),
    (ntlm.Challenge(ntlm.TARGET_INFO, b"8 bytes!", b"", b"\1\0\x10\0").pack(), 4),
    (ntlm.Authenticate(0).pack()[:20] + b"\x08\0\x08\0\xf0\xff\xff\xff" + bytes(36), 20),
])
def test_broken_ntlm_is_refused_at_its_offset(token: bytes, offset: int) -> None:
    with pytest.raises(TokenError) as caught:
        tokens.fields(token)
    assert caught.value.offset == offset


def test_spnego_round_trips() -> None:
    messages = (
        spnego.NegTokenInit((spnego.MS_KRB5, spnego.KRB5, spnego.NEGOEX, spnego.NTLM), NEGOTIATE),
        spnego.NegTokenInit((spnego.NTLM,), mic=b"m" * 16),
        spnego.NegTokenInit((spnego.NTLM,), hint_name=spnego.HINT_NAME, is_init2=True),
        spnego.NegTokenInit((spnego.NTLM,), mic=b"m" * 16, hint_name=b"x", is_init2=True),
        spnego.NegTokenInit((spnego.NTLM,), framed=False),
        spnego.NegTokenResp(spnego.REQUEST_MIC, spnego.NTLM, b"t", b"m"),
        spnego.NegTokenResp(),
    )
    for message in messages:
        again = spnego.parse(message.pack())
        assert again.pack() == message.pack()
        assert type(again) is type(message)


def test_spnego_fields() -> None:
    init = tokens.fields(spnego.NegTokenInit((spnego.MS_KRB5, "1.2.3"), NEGOTIATE).pack())
    assert init["mechTypes"] == ["MS-KRB5", "1.2.3"] and init["mechListMIC"] == "absent"
    assert init["inner"] == "NTLM NEGOTIATE" and "NTLMSSP_NEGOTIATE_SIGN" in init["inner.flags"]
    response = tokens.fields(spnego.NegTokenResp(spnego.ACCEPT_INCOMPLETE, spnego.MS_KRB5, b"", b"m").pack())
    assert response == {"mechListMIC": "present", "negState": "accept-incomplete", "supportedMech": "MS-KRB5",
                        "inner": "empty"}
    broken = tokens.fields(spnego.NegTokenResp(response_token=NEGOTIATE[:14]).pack())
    assert broken["inner"] == "NTLM NEGOTIATE" and "at byte 12" in broken["inner.error"]
    assert broken["negState"] == "absent"


@pytest.mark.parametrize("token", [
    "a1023000ff",  # something behind
    "a104300a0a01",  # a SEQUENCE longer than its parent
    "a1073005a0030a0100a1",  # and a tag without a length behind
    "a10e300ca1030a0100a0030a0100a003",  # fields out of order
    "a1803000",  # indefinite length
    "a185ffffffffff",  # a length of five octets
    "bf810030",  # a high tag number
    "a1083006a0040a020000a1",
])
def test_broken_spnego_is_refused(token: str) -> None:
    with pytest.raises(TokenError):
        spnego.parse(bytes.fromhex(token))


def test_object_identifiers() -> None:
    for oid in ("1.3.6.1.5.5.2", "1.2.840.48018.1.2.2", "2.999.1", "0.0", "1.3.6.1.4.1.311.2.2.30"):
        assert der.read_oid(der.read(der.write_oid(oid))) == oid


def test_kerberos_error_and_framing() -> None:
    def field(number: int, value: bytes) -> bytes:
        return der.write(0xA0 + number, value)

    def integer(value: int) -> bytes:
        return der.write(der.INTEGER, value.to_bytes(1, "big"))

    realm = der.write(der.GENERAL_STRING, b"SSPI.TEST")
    name = der.write(der.SEQUENCE, field(0, integer(2)), field(1, der.write(
        der.SEQUENCE, der.write(der.GENERAL_STRING, b"HTTP"), der.write(der.GENERAL_STRING, b"web"))))
    time = der.write(0x18, b"20260101000000Z")
    error = der.write(0x7E, der.write(der.SEQUENCE, field(0, integer(5)), field(1, integer(30)), field(4, time),
                                      field(5, integer(0)), field(6, integer(37)), field(9, realm), field(10, name)))
    framed = spnego.frame(spnego.KRB5, b"\3\0" + error)
    assert tokens.kind(error) == tokens.kind(framed) == "KRB-ERROR"
    assert tokens.fields(framed) == {"framing": "KRB5", "errorCode": 37, "realm": "SSPI.TEST", "sname": "HTTP/web",
                                     "eData": "absent"}
    assert tokens.fields(error)["framing"] == "none"
    with pytest.raises(TokenError):
        kerberos.parse(spnego.frame(spnego.KRB5, b"\1\0" + error))


def test_user_to_user() -> None:
    """As Windows frames a TGT-REQ for TERMSRV/adc.acme.com, and one for an account of a domain."""
    service = bytes.fromhex("603e060a2a864886f71201020203" "0400" "302ea003020105a103020110"
                            "a2223020a003020102a11930171b075445524d5352561b0c6164632e61636d652e636f6d")
    account = bytes.fromhex("6045060a2a864886f71201020203" "0400" "3035a003020105a103020110a21a3018a003020180a111300f"
                            "1b0d41646d696e6973747261746f72a30d1b0b424c41434b434c4f564552")
    assert tokens.kind(service) == "TGT-REQ"
    assert tokens.fields(service) == {"framing": "KRB5-U2U", "sname": "TERMSRV/adc.acme.com", "nameType": 2,
                                      "realm": "absent"}
    assert tokens.fields(account) == {"framing": "KRB5-U2U", "sname": "Administrator", "nameType": -128,
                                      "realm": "BLACKCLOVER"}
    assert tokens.kind(spnego.frame(spnego.KRB5_U2U, b"\4\1" + b"\x30\0")) == "TGT-REP"
    with pytest.raises(TokenError):
        tokens.fields(spnego.frame(spnego.KRB5_U2U, b"\4\1" + b"\x30\0"))
    with pytest.raises(TokenError):
        tokens.fields(spnego.frame(spnego.KRB5_U2U, b"\4\0" + b"\x31\0"))


def test_a_token_ends_before_a_field() -> None:
    challenge = ntlm.Challenge(ntlm.TARGET_INFO, b"8 bytes!", b"NT", ntlm.write_av_pairs([(1, b"PC")])).pack()
    assert list(layout.boundaries(NEGOTIATE)) == ["MessageType", "NegotiateFlags", "DomainNameFields",
                                                  "WorkstationFields", "Version"]
    assert layout.end_before(challenge, "TargetInfo") == challenge[:challenge.index(b"\1\0\2\0PC")]
    with pytest.raises(ValueError, match="no field 'MIC'; it has MessageType"):
        layout.end_before(NEGOTIATE, "MIC")


def test_lengths_around_a_missing_field_are_told_right() -> None:
    def field(number: int, *values: bytes) -> bytes:
        return der.write(0xA0 + number, *values)

    def number(value: int) -> bytes:
        return der.write(der.INTEGER, bytes([value]))

    ticket = der.write(0x61, der.write(der.SEQUENCE, field(0, number(5)), field(3, der.write(
        der.SEQUENCE, field(0, number(18)), field(2, der.write(der.OCTET_STRING, bytes(200)))))))
    oid = der.write_oid(spnego.KRB5)
    request = der.write(0x60, oid, b"\1\0", der.write(0x6E, der.write(
        der.SEQUENCE, field(0, number(5)), field(3, ticket), field(4, der.write(der.SEQUENCE)))))
    short = der.write(0x60, oid, b"\1\0", der.write(0x6E, der.write(der.SEQUENCE, field(0, number(5)), field(3, der.write(
        0x61, der.write(der.SEQUENCE, field(0, number(5)), field(3, der.write(der.SEQUENCE, field(0, number(18))))))))))
    assert layout.end_before(request, "ticket.enc-part.cipher") == short
    assert layout.end_before(request, "TOK_ID") == der.write(0x60, oid)

    def answer(token: bytes) -> bytes:
        return der.write(0xA1, der.write(der.SEQUENCE, field(0, der.write(der.ENUMERATED, b"\1")),
                                         field(2, der.write(der.OCTET_STRING, token))))
    whole = answer(request)
    assert layout.end_before(whole, "inner.ticket.enc-part.cipher") == answer(short)
    assert layout.end_before(answer(NEGOTIATE), "inner.Version") == answer(NEGOTIATE[:32])
    assert layout.end_before(whole, "responseToken") == der.write(0xA1, der.write(der.SEQUENCE, field(
        0, der.write(der.ENUMERATED, b"\1"))))
