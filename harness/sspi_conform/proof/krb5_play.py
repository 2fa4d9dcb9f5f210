# SPDX-License-Identifier: Apache-2.0
"""A recorded Kerberos exchange played again: both sides are libsspi-test, each against what the recording says of the
other. Clock and randomness are those of the recording, so that what Windows sent must come out to the byte."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from .. import flags
from ..endpoint import Endpoint
from ..model import ConformError
from ..tokens import spnego
from . import krb5_crypto, krb5_inputs, krb5_tokens
from .krb5_inputs import Known
from .krb5_tokens import Part
from .play import CONTINUE, OK, Stage

# What libsspi-test is made to say of a token, or a fact: None when it is as recorded, else how it differs.
Verdict = tuple[str, str, str | None]
Altered = Callable[[bytes], bytes]
_OWN_LISTS = {(spnego.MS_KRB5, spnego.KRB5): "!NTLM", (spnego.MS_KRB5, spnego.KRB5, spnego.NTLM): None}


class Pair:
    """Both sides of one exchange, while it is played."""

    def __init__(self, stage: Stage, known: Known, stack: ExitStack, alter: Altered | None = None) -> None:
        self.known = known
        self.client, self.server = (Side(stack.enter_context(stage.host({}, files=known.files())), alter)
                                    for _ in range(2))

    def handshake(self) -> Iterator[Verdict]:
        yield from self._accept()
        if self.known.tgt_key is None:
            yield from self._initiate()

    def _accept(self) -> Iterator[Verdict]:
        """The recorded client's tokens; each answer must be the recorded one."""
        known, side = self.known, self.server
        reply = known.reply
        random = krb5_inputs.drawn(reply, again=reply.subkey_type == krb5_crypto.RC4) if reply else b""
        package = "Negotiate" if known.mech_types else "Kerberos"
        side.acquire(package, 1, {})
        request = {"call": "AcceptSecurityContext", "fContextReq": 0}
        answers = list(known.server_legs)
        for number, leg in enumerate(known.client_legs):
            if not number and known.tgt_key is None:
                side.rehearse(request, leg.token)
            side.pin(known.authenticator.time, random)
            made, status = side.leg(request, leg.token)
            recorded = answers.pop(0).token if answers else b""
            if status not in (OK, CONTINUE):
                yield "acceptor", _title(leg.token), f"{status}"
                return
            yield "acceptor", _title(recorded) if recorded else "end", _same_token(recorded, made)
        yield "acceptor", "flags", _same(side.attributes("ASC_RET_"), sorted(known.granted))
        yield "acceptor", "client name", _same(side.query("NAMES").get("sUserName"),
                                               f"{known.authenticator.client}@{known.authenticator.realm}"
                                               .replace("@", "\\@", str(known.authenticator.client).count("@")))
        yield "acceptor", "session key", _same(side.query("SESSION_KEY").get("SessionKey"), self._key())

    def _initiate(self) -> Iterator[Verdict]:
        """The AP-REQ made again, then the recorded answers."""
        known, side = self.known, self.client
        first = known.mech_types
        whole = first is not None and first.mech_types in _OWN_LISTS
        only = _OWN_LISTS[first.mech_types] if whole and first else None
        side.acquire("Negotiate" if whole else "Kerberos", 2, {"identity": {"PackageList": only}} if only else {})
        request = {"call": "InitializeSecurityContext", "pszTargetName": known.target,
                   "fContextReq": flags.bits("ISC_REQ_", [one for one in known.wanted])}
        side.rehearse(request, None)
        side.pin(known.authenticator.time, krb5_inputs.drawn(known.authenticator))
        made, status = side.leg(request, None)
        if status not in (OK, CONTINUE):
            yield "initiator", "AP-REQ", status
            return
        yield "initiator", "AP-REQ", self._same_request(made)
        clients = known.client_legs[1:]
        for leg in known.server_legs:
            if status != CONTINUE or not leg.inner and not whole:
                break
            if known.third:
                side.pin(known.third.time, known.third.confounder)
            made, status = side.leg(request, leg.token if whole else krb5_tokens.whole(leg.inner))
            if status not in (OK, CONTINUE):
                yield "initiator", _title(leg.token), status
                return
            recorded = clients.pop(0) if clients else None
            token = b"" if recorded is None else recorded.token if whole else recorded.inner
            yield "initiator", _title(token) if token else "end", _same_token(token, made)
        if known.reply:
            yield "initiator", "session key", _same(side.query("SESSION_KEY").get("SessionKey"), self._key())
        if first and not whole:
            yield from self._mech_list_mics(first.mech_types_der)

    def _mech_list_mics(self, listed: bytes) -> Iterator[Verdict]:
        """GSS_GetMIC is MakeSignature: where the list is one that libsspi would not send, it is given to it."""
        mics = [(leg.from_client, message.mic) for leg in self.known.exchange.legs[1:] if leg.wrapped
                for message in [spnego.parse(leg.token)] if message.mic]
        for from_client, mic in mics:
            if from_client:
                made = self.client.sign(listed)
                yield "initiator", "mechListMIC", _same(made.hex(), mic.hex())
            else:
                yield "initiator", "mechListMIC of the acceptor", _same(self.client.verify(listed, mic), OK)

    def _key(self) -> str:
        part = self.known.reply or self.known.authenticator
        key = part.subkey or self.known.authenticator.subkey or self.known.session_key
        return key.hex()

    def _same_request(self, made: bytes) -> str | None:
        known = self.known
        token = made
        if token[:1] == b"\x60" and spnego.unframe(token)[0] == spnego.SPNEGO:
            message = spnego.parse(token)
            assert isinstance(message, spnego.NegTokenInit) and known.mech_types
            if message.mech_types != known.mech_types.mech_types:
                return "mechTypes"
            token = message.mech_token or b""
        try:
            request = krb5_tokens.request(token)
            part = krb5_tokens.authenticator(request.authenticator, known.session_key)
        except (ConformError, ValueError) as problem:
            return str(problem)
        outer = [(name, getattr(request, name), getattr(known.request, name))
                 for name in ("options", "ticket", "realm", "server")]
        outer.append(("framing", token[:1], known.client_legs[0].inner[:1]))
        found = [name for name, one, other in outer if one != other]
        return ", ".join(found + part_differences(part, known.authenticator)) or None


