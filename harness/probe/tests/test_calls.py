# SPDX-License-Identifier: Apache-2.0
"""Out parameters, buffers, handles, identities and attributes: every rule of PROTOCOL.md about them."""

import json

import pytest

from hosted import PROBE, SANITIZED

# ---- out parameters and buffers -----------------------------------------------------------------


def test_written_is_told_apart_from_the_value(probe):
    answer = probe.leg("normal", Reserved1=1, Reserved2="0x10")
    assert answer["status"] == "0x00090312"
    assert answer["attributes"] == {"written": True, "value": "0x0000081c"}
    assert answer["expiry"] == {"written": True, "value": "0x0000000100000010"}
    assert answer["phNewContext"] == {"written": True}
    answer = probe.leg("unwritten", ctx="other")
    assert answer["attributes"] == answer["expiry"] == {"written": False}
    answer = probe.leg("refuse", ctx="third")
    assert answer["status"] == "0x8009030c" and answer["phNewContext"] == {"written": False}


def test_null_out_parameters(probe):
    answer = probe.leg("normal", pfContextAttr="null", ptsExpiry="null", phNewContext="null")
    for key in ("attributes", "expiry", "phNewContext"):
        assert answer[key] == {"absent": True}
    assert "error" in probe("DeleteSecurityContext", ctx="ctx")  # nothing was written
    assert "error" in probe.leg("normal", pfContextAttr="zero")
    answer = probe.acquire("other", phCredential="null", ptsExpiry="null")
    assert answer["phCredential"] == answer["expiry"] == {"absent": True}


def test_the_same_buffer_after_the_call(probe):
    assert probe.leg("normal")["output"] == [{"type": 2, "size": 5, "canary": "intact", "pvBuffer": "same", "hex": b"first".hex()}]
    assert probe.leg("type", ctx="b")["output"][0]["type"] == 1


def test_a_broken_canary_is_seen(probe):
    if SANITIZED:  # stops at the very line that does it
        assert probe.leg("overrun") is None
        assert "use-after-poison" in probe.end()[1]
        return
    assert probe.leg("overrun")["output"][0]["canary"] == "broken"
    answer = probe.leg("overrun", ctx="empty", output=[{"type": "TOKEN", "size": 0}])
    assert answer["output"][0] == {"type": 2, "size": 0, "canary": "broken", "pvBuffer": "same", "hex": ""}


def test_a_size_beyond_the_room_is_an_overrun(probe):
    buffer = probe.leg("claim", output=[{"type": "TOKEN", "hex": "0102", "size": 4}])["output"][0]
    assert buffer == {"type": 2, "size": 104, "canary": "intact", "pvBuffer": "same", "hex": "0102a5a5", "overrun": True}
    missing = probe.leg("claim", ctx="b", output=[{"type": "MISSING", "size": 4}])["output"][0]
    assert missing["size"] == 104 and "overrun" not in missing


def test_allocated_output_is_copied_and_freed(probe):
    answer = probe.leg("allocate", fContextReq="0x100", output=[{"type": "TOKEN", "null": True}])
    assert answer["output"] == [{"type": 2, "size": 9, "pvBuffer": "changed", "hex": b"allocated".hex(), "free": "0x00000000"}]
    assert answer["free"] == "0x00000000"


def test_a_pointer_set_to_null(probe):
    assert probe.leg("nullify")["output"] == [{"type": 2, "size": 64, "canary": "intact", "pvBuffer": "null"}]


def test_a_null_buffer_stays_null(probe):
    answer = probe.leg("refuse", output=[{"type": "TOKEN", "size": 100, "null": True}])
    assert answer["output"] == [{"type": 2, "size": 100, "pvBuffer": "null"}]


def test_descriptors_absent_and_empty(probe):
    assert probe.leg("descriptors", output=None)["attributes"]["value"] == "0x00006464"
    answer = probe.leg("descriptors", input=[], output=[])
    assert answer["attributes"]["value"] == "0x00000000" and answer["output"] == answer["input"] == []


def test_descriptors_told_wrong(probe):
    def seen(**wrong):
        return probe.leg("descriptor", output=[{"type": "TOKEN", "size": 4}] * 3, pOutput=wrong)["attributes"]["value"]

    assert seen() == "0x00000301"
    assert seen(ulVersion=7) == "0x00070301" and seen(cBuffers=2) == "0x00000201"
    assert seen(pBuffers="null") == "0x00000300" and seen(pBuffers="null", cBuffers=9) == "0x00000900"
    for wrong in ({"cBuffers": 4}, {"pBuffers": "zero"}, {"colour": 1}, 7):
        assert "error" in probe.leg("descriptor", output=[{"type": "TOKEN", "size": 4}] * 3, pOutput=wrong)
    assert "error" in probe.leg("descriptor", output=None, pOutput={"ulVersion": 7})


