# SPDX-License-Identifier: Apache-2.0
"""Traces of curl and lines of the probe become exchanges; what is neither is refused."""
from __future__ import annotations

import base64
import http.server
import json
import random
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sspi_conform import importing
from sspi_conform.exchange import file
from sspi_conform.exchange.model import CLIENT, SERVER, Recording
from sspi_conform.importing import curl, probe_lines, shown
from sspi_conform.model import ConformError
from sspi_conform.tokens import kind
from test_decode import exchange

WORDS = [base64.b64encode(one).decode() for one in exchange()]
NTLM = f"""\
*   Trying 10.0.0.7:80...
* Connected to web.corp (10.0.0.7) port 80 (#0)
* Server auth using NTLM with user 'alice'
> GET /a HTTP/1.1
> Host: web.corp
> Authorization: NTLM {WORDS[0]}
> User-Agent: curl/7.88.1
> Accept: */*
>\x20
< HTTP/1.1 401 Unauthorized
< WWW-Authenticate: NTLM {WORDS[1]}
< Content-Length: 0
<\x20
* Connection #0 to host web.corp left intact
* Issue another request to this URL: 'http://web.corp/a'
* Re-using existing connection! (#0) with host web.corp
> GET /a HTTP/1.1
> Host: web.corp
> Authorization: NTLM {WORDS[2]}
>\x20
< HTTP/1.1 {{}}
<\x20
"""


def kinds(recording: Recording) -> list[list[tuple[str, str, int | None]]]:
    return [[(leg.sender, kind(leg.token or b""), leg.status.value if leg.status else None) for leg in one.legs]
            for one in recording.exchanges]


WHOLE = [(CLIENT, "NTLM NEGOTIATE", None), (SERVER, "NTLM CHALLENGE", 401), (CLIENT, "NTLM AUTHENTICATE", None)]


@pytest.mark.parametrize("code, success", [("200 OK", True), ("401 Unauthorized", False)])
def test_ntlm_of_curl(code: str, success: bool) -> None:
    found = curl.read(NTLM.format(code).encode(), "trace.txt")
    assert kinds(found) == [[*WHOLE, (SERVER, "none", int(code[:3]))]]
    one = found.exchanges[0]
    assert one.outcome.success is success and one.transport == "curl" and one.missing == ()
    assert (one.server, one.server_port, one.about["host"], one.about["url"]) == ("10.0.0.7", 80, "web.corp", "/a")
    assert one.about["scheme"] == "NTLM"
    assert "lines 4-21" in list(shown.lines(found))[1]
    assert [leg.frame for leg in one.legs] == [4, 10, 17, 21] and one.legs[0].time is None


def test_forms_of_the_same_trace() -> None:
    text = NTLM.format("200 OK")
    want = curl.read(text.encode(), "x").exchanges
    stamped = "".join(f"12:34:56.123456 {line}\n" for line in text.splitlines())
    ids = "".join(f"12:34:56.123456 [0-0] {line}\n" for line in text.splitlines())
    for other in (text.replace("\n", "\r\n"), stamped, ids, "\ufeff" + text):
        assert curl.read(other.encode(), "x").exchanges == want
    assert curl.read(text.encode("utf-16"), "x").exchanges == want
    two = (text.replace("HTTP/1.1", "HTTP/2").replace("WWW-Authenticate", "www-authenticate")
           .replace("Authorization", "authorization").replace("HTTP/2 401 Unauthorized", "HTTP/2 401").replace("2 200 OK", "2 200"))
    assert kinds(curl.read(two.encode(), "x")) == [[*WHOLE, (SERVER, "none", 200)]]
    meter = text.replace("< Content-Length: 0\n", "< Content-Length: 20\n").replace(
        "* Connection #0", "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n{ [20 bytes data]\n"
                           "<p>\n< not a head\n> neither\n* Connection #0")
    assert kinds(curl.read(meter.encode(), "x")) == [[*WHOLE, (SERVER, "none", 200)]]


