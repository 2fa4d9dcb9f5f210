# SPDX-License-Identifier: Apache-2.0
"""The probe against a library that behaves oddly on purpose (fake_sspi.c): every rule of PROTOCOL.md."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PROBE = pathlib.Path(os.environ.get("SSPI_PROBE", ROOT / "build/sspi-probe")).resolve()
SANITIZED = b"__asan_init" in PROBE.read_bytes()
own_crashes = pytest.mark.skipif(SANITIZED, reason="the sanitiser reports crashes in its own way")


@pytest.fixture(scope="session")
def fake(tmp_path_factory):
    given = os.environ.get("FAKE_SSPI")
    if given:
        return str(pathlib.Path(given).resolve())
    library = tmp_path_factory.mktemp("fake") / "libfake-sspi.so"
    subprocess.run(
        ["cc", "-std=gnu11", "-g", "-fPIC", "-shared", f"-I{ROOT}/impl/include", "-o", library, HERE / "fake_sspi.c"],
        check=True,
    )
    return str(library)


class Probe:
    """One probe process; every answer is checked for the rules that all answers share."""

    def __init__(self, library, *options, **environment):
        self.process = subprocess.Popen(
            [PROBE, *options, library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | environment,
        )
        self.next_id = 0

    def line(self, text):
        """Send one raw line and read the answer line; None at the end of file."""
        self.process.stdin.write(text.encode() + b"\n" if isinstance(text, str) else text + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        return json.loads(answer) if answer else None

    def request(self, call, **keys):
        self.next_id += 1
        return {"id": self.next_id, "call": call, **keys}

    def __call__(self, call, **keys):
        request = self.request(call, **keys)
        answer = self.line(json.dumps(request))
        if answer is None:
            return None
        assert answer["id"] == request["id"]
        assert isinstance(answer["ns"], int)
        assert call in ("hello", "pin") or len({"status", "unsupported", "error"} & answer.keys()) == 1
        return answer

    def acquire(self, name="cred", **keys):
        return self("AcquireCredentialsHandle", cred=name, **({"pszPackage": "Fake", "fCredentialUse": 2} | keys))

    def leg(self, target, ctx="ctx", **keys):
        return self(
            "InitializeSecurityContext",
            **({"cred": "cred", "ctx": ctx, "pszTargetName": target, "fContextReq": "0x0000081c", "output": [{"type": "TOKEN", "size": 64}]} | keys),
        )

    def end(self):
        """Close stdin; the exit status and what was on stderr."""
        _, err = self.process.communicate(timeout=10)
        return self.process.returncode, err.decode()


@pytest.fixture
def probe(fake):
    it = Probe(fake)
    assert it.acquire()["status"] == "0x00000000"
    yield it
    it.process.kill()
    it.process.communicate()


# ---- lines ------------------------------------------------------------------------------------


def test_hello_says_what_is_hosted(probe, fake):
    answer = probe("hello")
    assert answer["protocol"] == 1
    assert answer["implementation"] == fake
    assert answer["entry"] == "InitSecurityInterfaceW"
    assert answer["table_version"] == 1
    assert "CompleteAuthToken" in answer["functions"]
    assert "status" not in answer
    assert {"failalloc", "pin"} >= set(answer["features"]) and "pin" in answer["features"]


def test_table_slots_beyond_the_version_are_not_read(probe):
    assert "SetContextAttributes" not in probe("hello")["functions"]
    assert "unsupported" in probe("SetContextAttributes", ctx="ctx", ulAttribute=1, hex="00")


@pytest.mark.parametrize(
    "line",
    ["", "garbage", "{", '{"id": 1, "id": 2, "call": "hello"}', b'{"id": "\xff"}', '{"id": 1.5, "call": "hello"}', "[" * 100, '{"id": 1} x'],
)
def test_bad_json_is_answered_and_survived(probe, line):
    answer = probe.line(line)
    assert answer["id"] is None and "error" in answer
    assert probe("hello")["protocol"] == 1


@pytest.mark.parametrize("line", ["5", '"text"', "null", "{}", '{"call": "hello"}', '{"id": null, "call": "hello"}', '{"id": [1], "call": "hello"}'])
def test_a_request_needs_an_id(probe, line):
    answer = probe.line(line)
    assert answer["id"] is None and "error" in answer


@pytest.mark.parametrize("identifier", ["7", "-3", "18446744073709551615", '"seven"', '"\\u00e4\\n\\"\\\\"'])
def test_the_id_is_echoed(probe, identifier):
    assert probe.line('{"id": %s, "call": "hello"}' % identifier)["id"] == json.loads(identifier)


def test_unknown_call_is_unsupported(probe):
    assert "unsupported" in probe("AddCredentials")
    assert "unsupported" in probe("RevertSecurityContext", ctx="ctx")  # an empty slot, not exported


def test_unknown_keys_and_wrong_values_are_errors(probe):
    assert "colour" in probe("hello", colour=1)["error"]
    assert "missing" in probe("QueryContextAttributes", phContext="zero")["error"]
    assert "error" in probe.acquire(fCredentialUse=-1)
    assert "error" in probe.acquire(fCredentialUse="0x123456789")
    assert "error" in probe.acquire(fCredentialUse="2")
    assert "error" in probe.acquire(identity={"User": "u", "Colour": "x"})
    assert "error" in probe.acquire(identity={"kind": "B"})
    assert "error" in probe.acquire(pszPackage=5)
    for buffer in ({}, {"type": "COLOUR"}, {"type": "TOKEN", "hex": "0"}, {"type": "TOKEN", "hex": "zz"}, {"type": 2, "hex": "0011", "size": 1},
                   {"type": 2, "null": True, "hex": "00"}, {"type": 2, "readonly": "very"}, {"type": 2, "color": 1}, 5):
        assert "error" in probe.leg("normal", output=[buffer]), buffer
    assert "error" in probe.leg("normal", output={})


def test_batch_is_answered_on_one_line_in_order(probe):
    requests = [probe.request("hello"), probe.request("nothing"), 3, probe.request("QueryContextAttributes", ctx="none", ulAttribute=0)]
    answers = probe.line(json.dumps(requests))
    assert [answer["id"] for answer in answers] == [requests[0]["id"], requests[1]["id"], None, requests[3]["id"]]
    assert "protocol" in answers[0] and "unsupported" in answers[1] and "error" in answers[2] and "error" in answers[3]
    assert probe.line("[]") == []


def test_many_lines_at_once_a_long_line_and_crlf(probe):
    count = 2000
    lines = "".join(json.dumps({"id": i, "call": "hello"}) + "\r\n" for i in range(count))
    big = {"id": "big", "call": "EncryptMessage", "ctx": "none", "message": [{"type": "DATA", "hex": "ab" * 3_000_000}]}
    out, _ = probe.process.communicate((lines + json.dumps(big)).encode())  # the last line has no end
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["id"] for answer in answers] == [*range(count), "big"]
    assert "no handle" in answers[-1]["error"]
    assert probe.process.returncode == 0


def test_end_of_file_ends_the_probe(probe):
    assert probe.end()[0] == 0


def test_stdout_and_stdin_belong_to_the_protocol(probe):
    answer = probe.leg("stdio")
    assert bytes.fromhex(answer["output"][0]["hex"]) == b"stdin is empty"
    code, err = probe.end()
    assert code == 0 and "library chatter on stdout" in err


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


@pytest.mark.parametrize(
    "identity, seen",
    [
        ({"User": "\u00e9a", "Domain": "", "Password": "\U0001f511"}, "User=00e9../2 Domain=0000../0 Password=d83d../2 "),
        ({"kind": "A", "User": "bob", "Password": "pw"}, "User=bob/3 Domain=null/0 Password=pw/2 "),
        ({"User": "u", "PackageList": "!Kerberos"}, "EX/72 User=0075../1 Domain=null/0 Password=null/0 PackageList=0021../9 "),
        ({"kind": "EXA", "User": "u", "PackageList": ""}, "EX/72 User=u/1 Domain=null/0 Password=null/0 PackageList=/0 "),
        ({"kind": "W", "User": "bob", "Flags": 1}, "User=b/3 Domain=null/0 Password=null/0 "),
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


# ---- allocations --------------------------------------------------------------------------------


def test_failalloc_counts_and_fails_one_allocation(probe):
    if "failalloc" not in probe("hello")["features"]:
        assert "unsupported" in probe.leg("mallocs", failalloc=1)
        pytest.skip("this build of the probe cannot fail allocations")
    assert "allocations" not in probe.leg("mallocs")
    for n in range(0, 6):
        answer = probe.leg("mallocs", failalloc=n)
        assert answer["status"] == ("0x80090300" if 1 <= n <= 3 else "0x00000000")
        assert answer["allocations"] == 3
    assert probe.leg("allocate", fContextReq="0x100", failalloc=1)["allocations"] == 0  # strdup: libc's own
    assert probe.leg("mallocs")["status"] == "0x00000000"


# ---- death --------------------------------------------------------------------------------------


@own_crashes
@pytest.mark.parametrize("target, number", [("crash", signal.SIGSEGV), ("abort", signal.SIGABRT), ("stack", signal.SIGSEGV)])
def test_a_crash_is_named_on_stderr(probe, target, number):
    assert probe.leg(target) is None
    code, err = probe.end()
    assert code == -number
    assert err == f"sspi-probe: {number.name} in InitializeSecurityContext (id {probe.next_id})\n"


@own_crashes
def test_the_signal_handler_can_be_left_out(fake):
    probe = Probe(fake, "--no-signal-handler")
    assert probe.acquire(pszPackage="Crash") is None
    assert probe.end() == (-signal.SIGSEGV, "")


def test_an_exit_inside_the_library_is_seen(probe):
    assert probe.leg("exit") is None
    assert probe.end() == (7, "")


def test_a_hanging_probe_dies_with_its_parent(fake):
    script = (
        "import subprocess, sys\n"
        "p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)\n"
        "p.stdin.write(b'{\"id\":1,\"call\":\"AcquireCredentialsHandle\",\"cred\":\"c\",\"pszPackage\":\"x\",\"fCredentialUse\":2}\\n"
        "{\"id\":2,\"call\":\"InitializeSecurityContext\",\"cred\":\"c\",\"ctx\":\"x\",\"fContextReq\":0,\"pszTargetName\":\"hang\"}\\n')\n"
        "p.stdin.flush()\n"
        "print(p.pid, flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, PROBE, fake], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    assert wait_for(lambda: state(child) == "S"), "the probe hangs in the library"
    parent.kill()
    parent.communicate()
    assert wait_for(lambda: state(child) in (None, "Z"))


def state(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return None


def wait_for(condition, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


# ---- command line -------------------------------------------------------------------------------


def run(*arguments):
    return subprocess.run([PROBE, *arguments], input=b"", capture_output=True, timeout=10)


def test_help_and_version():
    assert b"Example" in run("--help").stdout
    assert run("--version").stdout.startswith(b"sspi-probe ")


@pytest.mark.parametrize("arguments", [[], ["--colour"], ["--entry"], ["a.so", "b.so"]])
def test_wrong_usage(arguments):
    result = run(*arguments)
    assert result.returncode == 3 and b"Next:" in result.stderr and not result.stdout


def test_what_cannot_be_hosted(fake, tmp_path):
    for arguments in (["no-such-library.so"], [str(tmp_path)], ["libc.so.6"], ["--entry", "NoSuchEntry", fake], ["--entry", "FakeEntryWithoutTable", fake]):
        result = run(*arguments)
        assert result.returncode == 2 and b"Next:" in result.stderr and not result.stdout, arguments


def test_entry_points(fake):
    probe = Probe(fake, "--entry", "InitSecurityInterfaceExW")
    answer = probe("hello")
    assert (answer["entry"], answer["table_version"]) == ("InitSecurityInterfaceExW", 5)
    assert probe.end()[0] == 0


def test_ansi_falls_back_to_the_other_entry_point(fake):
    probe = Probe(fake, "--ansi")
    answer = probe("hello")
    assert (answer["entry"], answer["table_version"]) == ("InitSecurityInterfaceExA", 3)
    assert probe("QuerySecurityPackageInfo", pszPackageName="Fake")["package"]["Name"] == "Fake"
    probe.acquire()
    assert probe.leg("refuse")["status"] == "0x8009030c"
    assert probe.end()[0] == 0


def test_stdin_and_stdout_stay_free_of_the_librarys_descriptors(fake):
    """Descriptors the library may expect (0, 1, 2) exist even when the caller closed stderr."""
    result = subprocess.run(["sh", "-c", 'echo \'{"id":1,"call":"hello"}\' | "$0" "$1" 2>&-', PROBE, fake], capture_output=True)
    assert json.loads(result.stdout)["protocol"] == 1