def test_a_call_from_another_thread(probe):
    assert probe.leg("thread")["attributes"]["value"] == "0x00000000"
    assert probe.leg("thread", thread=True)["attributes"]["value"] == "0x00000001"
    assert probe.leg("normal", thread=True)["status"] == "0x00090312"
    assert probe("DeleteSecurityContext", ctx="ctx")["status"] == "0x00000000"


def test_no_buffer_to_free_and_a_logon(probe):
    assert probe("FreeContextBuffer")["status"] == "0x00000000"
    assert probe.acquire("who", pvLogonId="0x1234")["status"] == "0x00000000"
    assert probe("QueryCredentialsAttributes", cred="who", ulAttribute="NAMES")["value"] == {"sUserName": "logon 1234"}


def test_input_is_answered_without_bytes(probe):
    token = {"type": "TOKEN", "hex": "0102", "readonly": "plain"}
    answer = probe("AcceptSecurityContext", cred="cred", ctx="srv", fContextReq=0, input=[token])
    assert answer["attributes"]["value"] == "0x80000002"
    assert answer["input"] == [{"type": 0x80000002, "size": 2, "canary": "intact", "pvBuffer": "same"}]
    token["readonly"] = "checksum"
    answer = probe("AcceptSecurityContext", cred="cred", ctx="s2", fContextReq=0, input=[token])
    assert answer["attributes"]["value"] == "0x10000002"


def test_messages(probe):
    probe.leg("normal")
    answer = probe("EncryptMessage", ctx="ctx", message=[{"type": "TOKEN", "size": 32}, {"type": "DATA", "hex": "00ff"}])
    assert answer["message"][0]["size"] == 16 and answer["message"][0]["hex"] == "11" * 16
    assert answer["message"][1]["hex"] == "ff00"
    answer = probe("DecryptMessage", ctx="ctx", MessageSeqNo=9, message=[{"type": "STREAM", "hex": "0000000041424344"}, {"type": "DATA", "null": True}])
    assert answer["qop"] == {"written": True, "value": "0x00000009"}
    assert answer["message"][1] == {"type": 1, "size": 4, "pvBuffer": "changed", "hex": "41424344"}  # inside the stream: read, not freed
    assert probe("DecryptMessage", ctx="ctx", MessageSeqNo=1, message=[])["qop"] == {"written": False}
    assert probe("DecryptMessage", ctx="ctx", pfQOP="null", message=[])["qop"] == {"absent": True}
    assert probe("EncryptMessage", ctx="ctx")["status"] == "0x8009035d"


# ---- handles ------------------------------------------------------------------------------------


def test_a_new_handle_on_the_second_leg_is_stored(probe):
    assert probe.leg("normal")["status"] == "0x00090312"
    assert probe.leg("normal")["status"] == "0x00000000"
    assert probe("QueryContextAttributes", ctx="ctx", ulAttribute="SIZES")["status"] == "0x00000000"


def test_stale_handles_are_passed_on_only_when_raw(probe):
    assert "error" in probe("DeleteSecurityContext", ctx="ctx")
    probe.leg("normal")
    assert probe("DeleteSecurityContext", ctx="ctx")["status"] == "0x00000000"
    assert "freed" in probe("DeleteSecurityContext", ctx="ctx")["error"]
    assert probe("DeleteSecurityContext", ctx="ctx", raw=True)["status"] == "0x80090301"
    assert probe("DeleteSecurityContext", ctx="never", raw=True)["status"] == "0x80090301"
    assert probe.leg("normal", raw=True)["status"] == "0x80090301"  # the stale handle as phContext
    assert probe.leg("normal")["status"] == "0x00090312"  # a fresh context under the old name


def test_a_failed_delete_keeps_the_handle(probe):
    probe.leg("normal")
    assert probe("DeleteSecurityContext", ctx="ctx", phContext="zero")["status"] == "0x80090301"
    assert probe("DeleteSecurityContext", ctx="ctx")["status"] == "0x00000000"


def test_overrides(probe):
    probe.leg("normal")
    assert probe("QueryContextAttributes", phContext="null", ulAttribute=0)["status"] == "0x80090301"
    assert probe("QueryContextAttributes", phContext="zero", ulAttribute=0)["status"] == "0x80090301"
    assert probe("QueryContextAttributes", phContext="ctx", ulAttribute=0)["status"] == "0x00000000"
    assert probe("QueryContextAttributes", phContext="cred", ulAttribute=0)["status"] == "0x80090301"  # a credential
    assert probe("FreeCredentialsHandle", phCredential="null")["status"] == "0x80090301"
    assert probe.leg("normal", ctx="ctx", phContext="null")["status"] == "0x00090312"  # a first leg again
    assert "error" in probe("QueryContextAttributes", phContext="unknown", ulAttribute=0)