class Side:
    """An endpoint with the calls that are made here."""

    def __init__(self, end: Endpoint, alter: Altered | None) -> None:
        self._end = end
        self._alter = alter
        self._attributes = 0

    def acquire(self, package: str, use: int, more: dict[str, Any]) -> None:
        self._call(OK, {"call": "AcquireCredentialsHandle", "cred": "c", "pszPackage": package,
                        "fCredentialUse": use, **more})

    def pin(self, clock: int, random: bytes) -> None:
        answer = self._end.call({"call": "pin", "clock": clock, "random": random.hex()})
        if not answer.get("pinned"):
            raise ConformError(f"libsspi-test cannot be pinned: {answer}")

    def rehearse(self, request: dict[str, Any], token: bytes | None) -> None:
        """Has the credential read its keytab and tickets now: memory for them has random names."""
        self.pin(1, b"")
        self.leg(request, token, "rehearsal")

    def leg(self, request: dict[str, Any], token: bytes | None, context: str = "x") -> tuple[bytes, str]:
        if token and self._alter:
            token = self._alter(token)
        answer = self._end.call({**request, "cred": "c", "ctx": context,
                                 "input": None if token is None else [{"type": "TOKEN", "hex": token.hex()}],
                                 "output": [{"type": "TOKEN", "size": 65536}]})
        if answer["status"] not in (OK, CONTINUE):
            return b"", answer["status"]
        self._attributes = int(answer["attributes"]["value"], 16)
        return bytes.fromhex(answer["output"][0].get("hex", "")), answer["status"]

    def attributes(self, prefix: str) -> list[str]:
        return sorted(flags.split(prefix, self._attributes))

    def query(self, attribute: str) -> dict[str, Any]:
        answer = self._end.call({"call": "QueryContextAttributes", "ctx": "x", "ulAttribute": attribute})
        found: dict[str, Any] = answer["value"] if answer["status"] == OK else {}
        return found

    def sign(self, data: bytes) -> bytes:
        answer = self._call(OK, {"call": "MakeSignature", "ctx": "x", "message": [
            {"type": "DATA", "hex": data.hex()}, {"type": "TOKEN", "size": 128}]})
        return bytes.fromhex(answer["message"][1]["hex"])

    def verify(self, data: bytes, token: bytes) -> str:
        answer = self.message("VerifySignature", [{"type": "DATA", "hex": data.hex()},
                                                  {"type": "TOKEN", "hex": token.hex()}])
        status: str = answer["status"]
        return status

    def message(self, call: str, buffers: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return self._end.call({"call": call, "ctx": "x", "message": buffers, **more})

    def _call(self, wanted: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._end.call(request)
        if answer.get("status") != wanted:
            raise ConformError(f"{request['call']}: {answer}")
        return answer


def part_differences(made: Part, recorded: Part) -> list[str]:
    """The fields of an authenticator or AP-REP that are not the same."""
    found = []
    for name in Part.__dataclass_fields__:
        one, other = getattr(made, name), getattr(recorded, name)
        if one == other:
            continue
        if name == "authdata":
            lost = [f"-{kind}" for kind, data in other if (kind, data) not in one]
            more = [f"+{kind}" for kind, data in one if (kind, data) not in other]
            found.append(" ".join(["authorization-data", *lost, *more]))
        else:
            found.append(name)
    return found


def _same_token(recorded: bytes, made: bytes) -> str | None:
    if recorded == made or recorded[:len(made)] == made and not any(recorded[len(made):]) and made:
        return None
    if not made or not recorded:
        return "none made" if not made else "not on the wire"
    at = next((place for place, (one, other) in enumerate(zip(recorded, made)) if one != other), len(made))
    return f"from byte {at} of {len(recorded)}"


def _same(made: object, recorded: object) -> str | None:
    return None if made == recorded else f"{made}, recorded is {recorded}"


def _title(token: bytes) -> str:
    from .. import tokens
    kind = tokens.kind(token)
    inner = tokens.fields(token).get("inner", "none")
    return kind + (f" with {inner}" if inner not in ("none", "empty") else "")
