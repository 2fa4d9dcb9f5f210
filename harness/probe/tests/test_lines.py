# SPDX-License-Identifier: Apache-2.0
"""Requests and answers as lines: every rule of PROTOCOL.md about them."""

import json

import pytest

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