def test_credentials_that_were_not_written(probe):
    answer = probe.acquire("odd", pszPackage="Unwritten")
    assert answer["status"] == "0x00000000" and answer["phCredential"] == {"written": False} and answer["expiry"] == {"written": False}
    assert "error" in probe("FreeCredentialsHandle", cred="odd")
    assert probe.acquire("none", pszPackage="Missing")["status"] == "0x80090305"


def test_many_handles(probe):
    for i in range(20000):
        probe.process.stdin.write(b'[{"id":1,"call":"AcquireCredentialsHandle","cred":"n%d","pszPackage":"x","fCredentialUse":1},{"id":2,"call":"FreeCredentialsHandle","cred":"n%d"}]\n' % (i, i))
        if i % 100 == 99:
            probe.process.stdin.flush()
            for _ in range(100):
                assert [answer["status"] for answer in json.loads(probe.process.stdout.readline())] == ["0x00000000"] * 2
    assert probe("FreeCredentialsHandle", cred="n19999", raw=True)["status"] == "0x00000000"
    assert probe("FreeCredentialsHandle", cred="n0", raw=True)["status"] == "0x80090301"  # forgotten: zero
    assert probe("FreeCredentialsHandle", cred="cred")["status"] == "0x00000000"  # live ones never are


# ---- identity and attributes --------------------------------------------------------------------


PASSWORD_TYPE = "2fc3bf28f610384798d11ac061df716a"  # 28bfc32f-10f6-4738-98d1-1ac061df716a in memory


@pytest.mark.parametrize(
    "identity, seen",
    [
        ({"User": "\u00e9a", "Domain": "", "Password": "\U0001f511"}, "User=00e9../2 Domain=0000../0 Password=d83d../2 "),
        ({"kind": "A", "User": "bob", "Password": "pw"}, "User=bob/3 Domain=null/0 Password=pw/2 "),
        ({"User": "u", "PackageList": "!Kerberos"}, "EX/72 User=0075../1 Domain=null/0 Password=null/0 PackageList=0021../9 "),
        ({"kind": "EXA", "User": "u", "PackageList": ""}, "EX/72 User=u/1 Domain=null/0 Password=null/0 PackageList=/0 "),
        ({"User": "bob", "UserLength": 2, "DomainLength": 5}, "User=0062../2 Domain=null/5 Password=null/0 "),
        ({"kind": "EXA", "User": "u", "PackageList": "abc", "PackageListLength": 1, "Length": 80},
         "EX/80 User=u/1 Domain=null/0 Password=null/0 PackageList=abc/1 "),
        ({"kind": "W", "User": "bob", "Flags": 1}, "User=b/3 Domain=null/0 Password=null/0 "),
        ({"kind": "EX2", "User": "u", "Password": "pw", "DomainLength": 9},
         "01020000" "30000000" "52000000" "30000000" "02000000" "00000000" "09000000" "32000000" "20000000" "02000000"
         "00000000" "00000000" "7500" "1c002000" + PASSWORD_TYPE + "1c000000" "04000000" "70007700"),
        ({"kind": "EX2", "Keytab": "0502ff", "CredType": 16 * "ab", "ByteArrayOffset": 77},
         "01020000" "30000000" "4f000000" "00000000" "00000000" "00000000" "00000000" "30000000" "1f000000" "02000000"
         "00000000" "00000000" "1c001f00" + 16 * "ab" + "4d000000" "03000000" "0502ff"),
        (None, ""),
    ],
)
def test_identities(probe, identity, seen):
    answer = probe.acquire("who", identity=identity)
    assert answer["status"] == "0x00000000" and "identity" not in answer
    assert probe("QueryCredentialsAttributes", cred="who", ulAttribute="NAMES")["value"] == {"sUserName": seen}


@pytest.mark.skipif(SANITIZED, reason="the shadow memory is too large to search")
def test_a_password_is_never_echoed_and_does_not_stay(probe):
    secret = "Correct-Horse-Battery"
    line = json.dumps(probe.request("AcquireCredentialsHandle", cred="x", pszPackage="Fake", fCredentialUse=2, identity={"Password": secret}))
    probe.process.stdin.write(line.encode() + b"\n")
    probe.process.stdin.flush()
    assert secret.encode() not in probe.process.stdout.readline()
    wrong = probe.acquire("y", identity={"Password": secret, "Colour": secret})
    assert secret not in json.dumps(wrong)
    assert memory_holds(probe.process.pid, str(PROBE).encode())  # the search finds what is there
    for needle in (secret.encode(), secret.encode("utf-16-le")):
        assert not memory_holds(probe.process.pid, needle)


