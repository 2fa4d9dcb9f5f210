# SPDX-License-Identifier: Apache-2.0
"""reproduce: what a recording shows becomes settings, what it does not is said; recorded failures end the same way."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sspi_conform import cli, importing
from sspi_conform.commands.run import programs
from sspi_conform.exchange import file
from sspi_conform.exchange.model import (CLIENT, HTTP, LDAP, NT_STATUS, RPC_FAULT, SECURITY, SERVER, Channel, Exchange, Leg,
                                         KdcMessage, Recording, Status)
from sspi_conform.model import ConformError, Trace
from sspi_conform.pipelines import run_cases
from sspi_conform.project import open_project
from sspi_conform.reproduce import compare, scenario, situation
from sspi_conform.tokens import der, ntlm, spnego
from test_decode import exchange as messages
from test_reproduce_live import OPTIONS
from windows_recordings import folder, needed

ROOT = Path(__file__).resolve().parents[2]
DENIED = Status(NT_STATUS, 0xC000006D, "STATUS_LOGON_FAILURE", False)


def failed(status: Status = DENIED, tokens: list[bytes] | None = None, facts: dict[str, Any] | None = None,
           **more: Any) -> situation.Situation:
    """The situation of NTLM in three legs and a last one without a token."""
    first, second, third = tokens or messages()
    legs = (Leg(CLIENT, first), Leg(SERVER, second), Leg(CLIENT, third, facts=facts or {}), Leg(SERVER, None, status=status))
    return situation.of(Exchange(0, "SMB2", legs, outcome=status, **more))


@pytest.mark.parametrize("status, account", [
    (0xC000006A, "wrong-password"), (0xC0000064, "unknown-user"), (0xC0000072, "disabled"), (0xC0000234, "locked"),
    (0xC0000193, "expired"), (0xC0000224, "password-expired")])
def test_states_of_the_account(status: int, account: str) -> None:
    found = failed(Status(NT_STATUS, status, "", False))
    assert found.settings["initiator.account"] == account and not found.assumed
    assert (found.divergence.side, found.divergence.leg, found.divergence.status) == ("acceptor", 2, "SEC_E_LOGON_DENIED")


def test_what_is_not_told_is_assumed_and_said() -> None:
    assert failed().settings["initiator.account"] == "wrong-password" and "does not say why" in failed().assumed[0]
    assert failed(facts={"proof": "wrong"}).assumed == []
    right = failed(facts={"proof": "right"})
    assert right.settings["initiator.account"] == "disabled" and right.assumed
    assert failed(Status(NT_STATUS, 0xC0000022, "", False)).divergence.status == ""


def test_ldap_tells_the_state_in_its_message() -> None:
    def told(text: str) -> situation.Situation:
        return failed(Status(LDAP, 49, "invalidCredentials", False, text))

    assert told("80090308: LdapErr: DSID-0C0903A9, data 775, v1db1").settings["initiator.account"] == "locked"
    bound = told("80090346: LdapErr: DSID-0C0903A9, data 80090346, v1db1")
    assert bound.settings["acceptor.bindings"] == "tls-server-end-point" and bound.divergence.status == "SEC_E_BAD_BINDINGS"
    assert told("").divergence.status == ""


def test_bindings() -> None:
    refused = Status(HTTP, 401, "Unauthorized", False)
    within = Channel(b"x" * 32)
    found = failed(refused, facts={"proof": "right", "bindings": "zero"}, channel=within)
    assert found.settings["acceptor.bindings"] == "tls-server-end-point" and "initiator.bindings" not in found.settings
    found = failed(refused, facts={"proof": "right", "bindings": "of another"}, channel=within)
    assert found.settings["initiator.bindings"] == "other-end-point"
    found = failed(Status(SECURITY, 0x80090346, "SEC_E_BAD_BINDINGS", False), facts={"bindings": "given"})
    assert found.settings["initiator.bindings"] == "other-end-point" and found.assumed
    assert any("asks for no channel bindings" in one for one in failed(channel=within).assumed)


def test_oddities_of_the_client() -> None:
    found = failed(facts={"mic": "wrong", "proof": "right", "mech-list-mic": "wrong", "target-info": "changed"})
    assert found.settings["initiator.misbehave"] == {"mic": "wrong", "target-info-name": "other", "mechListMIC": "wrong"}
    assert "initiator.account" not in found.settings
    flags = ntlm.UNICODE | ntlm.NTLM | ntlm.SIGN | ntlm.SEAL
    first = ntlm.Negotiate(flags).pack()
    found = failed(tokens=[first, *messages()[1:]])
    assert found.settings["initiator.flags"] == ["INTEGRITY", "CONFIDENTIALITY"]
    assert found.settings["initiator.misbehave"]["offer"] == "no-extended-security" and len(found.lost) == 2
    old = ntlm.Authenticate(flags, user=b"a\0", lm_response=b"l" * 24, nt_response=b"n" * 24).pack()
    found = failed(tokens=[*messages()[:2], old])
    assert found.settings["initiator.policy"] == {"lm-level": 0} and found.settings["authority"] == "file"
    nobody = ntlm.Authenticate(flags | ntlm.ANONYMOUS, lm_response=b"\0").pack()
    assert failed(tokens=[*messages()[:2], nobody]).settings["initiator.account"] == "anonymous"


def test_a_cut_token_is_cut() -> None:
    wrapped = [spnego.NegTokenInit((spnego.NTLM,), messages()[0]).pack(), spnego.NegTokenResp(1, spnego.NTLM, messages()[1]).pack(),
               spnego.NegTokenResp(None, None, messages()[2]).pack()[:-40]]
    found = failed(Status(HTTP, 400, "Bad Request", False), tokens=wrapped)
    assert found.play[-1] == {"leg": {"side": "acceptor", "input": {"truncate": 64}}} and len(found.play) == 5


def test_after_the_authentication_nothing_is_compared() -> None:
    done = spnego.NegTokenResp(0, spnego.MS_KRB5).pack()
    fault = Status(RPC_FAULT, 0x721, "RPC_S_SEC_PKG_ERROR", False)
    legs = (Leg(CLIENT, messages()[0]), Leg(SERVER, done), Leg(SERVER, None, status=fault))
    found = situation.of(Exchange(0, "DCERPC", legs, outcome=fault))
    assert not found.divergence.known and not compare.same(found.divergence, Trace(observed={"acceptor.leg.1.status": "SEC_E_OK"}))


def request(etype: int, name: bytes = b"HTTP", options: bytes = b"\x20\0\0\0") -> bytes:
    def part(number: int) -> bytes:
        return der.write(0x30, der.write(0xA0, der.write(2, bytes((number,)))), der.write(0xA2, der.write(4, b"x" * 20)))

    sname = der.write(0x30, der.write(0xA0, b"\2\1\2"), der.write(0xA1, der.write(0x30, der.write(0x1B, name), der.write(0x1B, b"w"))))
    ticket = der.write(0x61, der.write(0x30, der.write(0xA0, b"\2\1\5"), der.write(0xA1, der.write(0x1B, b"R")),
                                       der.write(0xA2, sname), der.write(0xA3, part(etype))))
    body = der.write(0x6E, der.write(0x30, der.write(0xA0, b"\2\1\5"), der.write(0xA1, b"\2\1\x0e"),
                                     der.write(0xA2, der.write(3, b"\0" + options)), der.write(0xA3, ticket), der.write(0xA4, part(18))))
    return spnego.frame(spnego.KRB5, b"\1\0" + body)


@pytest.mark.parametrize("etype, facts, settings", [
    (18, {}, {"initiator.target": "http", "initiator.flags": ["MUTUAL_AUTH"], "package": "Kerberos"}),
    (23, {"ticket": "opened"}, {"initiator.target": "rc4"}),
    (18, {"ticket": "no key fits", "keytab": [3], "keytab-etypes": [18]}, {"initiator.target": "rekeyed"}),
    (23, {"ticket": "no such etype", "keytab": [], "keytab-etypes": [18]}, {"initiator.target": "rc4", "acceptor.keytab": "aes128"}),
    (18, {"ticket": "no key fits", "keytab": [], "keytab-etypes": []}, {"acceptor.keytab": "cifs"}),
    (18, {"ticket-ends": -5.0}, {"initiator.ticket": "expired", "initiator.account": "default"}),
    (18, {"ticket-begins": 4000.0, "ticket-ends": 9000.0}, {"initiator.ticket": "not-yet-valid"}),
    (18, {"clock-difference": -900.0}, {"initiator.misbehave": {"ap-req": "late"}}),
    (18, {"pac": "absent"}, {"initiator.target": "no-pac"}),
    (18, {"gss-flags": ["MUTUAL", "CONF", "DCE-STYLE"]}, {"initiator.flags": ["MUTUAL_AUTH", "CONFIDENTIALITY", "USE_DCE_STYLE"],
                                                           "acceptor.flags": ["USE_DCE_STYLE"]}),
])
def test_kerberos(etype: int, facts: dict[str, Any], settings: dict[str, Any]) -> None:
    refused = Status(SECURITY, 0x8009030C, "SEC_E_LOGON_DENIED", False)
    found = situation.of(Exchange(0, "probe", (Leg(CLIENT, request(etype), facts=facts), Leg(SERVER, None, status=refused)),
                                  outcome=refused))
    assert {key: found.settings.get(key) for key in settings} == settings
    assert (found.divergence.leg, found.divergence.status) == (1, "SEC_E_LOGON_DENIED")


def test_the_file_is_a_scenario_and_names_nobody(tmp_path: Path) -> None:
    found = failed()
    one = Exchange(4, "SMB2", (), client="10.1.2.3", about={"host": "web.corp"})
    recording = Recording("pcap", "acme-corp.pcapng", "ab" * 32, (one,))
    path = scenario.write(tmp_path, "ticket-4711", found, recording, one)
    text = path.read_text()
    assert all(word not in text for word in ("acme", "10.1.2.3", "web.corp", "alice")) and "ab" * 32 in text
    case = open_project(ROOT, also=tmp_path).one("ticket-4711")
    assert case.settings["initiator"]["account"] == "wrong-password" and case.subject == "acceptor"
    assert scenario.write(tmp_path, "ticket-4711", found, recording, one) == path
    (tmp_path / "mine.yaml").write_text("scenarios: []\n")
    for name in ("mine", "Not A Name", "../up"):
        with pytest.raises(ConformError):
            scenario.write(tmp_path, name, found, recording, one)
    with pytest.raises(ConformError, match="no scenario in"):
        open_project(ROOT, also=tmp_path / "nowhere")


def test_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.json"
    path.write_text(file.text(Recording("pcap", "x", "", (Exchange(0, "SMB2", ()),), redacted=True)))
    also = ["--also", str(tmp_path / "made")]
    assert cli.main(["reproduce", str(path), "--case", "one", "--exchange", "7", *also]) == 3
    assert "there is no exchange 7" in capsys.readouterr().err
    assert cli.main(["reproduce", str(path), "--case", "one", "--password", "x", *also]) == 3
    assert cli.main(["reproduce", str(path), "--case", "One!", *also]) == 3
    assert cli.main(["reproduce", str(path), "--case", "one", "--write-only", *also]) == 0
    assert "no token of the client is in the file" in capsys.readouterr().out


BUILT = pytest.mark.skipif(not (ROOT / "build" / "sspi-probe").exists(), reason="nothing is built: make")


# Recorded failures, each with how it ends here; None: it does not end so, and why is said.
RECORDED = {
    "suricata-verify/dcerpc-bind-no-frag-flag.pcap": (0, "SEC_E_LOGON_DENIED"),            # STATUS_ACCOUNT_DISABLED
    "corelight-zerologon/CVE-2020-1472_exploit_win2019.pcap": (6, "SEC_E_LOGON_DENIED"),   # STATUS_LOGON_FAILURE
    "wireshark-wiki/languard_scan.dmp": (0, "SEC_E_LOGON_DENIED"),                         # the same with NTLMv1
    "pcap-attack/CA_LM_SpoolSample_SMB_BiAuth.pcapng": (1, "SEC_E_NO_AUTHENTICATING_AUTHORITY"),
    "ndpi/smb_frags.pcap": (0, "SEC_I_CONTINUE_NEEDED"),                                   # KRB-ERROR 37
    "zeek/ldap_invalid_credentials.pcap": (0, "SEC_E_LOGON_DENIED"),
    "wireshark-rdp/rdp-nla-ntlm-rejected1.pcapng": (0, None),                              # CredSSP 0x80090302
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[situation.Situation, Trace]]:
    """The recorded failures as situations, and what happened when these were played, all in one run."""
    place = folder()
    assert place is not None
    made, names = tmp_path_factory.mktemp("reproduced"), {}
    for number, (name, (exchange, _)) in enumerate(RECORDED.items()):
        recording = importing.load(place / name)
        names[f"recorded-{number}"] = name, situation.of(recording.exchanges[exchange])
        scenario.write(made, f"recorded-{number}", names[f"recorded-{number}"][1], recording, recording.exchanges[exchange])
    project = open_project(ROOT, also=made)
    options = programs(project, project.profile("libsspi"), OPTIONS)
    return {names[case.id][0]: (names[case.id][1], trace)
            for case, trace in run_cases([project.one(name) for name in names], options)}


@needed()
@BUILT
@pytest.mark.parametrize("name", RECORDED)
def test_recorded_failures(name: str, played: dict[str, tuple[situation.Situation, Trace]]) -> None:
    found, trace = played[name]
    status = RECORDED[name][1]
    assert compare.same(found.divergence, trace) == bool(status), (found, dict(trace.observed))
    if status:
        assert trace.observed[f"acceptor.leg.{found.divergence.leg}.status"] == status
    else:
        assert "NTLM was refused after the AUTHENTICATE" in found.lost[0]


@needed()
@BUILT
def test_json_and_playing_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder()
    assert place is not None
    source = str(place / "suricata-verify" / "dcerpc-bind-no-frag-flag.pcap")
    assert cli.main(["reproduce", source, "--case", "recorded", "--also", str(tmp_path), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["reproduced"] and [row["leg"] for row in made["legs"]] == [1, 1, 2, 2]
    assert cli.main(["run", "recorded", "--also", str(tmp_path), "--report", str(tmp_path / "report"), "--no-html"]) == 0
    assert "1 pass" in capsys.readouterr().out


@pytest.mark.parametrize("code, settings", [(6, {"initiator.account": "unknown-user"}), (18, {"initiator.account": "disabled"}),
                                            (7, {"initiator.target": "HTTP/nobody.sspi.test"}), (25, {"package": "NTLM"})])
def test_what_failed_before_any_token(code: int, settings: dict[str, Any]) -> None:
    asked = Leg(SERVER, None, status=Status(HTTP, 401, "Unauthorized"))
    found = situation.of(Exchange(0, "HTTP", (asked,)), (KdcMessage("KRB-ERROR", code=code),))
    assert {key: found.settings.get(key) for key in settings} == settings
    assert found.divergence.known == (code != 25) and (found.divergence.side, found.divergence.leg) == ("initiator", 1)
    said = ("curl: gss_init_sec_context() failed: Server HTTP/x@Y not found in Kerberos database.",)
    assert situation.of(Exchange(0, "curl", (asked,), missing=said)).settings["initiator.target"] == "HTTP/nobody.sspi.test"
