# SPDX-License-Identifier: Apache-2.0
"""A recorded Kerberos exchange played again: both sides are libsspi-test, each against what the recording says of the
other. Clock and randomness are those of the recording, so that what Windows sent must come out to the byte."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from .. import flags, tokens
from ..model import ConformError
from ..tokens import spnego
from . import krb5_crypto, krb5_inputs, krb5_tokens, messages
from .krb5_inputs import Known
from .krb5_tokens import Part
from .messages import Verdict
from .play import CONTINUE, OK, Stage
from .recordings import Leg
from .side import Altered, Side
from .wire import Message

_OWN_LISTS = {(spnego.MS_KRB5, spnego.KRB5): "!NTLM", (spnego.MS_KRB5, spnego.KRB5, spnego.NTLM): None}


class Pair:
    """Both sides of one exchange, while it is played."""

    def __init__(self, stage: Stage, known: Known, stack: ExitStack, alter: Altered | None = None) -> None:
        self.known = known
        self.client, self.server = (Side(stack.enter_context(stage.host({}, files=known.files(client))), alter)
                                    for client in (True, False))

    def handshake(self) -> Iterator[Verdict]:
        yield from self._accept()
        yield from self._initiate()

    def messages(self, found: list[Message]) -> Iterator[Verdict]:
        """What followed; both sides are established."""
        yield from messages.played(self.client, self.server, found, messages.Rfc4121(bytes.fromhex(self._key())))

    def _accept(self) -> Iterator[Verdict]:
        """The recorded client's tokens; each answer must be the recorded one."""
        known, side = self.known, self.server
        reply = known.reply
        random = krb5_inputs.drawn(reply, again=reply.subkey_type == krb5_crypto.RC4) if reply else b""
        package = "Negotiate" if known.mech_types else "Kerberos"
        side.acquire(package, 1, {})
        request = {"call": "AcceptSecurityContext", "fContextReq": 0}
        answers = list(known.server_legs)
        for leg in known.client_legs:
            side.pin(known.authenticator.time, random)
            made, status = side.leg(request, leg.token)
            recorded = answers.pop(0).token if answers else b""
            if status not in (OK, CONTINUE):
                yield "acceptor", _title(leg.token), f"{status}"
                return
            yield "acceptor", _title(recorded), _same_token(recorded, made)
        yield "acceptor", "flags", _same(side.attributes("ASC_RET_"), sorted(known.granted))
        yield "acceptor", "client name", _same(side.query("NATIVE_NAMES").get("sClientName"),
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
                   "fContextReq": flags.bits("ISC_REQ_", known.wanted)}
        answers = [leg for leg in known.server_legs if leg.inner or whole]
        given: bytes | None = None
        for leg in (*known.client_legs, None):
            recorded = b"" if leg is None else leg.token if whole else leg.inner
            part = known.authenticator if given is None or _is_request(leg) else known.third
            side.pin(part.time if part else None, krb5_inputs.drawn(part) if part else b"")
            made, status = side.leg(request, given)
            if status not in (OK, CONTINUE):
                yield "initiator", _title(given) if given else "AP-REQ", status
                return
            if _is_request(leg):
                yield "initiator", "AP-REQ", self._same_request(made)
            else:
                yield "initiator", _title(recorded), _same_token(recorded, made)
            if status == OK or not answers:
                break
            answer = answers.pop(0)
            given = answer.token if whole else krb5_tokens.whole(answer.inner)
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
        recorded = next(leg.inner for leg in known.client_legs if _is_request(leg))
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
        outer.append(("framing", token[:1], recorded[:1]))
        found = [name for name, one, other in outer if one != other] + part_differences(part, known.authenticator)
        if not found and krb5_tokens.bare(token) != krb5_tokens.bare(recorded):
            found = ["encoding"]
        return ", ".join(found) or None


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


def _is_request(leg: Leg | None) -> bool:
    return bool(leg and leg.inner) and krb5_tokens.bare(leg.inner)[:1] == b"\x6e"


def _same_token(recorded: bytes, made: bytes) -> str | None:
    if made and recorded.startswith(made) and not any(recorded[len(made):]):
        return None  # zeros behind it are the transport's
    if not made and not recorded:
        return None
    if not made or not recorded:
        return "none made" if not made else "not on the wire"
    at = next((place for place, (one, other) in enumerate(zip(recorded, made)) if one != other), len(made))
    return f"from byte {at} of {len(recorded)}"


def _same(made: object, recorded: object) -> str | None:
    return None if made == recorded else f"{made}, recorded is {recorded}"


def _title(token: bytes) -> str:
    if not token:
        return "accepted"
    kind = tokens.kind(token)
    inner = tokens.fields(token).get("inner", "none")
    return kind + (f" with {inner}" if inner not in ("none", "empty") else "")