def test_several_requests_and_hosts() -> None:
    other = NTLM.format("401 No").replace("web.corp", "sql.corp").replace("10.0.0.7", "10.0.0.8").replace("(#0)", "(#1)")
    found = curl.read((NTLM.format("200 OK") + other).encode(), "x")
    assert kinds(found) == [[*WHOLE, (SERVER, "none", 200)], [*WHOLE, (SERVER, "none", 401)]]
    assert [one.server for one in found.exchanges] == ["10.0.0.7", "10.0.0.8"]


def test_no_token_and_why() -> None:
    text = """\
* Added web.sspi.corp:443:10.0.0.7 to DNS cache
* Connected to web.corp (10.0.0.7) port 443
* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384
> GET / HTTP/1.1
> Host: web.corp
>
< HTTP/1.1 401 Unauthorized
< WWW-Authenticate: Negotiate
< WWW-Authenticate: NTLM
<
* gss_init_sec_context() failed: No credentials were supplied. Server HTTP/web.corp not found
* Authentication problem. Ignoring this.
"""
    found = curl.read(text.encode(), "x")
    one = found.exchanges[0]
    assert [(leg.sender, leg.token, leg.status.value) for leg in one.legs] == [(SERVER, None, 401)]
    assert one.about["schemes"] == "Negotiate NTLM" and one.channel is not None
    assert any("gss_init_sec_context() failed" in text for text in one.missing)
    assert not any("DNS cache" in text for text in (*one.missing, *found.missing))
    told = "\n".join(shown.lines(found))
    assert "     curl: gss_init_sec_context() failed" in told and "missing: the client never sent a token" in told
    assert "the client never sent a token" in one.missing


def test_a_device_is_no_input() -> None:
    with pytest.raises(ConformError, match="/dev/zero is a device"):
        importing.load(Path("/dev/zero"))


def test_a_cut_token() -> None:
    text = NTLM.format("400 Bad Request").replace(WORDS[2], WORDS[2][:41] + "...")
    one = curl.read(text.encode(), "x").exchanges[0]
    assert "the NTLM token of line 17 is no whole base64: its end was cut off" in one.missing
    assert kind(one.legs[2].token) == "NTLM AUTHENTICATE"


@pytest.mark.parametrize("content", [b"", b"hello", b"* Trying\n", b"> GET / HTTP/1.1\n>\n< HTTP/1.1 200 OK\n<\n", b"\xff\xfe\xff",
                                     b"> GET", b"< HTTP/1.1 401"])
def test_what_holds_nothing_is_refused(content: bytes) -> None:
    with pytest.raises(ConformError):
        curl.read(content, "x")
    with pytest.raises(ConformError):
        probe_lines.read(content, "x")


class _Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        word = self.headers.get("Authorization", "")
        if base64.b64decode(word.partition(" ")[2])[8:9] == b"\3":
            self.send_response(200)
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", f"NTLM {WORDS[1]}" if word else "NTLM")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"body")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_address[1]}/"
        made.shutdown()
        thread.join()


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("options", [[], ["--trace-time"], ["-sS"]])
def test_the_curl_that_is_here(options: list[str], server: str, tmp_path: Path) -> None:
    ran = subprocess.run(["curl", "-v", "--ntlm", "-u", "alice:secret", *options, server], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=60, check=True)
    trace = tmp_path / "trace.txt"
    trace.write_bytes(ran.stdout)
    found = importing.load(trace)
    assert kinds(found) == [[*WHOLE, (SERVER, "none", 200)]] and found.kind == "curl"
    assert file.read(file.text(found).encode(), "x") == found


def leg(side: str, context: str, given: bytes | None, made: bytes | None, status: str, number: int = 1) -> tuple[dict, dict]:
    request: dict[str, Any] = {"id": number, "call": "InitializeSecurityContext" if side == CLIENT else "AcceptSecurityContext",
                               "cred": "c", "ctx": context, "fContextReq": "0x00000002"}
    if side == CLIENT:
        request["pszTargetName"] = "HTTP/web.corp"
    if given:
        request["input"] = [{"type": "TOKEN", "hex": given.hex()}]
    output = [{"type": 2, "size": len(made or b""), "hex": (made or b"").hex(), "canary": "intact", "pvBuffer": "same"}]
    return request, {"id": number, "ns": 1, "status": status, "output": output}


