# SPDX-License-Identifier: Apache-2.0
"""The conductor on scripted endpoints: which calls it makes, in which order, and what it writes down."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support import case, fake, world
from sspi_conform import verbs
from sspi_conform.conductor import Conductor
from sspi_conform.model import Case, Trace
from sspi_conform.play.observed import Observed

ISC, ASC = "InitializeSecurityContext", "AcceptSecurityContext"
OK, CONTINUE, COMPLETE, COMPLETE_CONTINUE = "0x00000000", "0x00090312", "0x00090313", "0x00090314"
DENIED = "0x8009030c"
NO_TOKEN = [{"type": 2, "size": 0, "hex": "", "canary": "intact", "pvBuffer": "same"}]
CRASHES = ["crash"]


def token(data: str) -> list[dict[str, Any]]:
    """An output list with these bytes."""
    return [{"type": 2, "size": len(data) // 2, "hex": data, "canary": "intact", "pvBuffer": "same"}]


class Played:
    """A trace with shorthands for what tests ask."""

    def __init__(self, trace: Trace, retired: set[str]) -> None:
        self.trace, self.retired, self.observed = trace, retired, trace.observed

    def requests(self, call: str) -> list[Mapping[str, Any]]:
        return [record.request for record in self.trace.calls if record.request["call"] == call]

    def calls(self, side: str | None = None) -> list[str]:
        return [str(record.request["call"]) for record in self.trace.calls if side in (None, record.side)]


@pytest.fixture
def play(tmp_path: Path):
    """Play a case with scripts for the two sides."""
    def run(what: Case, initiator: Mapping[str, Any] | None = None, acceptor: Mapping[str, Any] | None = None,
            **options: Any) -> Played:
        identity = options.pop("acceptor_identity", "none")
        with fake("initiator", tmp_path, initiator) as one, fake("acceptor", tmp_path, acceptor) as two:
            return Played(*Conductor(identity).play(what, world(), {"initiator": one, "acceptor": two}, **options))
    return run


@pytest.mark.parametrize("careful", [False, True])
def test_whole_exchange(play, careful: bool) -> None:
    played = play(case(["establish"]), careful=careful)
    observed = played.observed
    assert played.trace.ended is None and not played.retired
    assert observed["established"] is True
    assert observed["initiator.legs"] == observed["acceptor.legs"] == 2
    assert observed["initiator.leg.1.status"] == "SEC_I_CONTINUE_NEEDED"
    assert observed["initiator.leg.2.token"] == "NTLM AUTHENTICATE"
    assert observed["acceptor.last.status"] == "SEC_E_OK"
    assert observed["acceptor.last.token"] == "none"
    assert observed["acceptor.last.attributes"] == ["CONFIDENTIALITY"]
    assert observed["initiator.last.expiry"] == "unwritten"
    assert played.calls("initiator") == ["AcquireCredentialsHandle", ISC, ISC, "DeleteSecurityContext",
                                         "FreeCredentialsHandle"]


def test_tokens_travel(play) -> None:
    played = play(case(["establish"]), {ISC: [{"output": token("aa01")}, {"output": token("aa02")}]},
                  {ASC: [{"output": token("bb01")}]})
    assert [request.get("input") for request in played.requests(ISC)] == [None, [{"type": "TOKEN", "hex": "bb01"}]]
    assert [request["input"][0]["hex"] for request in played.requests(ASC)] == ["aa01", "aa02"]


def test_final_token_with_ok_is_sent(play) -> None:
    played = play(case(["establish"]), {ISC: [{}, {"status": CONTINUE}, {"status": OK, "output": NO_TOKEN}]},
                  {ASC: [{}, {"status": OK, "output": token("cc")}]})
    assert played.observed["established"] is True
    assert played.requests(ISC)[2]["input"][0]["hex"] == "cc"


def test_continue_with_an_empty_token(play) -> None:
    played = play(case(["establish"]), {ISC: [{"output": NO_TOKEN}]})
    assert played.requests(ASC)[0]["input"] == [{"type": "TOKEN", "hex": ""}]


def test_ok_without_token_leaves_the_other_waiting(play) -> None:
    played = play(case(["establish"]), {}, {ASC: [{"status": OK, "output": NO_TOKEN}]})
    assert played.observed["established"] is False
    assert played.observed["initiator.legs"] == 1


def test_refusal_ends_the_exchange(play) -> None:
    played = play(case(["establish", "seal both ways"]), {}, {ASC: [{}, {"status": DENIED, "output": NO_TOKEN}]})
    assert played.observed["acceptor.leg.2.status"] == "SEC_E_LOGON_DENIED"
    assert played.observed["established"] is False
    assert "EncryptMessage" not in played.calls()


def test_refusal_with_a_token_is_delivered_once(play) -> None:
    played = play(case(["establish"]), {ISC: [{}, {"status": DENIED, "output": NO_TOKEN}]},
                  {ASC: [{"status": DENIED, "output": token("dd")}]})
    assert played.requests(ISC)[1]["input"][0]["hex"] == "dd"
    assert played.observed["initiator.legs"] == 2 and played.observed["acceptor.legs"] == 1


def test_a_failed_call_that_left_the_buffer_alone_made_no_token(play) -> None:
    untouched = [{"type": 2, "size": 50, "hex": "ee" * 50, "canary": "intact", "pvBuffer": "same"}]
    played = play(case(["establish"], acceptor__output={"size": 50}), {},
                  {ASC: [{"status": DENIED, "output": untouched}]})
    assert played.observed["acceptor.leg.1.token"] == "none"
    assert played.observed["acceptor.leg.1.output.size"] == 50


def test_ten_legs_at_most(play) -> None:
    endless = [{"status": CONTINUE, "output": token("00")}] * 20
    played = play(case(["establish"]), {ISC: endless}, {ASC: endless})
    assert played.observed["initiator.legs"] + played.observed["acceptor.legs"] == 10


@pytest.mark.parametrize("status", [COMPLETE, COMPLETE_CONTINUE])
def test_complete_auth_token(play, status: str) -> None:
    done = [{"type": 2, "size": 1, "hex": "ff", "canary": "intact", "pvBuffer": "same"}]
    played = play(case(["establish"]), {ISC: [{"status": COMPLETE_CONTINUE}], "CompleteAuthToken": [{"input": done}]},
                  {ASC: [{}, {"status": status}]})
    assert played.requests(ASC)[0]["input"][0]["hex"] == "ff"
    assert played.observed["initiator.leg.1.complete.status"] == "SEC_E_OK"
    assert played.observed["acceptor.leg.2.complete.status"] == "SEC_E_OK"
    assert played.observed["established"] is (status == COMPLETE)


def test_completion_that_fails_is_a_refusal(play) -> None:
    played = play(case(["establish"]), {},
                  {ASC: [{}, {"status": COMPLETE}], "CompleteAuthToken": [{"status": DENIED}]})
    assert played.observed["established"] is False
    assert played.observed["acceptor.last.complete.status"] == "SEC_E_LOGON_DENIED"


def test_refused_credential(play) -> None:
    refused = {"AcquireCredentialsHandle": [{"status": "0x8009030e", "phCredential": {"written": False}}],
               ISC: [{"error": "no credential"}]}
    played = play(case(["establish"]), refused)
    assert played.trace.ended is None
    assert played.observed["initiator.acquire.status"] == "SEC_E_NO_CREDENTIALS"
    assert played.observed["established"] is False
    assert "initiator.leg.1.status" not in played.observed


def test_early_leg_of_a_case_without_acceptor_is_given_back(play) -> None:
    refused = {"AcquireCredentialsHandle": [{"status": "0x8009030e", "phCredential": {"written": False}}]}
    played = play(case(["establish"]), {}, refused)
    assert "initiator.legs" not in played.observed
    assert "DeleteSecurityContext" in played.calls("initiator")


def test_settings_become_requests(play) -> None:
    played = play(case(["establish"], package="Negotiate", initiator__flags=["INTEGRITY"],
                       initiator__data_rep="network", acceptor__flags=["INTEGRITY"], initiator__output="allocate",
                       acceptor__bindings="tls-server-end-point", acceptor__output=None))
    first, second = played.requests("AcquireCredentialsHandle")
    assert first["identity"] == {"User": "alice", "Domain": "NTDOM", "Password": "secret", "PackageList": "!Kerberos"}
    assert "identity" not in second and second["fCredentialUse"] == 1
    isc, asc = played.requests(ISC)[0], played.requests(ASC)[0]
    assert isc["fContextReq"] == 0x10000 | 0x100 and isc["TargetDataRep"] == 0
    assert isc["pszTargetName"] == "HTTP/web.sspi.test"
    assert isc["output"] == [{"type": "TOKEN", "size": 0, "null": True}]
    assert asc["fContextReq"] == 0x20000 and "output" not in asc
    structure = bytes.fromhex(asc["input"][1]["hex"])
    assert len(structure) == 36 and structure[24:28] == b"\4\0\0\0" and structure[28:32] == b"\x20\0\0\0"
    assert structure[32:] == b"this"


@pytest.mark.parametrize("account, identity", [
    ("wrong-password", {"User": "alice", "Domain": "SSPI.TEST", "Password": "secret-but-wrong"}),
    ("unknown-user", {"User": "nobody", "Domain": "SSPI.TEST", "Password": "secret"}),
    ("foreign-domain", {"User": "alice", "Domain": "ELSEWHERE", "Password": "secret"}),
    ("anonymous", {"User": "", "Domain": "", "Password": ""}), ("default", None)])
def test_accounts(play, account: str, identity: Any) -> None:
    played = play(case(["acquire"], package="Kerberos", mechanism="Kerberos", initiator__account=account))
    assert played.requests("AcquireCredentialsHandle")[0].get("identity") == identity


def test_inbound_identity_for_implementations_that_keep_no_accounts(play) -> None:
    played = play(case(["acquire"], initiator__account="wrong-password"), acceptor_identity="account")
    assert played.requests("AcquireCredentialsHandle")[1]["identity"]["Password"] == "secret"


def test_misbehaviour_goes_to_the_peer(play) -> None:
    what = case(["establish"], initiator__misbehave={"mic": "wrong"})
    assert play(what, peer="initiator").requests(ISC)[0]["misbehave"] == {"mic": "wrong"}


def test_a_counterpart_that_cannot_misbehave_plays_no_other_case(play) -> None:
    played = play(case(["establish"], initiator__misbehave={"mic": "wrong"}))
    assert played.trace.ended is not None and played.trace.ended.kind == "unsupported"
    assert played.trace.calls == []


def test_misbehaviour_of_the_subject_is_not_asked(play) -> None:
    played = play(case(["establish"], acceptor__misbehave={"mechListMIC": "wrong"}), peer="initiator")
    assert played.trace.ended is None
    assert "misbehave" not in played.requests(ASC)[0]


@pytest.mark.parametrize("wanted, expected", [
    ("last", "000102"), ({"truncate": 2}, "0001"), ({"flip": 0}, "ff0102"), ({"flip": 99}, "0001fd"),
    ({"hex": "77"}, "77"), ("empty", "")])
def test_inputs_of_a_leg(play, wanted: Any, expected: str) -> None:
    played = play(case(["acquire", {"leg": {"side": "initiator"}}, {"leg": {"side": "acceptor", "input": wanted}}]),
                  {ISC: [{"output": token("000102")}]})
    assert played.requests(ASC)[0]["input"] == [{"type": "TOKEN", "hex": expected}]


def test_legs_then_continue(play) -> None:
    played = play(case(["acquire", {"leg": {"side": "initiator", "input": "none"}}, "continue"]))
    assert played.observed["established"] is True
    assert "input" not in played.requests(ISC)[0]


def test_leg_overrides(play) -> None:
    step = {"side": "acceptor", "input": "none", "flags": ["CONNECTION"], "output": {"size": 7}, "bindings": "zero",
            "request": {"ptsExpiry": "null", "phContext": "$ctx"}}
    played = play(case(["acquire", {"leg": step}]))
    request = played.requests(ASC)[0]
    assert request["fContextReq"] == 0x800 and request["output"] == [{"type": "TOKEN", "size": 7}]
    assert request["ptsExpiry"] == "null" and request["phContext"] == "ctx"
    assert request["input"] == [{"type": "CHANNEL_BINDINGS", "hex": "00" * 32}]


def test_messages(play) -> None:
    played = play(case(["establish", "sign both ways", "seal both ways", "seal initiator"]))
    observed = played.observed
    assert observed["sign.initiator.make.status"] == observed["sign.acceptor.verify.status"] == "SEC_E_OK"
    assert observed["seal.initiator.plaintext"] == "equal"
    assert [request["MessageSeqNo"] for request in played.requests("EncryptMessage")] == [1, 1, 2]
    assert len(played.requests("QueryContextAttributes")) == 2


@pytest.mark.parametrize("tamper, layout, buffers", [
    ("flip", "token-data", ["TOKEN", "DATA"]), ("truncate", "token-data", ["TOKEN", "DATA"]),
    (None, "stream", ["STREAM", "DATA"])])
def test_messages_with_variations(play, tamper: str | None, layout: str, buffers: list[str]) -> None:
    played = play(case(["establish", {"seal": {"side": "acceptor", "tamper": tamper, "layout": layout, "as": "odd"}}]))
    request = played.requests("DecryptMessage")[0]
    assert [buffer["type"] for buffer in request["message"]] == buffers
    assert played.observed["seal.odd.encrypt.status"] == "SEC_E_OK"
    if tamper:
        assert played.observed["seal.odd.plaintext"] == "different"


def test_failing_make_skips_the_open(play) -> None:
    played = play(case(["establish", "seal initiator"]), {"EncryptMessage": [{"status": DENIED}]})
    assert "DecryptMessage" not in played.calls()


@pytest.mark.parametrize("other", ["00", "01"])
def test_query_of_both_sides_is_compared(play, other: str) -> None:
    asked = {"attributes": ["SESSION_KEY"]}
    key = {"status": OK, "value": {"SessionKey": "00", "SessionKeyLength": 1}}
    played = play(case(["establish", {"query": {"side": "initiator"} | asked}, {"query": {"side": "acceptor"} | asked}]),
                  {"QueryContextAttributes": [key]},
                  {"QueryContextAttributes": [key | {"value": {"SessionKey": other}}]})
    assert played.observed["query.same.SESSION_KEY"] is (other == "00")


def test_query(play) -> None:
    value = {"PackageInfo": {"Name": "NTLM"}, "NegotiationState": 0}
    played = play(case(["establish", {"query": {"side": "acceptor", "attributes": ["NAMES", "NEGOTIATION_INFO"]}}]), {},
                  {"QueryContextAttributes": [{"status": "0x80090302"}, {"value": value}]})
    assert played.observed["query.acceptor.NAMES.status"] == "SEC_E_UNSUPPORTED_FUNCTION"
    assert played.observed["query.acceptor.NEGOTIATION_INFO.value.PackageInfo.Name"] == "NTLM"


def test_raw_calls(play) -> None:
    request = {"call": "DeleteSecurityContext", "ctx": "$ctx", "raw": True}
    played = play(case(["establish", {"call": {"side": "acceptor", "as": "gone", "request": request}},
                        {"call": {"side": "acceptor", "as": "odd", "request": {"call": "Odd", "hex": "$token",
                                                                               "none": None}}}]),
                  {ISC: [{}, {"output": token("1234")}]}, {"Odd": [{"error": "no"}]})
    assert played.observed["call.gone.status"] == "SEC_E_OK"
    assert played.observed["call.odd.error"] == "no"
    assert played.requests("Odd")[0] == {"call": "Odd", "hex": "1234"}
    assert played.calls("acceptor").count("DeleteSecurityContext") == 1


def test_delete_and_free_are_observed(play) -> None:
    played = play(case(["establish", "delete", "free"]), {}, {"FreeCredentialsHandle": [{"status": "0x80090301"}]})
    assert played.observed["delete.initiator.status"] == "SEC_E_OK"
    assert played.observed["free.acceptor.status"] == "SEC_E_INVALID_HANDLE"
    assert played.calls("initiator").count("DeleteSecurityContext") == 1


def test_what_cannot_be_given_back_retires_the_endpoint(play) -> None:
    played = play(case(["establish"]), {}, {"DeleteSecurityContext": [{"status": "0x80090301"}]})
    assert played.trace.ended is None and played.retired == {"acceptor"}


@pytest.mark.parametrize("call", [ASC, "AcquireCredentialsHandle", "EncryptMessage"])
def test_crash(play, call: str) -> None:
    played = play(case(["establish", "seal acceptor"]), {}, {call: CRASHES}, careful=True)
    assert played.trace.ended is not None and played.trace.ended.kind == "crash"
    assert played.observed["end"] == f"crash SIGSEGV in {call}"
    assert played.retired == {"acceptor"}
    assert played.calls("initiator")[-1] == "FreeCredentialsHandle"


def test_crash_while_giving_back(play) -> None:
    played = play(case(["establish"]), {}, {"DeleteSecurityContext": CRASHES}, careful=True)
    assert played.observed["end"] == "crash SIGSEGV in DeleteSecurityContext"
    assert played.calls("initiator")[-1] == "FreeCredentialsHandle"


def test_missing_function(play) -> None:
    missing = {"MakeSignature": [{"unsupported": "empty slot"}]}
    played = play(case(["establish", "sign initiator"]), missing)  # the acceptor is judged
    assert played.trace.ended is not None and played.trace.ended.kind == "unsupported"
    played = play(case(["establish", "sign initiator"], subject="initiator"), missing)
    assert played.trace.ended is not None and played.trace.ended.kind == "undeclared"
    assert played.trace.ended.last_call == "MakeSignature"


def test_refused_request_is_a_fault_of_the_harness(play) -> None:
    played = play(case(["establish"]), {}, {ASC: [{"error": "unknown key"}]})
    assert played.trace.ended is not None and played.trace.ended.kind == "harness"
    assert "unknown key" in played.trace.ended.detail


def test_world_is_refused_without_a_realm(play) -> None:
    played = play(case([{"world": "kill-kdc"}]))
    assert played.trace.ended is not None and "isolate: realm" in played.trace.ended.detail
    assert play(case([{"world": "nothing"}])).trace.ended is None
    events: list[str] = []
    assert play(case([{"world": "kill-kdc"}]), change_world=events.append).trace.ended is None
    assert events == ["kill-kdc"]


def test_token_fields_on_demand() -> None:
    observed = Observed()
    observed["acceptor.legs"] = 1
    observed["acceptor.leg.1.token"] = "NTLM NEGOTIATE"
    observed.tokens["acceptor.leg.1.token"] = "4e544c4d53535000010000000000000000000000000000000000000000000000"
    assert observed.get("acceptor.last.token.flags") == []
    assert "acceptor.leg.1.token.flags" in observed
    assert observed.get("acceptor.leg.1.token.nothing", "x") == "x"
    assert "initiator.last.status" not in observed
    assert ("acceptor.leg.1.token.flags", []) in list(observed.every())


def test_a_message_in_another_context_and_with_another_number(play) -> None:
    second = {"call": ISC, "cred": "$cred", "ctx": "other", "fContextReq": 0}
    played = play(case([
        "establish", {"call": {"side": "initiator", "as": "second", "request": second}},
        {"seal": {"side": "initiator", "ctx": "other", "number": 77, "hold": True, "as": "one"}},
        {"open": {"side": "initiator", "message": "one"}},
        {"open": {"side": "initiator", "message": "one", "to": "initiator", "as": "back"}},
        {"seal": {"side": "acceptor", "hold": True, "as": "two"}},
        {"open": {"side": "acceptor", "message": "two", "ctx": "other"}},
        {"seal": {"side": "acceptor", "ctx": "nowhere", "as": "three"}}]))
    assert [(request["ctx"], request["MessageSeqNo"]) for request in played.requests("EncryptMessage")] == [
        ("other", 77), ("ctx", 0)]
    assert [(request["ctx"], request["MessageSeqNo"]) for request in played.requests("DecryptMessage")] == [
        ("ctx", 77), ("ctx", 77), ("other", 0)]
    assert played.calls("initiator").count("DecryptMessage") == 2  # its own, and that of the acceptor
    assert played.observed["seal.back.decrypt.status"] == "SEC_E_OK"
    assert "seal.three.encrypt.status" not in played.observed


def test_exchanges_interleave(play) -> None:
    played = play(case(["acquire", {"leg": {"side": "initiator"}}, {"leg": {"side": "initiator", "exchange": "second"}},
                        {"leg": {"side": "acceptor", "exchange": "second"}}, {"leg": {"side": "acceptor"}},
                        {"leg": {"side": "initiator", "input": {"of": "second"}}},
                        {"leg": {"side": "initiator", "exchange": "second", "input": {"of": "main", "leg": 1}}}]),
                  {ISC: [{"output": token("a1")}, {"output": token("b1")}]},
                  {ASC: [{"output": token("b2")}, {"output": token("a2")}]})
    assert [(request["ctx"], request.get("input", [{}])[0].get("hex")) for request in played.requests(ISC)] == [
        ("ctx", None), ("ctx-second", None), ("ctx", "b2"), ("ctx-second", "a2")]
    assert [(request["ctx"], request["input"][0]["hex"]) for request in played.requests(ASC)] == [
        ("ctx-second", "b1"), ("ctx", "a1")]
    assert played.observed["initiator.second.last.status"] == played.observed["initiator.second.leg.2.status"]
    assert played.calls("initiator").count("AcquireCredentialsHandle") == 1
    assert sorted(request["ctx"] for request in played.requests("DeleteSecurityContext")) == [
        "ctx", "ctx", "ctx-second", "ctx-second"]


def test_an_exchange_is_broken_off_and_another_goes_on_with_the_credential(play) -> None:
    played = play(case([{"establish": {"legs": 3}}, "delete", {"establish": {"exchange": "again"}},
                        {"sign": {"side": "acceptor", "exchange": "again", "as": "later"}}]))
    assert (played.observed["initiator.legs"], played.observed["acceptor.legs"]) == (2, 1)
    assert played.observed["established"] is False and played.observed["again.established"] is True
    assert played.observed["delete.acceptor.status"] == "SEC_E_OK"
    assert played.calls().count("AcquireCredentialsHandle") == 2
    assert [request["ctx"] for request in played.requests("MakeSignature")] == ["ctx-again"]
    assert [request["ctx"] for request in played.requests("VerifySignature")] == ["ctx-again"]


@pytest.mark.parametrize(("step", "word"), [
    ({"establish": {"exchange": "Second"}}, "name of an exchange"), ({"continue": {"legs": 0}}, "counts legs"),
    ({"leg": {"side": "acceptor", "input": {"of": 1}}}, "name of an exchange"),
    ({"leg": {"side": "acceptor", "input": {"leg": "x"}}}, "counts legs"),
    ({"seal": {"side": "acceptor", "exchange": "second"}}, "needs a name"), ({"establish": {"side": "acceptor"}}, "unknown key")])
def test_exchanges_are_checked(step: Any, word: str) -> None:
    complaint = verbs.check(step)
    assert complaint is not None and word in complaint[0]