def memory_holds(pid, needle):
    """Is `needle` anywhere in the writable memory of the process?"""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            span, permissions = line.split()[:2]
            if not permissions.startswith("rw"):
                continue
            low, high = (int(text, 16) for text in span.split("-"))
            memory.seek(low)
            if needle in memory.read(high - low):
                return True
    return False


@pytest.mark.parametrize(
    "attribute, status, value",
    [
        ("SIZES", "0x00000000", {"cbMaxToken": 1, "cbMaxSignature": 2, "cbBlockSize": 3, "cbSecurityTrailer": 4}),
        (0, "0x00000000", {"cbMaxToken": 1, "cbMaxSignature": 2, "cbBlockSize": 3, "cbSecurityTrailer": 4}),
        ("NAMES", "0x00000000", {"sUserName": "DOM\\user"}),
        ("LIFESPAN", "0x00000000", {"tsStart": {"written": False}, "tsExpiry": "0x7fffffffffffffff"}),
        ("KEY_INFO", "0x00000000", {"sSignatureAlgorithmName": {"written": False}, "sEncryptAlgorithmName": {"written": False},
                                    "KeySize": 128, "SignatureAlgorithm": {"written": False}, "EncryptAlgorithm": {"written": False}}),
        ("AUTHORITY", "0x00000000", {"sAuthorityName": None}),
        ("SESSION_KEY", "0x00000000", {"SessionKeyLength": 4, "SessionKey": b"key!".hex()}),
        ("NEGOTIATION_INFO", "0x00000000", {"PackageInfo": {"Name": "F\u00e4ke \U0001f511", "Comment": None, "fCapabilities": "0x00012345", "wVersion": 1,
                                                            "wRPCID": 65535, "cbMaxToken": 77}, "NegotiationState": 2}),
        ("NATIVE_NAMES", "0x80090304", {"written": True}),
        ("FLAGS", "0x00000000", {"written": False}),
        ("PASSWORD_EXPIRY", "0x80090302", {"written": False}),
        (4711, "0x00000000", {"hex": "42" * 64}),
        ("0x1267", "0x00000000", {"hex": "42" * 64}),
    ],
)
def test_attribute_values(probe, attribute, status, value):
    probe.leg("normal")
    answer = probe("QueryContextAttributes", ctx="ctx", ulAttribute=attribute)
    assert (answer["status"], answer["value"]) == (status, value)


def test_attribute_misuse(probe):
    probe.leg("normal")
    assert "COLOUR" in probe("QueryContextAttributes", ctx="ctx", ulAttribute="COLOUR")["error"]
    assert "value" not in probe("QueryContextAttributes", ctx="ctx", ulAttribute=0, pBuffer="null")


def test_packages(probe):
    package = {"Name": "F\u00e4ke \U0001f511", "Comment": None, "fCapabilities": "0x00012345", "wVersion": 1, "wRPCID": 65535, "cbMaxToken": 77}
    assert probe("EnumerateSecurityPackages")["packages"] == [package]
    assert probe("QuerySecurityPackageInfo", pszPackageName="Fake")["package"] == package
    answer = probe("QuerySecurityPackageInfo", pszPackageName="Other")
    assert answer["status"] == "0x80090305" and answer["package"] == {"written": False}


def test_functions_missing_in_the_table_are_found_by_name(probe):
    assert probe("AcceptSecurityContext", cred="cred", ctx="srv", fContextReq=0)["status"] == "0x00090313"
    answer = probe("CompleteAuthToken", ctx="srv", input=[{"type": "TOKEN", "hex": "aabb"}])
    assert answer["status"] == "0x00000000" and answer["input"][0]["hex"] == "aabb"
    assert probe("QuerySecurityContextToken", ctx="srv")["Token"] == {"written": True}


def test_pin(probe):
    assert probe("pin", clock="0x01d9000000000000", random="00112233")["pinned"] is True
    assert probe.acquire("timed")["expiry"] == {"written": True, "value": "0x01d9000000000000"}
    assert "error" in probe("pin", random="0011223344")
    assert probe("pin", clock=0)["pinned"] is True
    assert "error" in probe("pin", **{"nt-hash": "00112233"})
    assert "unsupported" in probe("pin", **{"nt-hash": "00" * 16})  # this library has no libsspi_test_nt_hash


@pytest.mark.skipif(SANITIZED, reason="the sanitiser's heap tells no sizes")
def test_heap(probe):
    answer = probe("heap")
    assert answer["bytes"] > 0 and answer["ns"] == 0