def trace(last: str) -> list[tuple[str, dict, dict]]:
    first, second, third = exchange()
    return [(CLIENT, *leg(CLIENT, "a", None, first, "0x00090312")), (SERVER, *leg(SERVER, "b", first, second, "0x00090312")),
            (CLIENT, *leg(CLIENT, "a", second, third, "0x00000000", 2)), (SERVER, *leg(SERVER, "b", third, None, last, 2))]


def test_a_case(tmp_path: Path) -> None:
    calls = [{"side": "initiator", "request": request, "answer": answer} for _, request, answer in trace("0x8009030c")]
    calls.insert(0, {"side": "initiator", "request": {"call": "AcquireCredentialsHandle"}, "answer": {"status": "0x00000000"}})
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"seconds": 1, "ended": None, "calls": calls}, indent=1))
    found = importing.load(path)
    assert found.kind == "case"
    assert kinds(found) == [[(CLIENT, "NTLM NEGOTIATE", 0x90312), (SERVER, "NTLM CHALLENGE", 0x90312),
                             (CLIENT, "NTLM AUTHENTICATE", 0), (SERVER, "none", 0x8009030C)]]
    one = found.exchanges[0]
    assert (one.outcome.name, one.outcome.success, one.about["service"]) == ("SEC_E_LOGON_DENIED", False, "HTTP/web.corp")
    assert one.about["initiator-flags"] == "0x00000002" and one.missing == ()


def test_lines_of_one_side_and_of_both() -> None:
    calls = trace("0x00000000")
    both = probe_lines.read("\n".join(json.dumps(one) for _, *pair in calls for one in pair).encode(), "x")
    assert len(both.exchanges) == 1 and both.exchanges[0].outcome.success and len(both.exchanges[0].legs) == 4
    client = [pair for side, *pair in calls if side == CLIENT]
    lines = [json.dumps(one) for pair in client for one in pair]
    found = probe_lines.read("\n\n".join(lines).encode(), "x")
    assert kinds(found) == [[(CLIENT, "NTLM NEGOTIATE", 0x90312), (SERVER, "NTLM CHALLENGE", None), (CLIENT, "NTLM AUTHENTICATE", 0)]]
    assert found.exchanges[0].missing == ("what the server answered is not in the lines",)
    apart = [json.dumps(pair[0]) for pair in client] + [json.dumps([pair[1] for pair in client])]
    assert probe_lines.read("\n".join(apart).encode(), "x").exchanges[0].legs[0].token == found.exchanges[0].legs[0].token
    asked = probe_lines.read("\n".join(json.dumps(pair[0]) for pair in client).encode(), "x").exchanges[0]
    assert "no answer to the request in line 1" in asked.missing and asked.outcome is None


def test_a_name_used_again_is_another_exchange() -> None:
    lines = [json.dumps(one) for _, *pair in trace("0x80090308") + trace("0x00000000") for one in pair]
    assert [one.outcome.success for one in probe_lines.read("\n".join(lines).encode(), "x").exchanges] == [False, True]


def test_hostile_lines() -> None:
    dice = random.Random(7)
    text = "\n".join(json.dumps(one) for _, *pair in trace("0x00000000") for one in pair).encode()
    for _ in range(300):
        spoilt = bytearray(text)
        for _ in range(dice.randint(1, 4)):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(32, 127)
        try:
            probe_lines.read(bytes(spoilt), "x")
        except ConformError:
            pass
    for broken in (b'{"calls": [1]}', b'{"calls": [{"request": {"call": []}, "answer": {}}]}', b"[[1]]", b'{"id": [], "call": "x"}'):
        with pytest.raises(ConformError):
            probe_lines.read(broken, "x")
