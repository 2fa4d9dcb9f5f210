# SPDX-License-Identifier: Apache-2.0
"""The peer's NTLM against recorded Windows: given a recording's randomness, time and secret, equal bytes come out."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sspi_conform.peer import model, ntlm_acceptor, ntlm_crypto, ntlm_initiator
from sspi_conform.peer.accounts import Accounts, Host
from sspi_conform.peer.model import Identity, Leg, Part, SspiError
from sspi_conform.peer.ntlm import World
from sspi_conform.peer.ntlm_crypto import Session
from sspi_conform.tokens import ntlm as wire

_CHECKOUT = Path(__file__).resolve().parents[2]

# Exchanges of vectors.json whose AUTHENTICATE the peer does not reproduce, and why that is right.
OTHER_SENDERS = {
    "ntlm-smb-eicar-file.pcap-0": "not Windows: NEGOTIATE 0x62088215, no LM byte in an anonymous AUTHENTICATE",
}


def folder() -> Path:
    found = Path(os.environ.get("SSPI_CONFORM_SHARED", _CHECKOUT.parent / "shared")) / "windows-captures"
    if not (found / "vectors.json").is_file():
        pytest.skip("no Windows recordings: set SSPI_CONFORM_SHARED to the folder that holds windows-captures")
    return found


def vectors(kind: str) -> list[dict[str, Any]]:
    return [row for row in json.loads((folder() / "vectors.json").read_text())["vectors"] if row["kind"] == kind]


class Exchange:
    """One recorded exchange with a known secret."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.name, inputs, self.expected = row["id"], row["inputs"], row["expected"]
        self.negotiate, self.challenge, self.authenticate = (
            bytes.fromhex(inputs[f"{name}_message"]) for name in ("negotiate", "challenge", "authenticate"))
        self.first, self.second, self.third = map(wire.parse, (self.negotiate, self.challenge, self.authenticate))
        self.password = inputs.get("password") or inputs.get("secret", "").partition("password ")[2]
        self.mech_types = inputs.get("mechTypes_der")
        self.user, self.domain = self.third.text(self.third.user), self.third.text(self.third.domain)
        self.response = self.third.ntlmv2()
        self.session_key = bytes.fromhex(self.expected.get("ExportedSessionKey") or self.expected["SessionBaseKey"])

    def flags(self) -> int:
        """The ISC_REQ flags that lead to the recorded NEGOTIATE."""
        pairs = ((wire.SIGN, model.ISC_INTEGRITY), (wire.SEAL, model.CONFIDENTIALITY),
                 (wire.IDENTIFY, model.ISC_IDENTIFY))
        found = sum(request for bit, request in pairs if self.first.flags & bit)
        return found | (model.ISC_UNVERIFIED_TARGET_NAME if self.response and self.response.av_flags & 4 else 0)

    def world(self) -> World:
        """Chance and time as recorded."""
        chances = [self.session_key]
        padding, single_host, when, policy = 4, b"", 0, {}
        if self.third.response_kind == "NTLMv1-ESS":  # LmCompatibilityLevel was lowered
            chances.insert(0, self.third.lm_response[:8])
            policy = {"lm-level": "1"}
        if self.response:
            chances.insert(0, self.response.client_challenge)
            padding = len(self.response.blob) - 32 - sum(4 + len(value) for _, value in self.response.av_pairs)
            single_host, when = self.response.av(wire.AV_SINGLE_HOST) or b"", self.response.timestamp
        return World(lambda size: chances.pop(0), lambda: when, self.third.text(self.third.workstation),
                     self.third.version, padding, single_host, policy)

    def target(self) -> str | None:
        return (self.response.av(wire.AV_TARGET_NAME) or b"").decode("utf-16-le") if self.response else None


def exchanges() -> list[Exchange]:
    return [Exchange(row) for row in vectors("ntlm-exchange") if "negotiate_message" in row["inputs"]]


def know_the_secret(found: Exchange, patch: pytest.MonkeyPatch) -> None:
    """What a recording holds as a hash only goes in behind the peer's arithmetic."""
    recorded_key = found.expected.get("NTOWFv2") or _ntowf_of(found.name)
    if not found.password and recorded_key:
        for module in (ntlm_initiator, ntlm_acceptor):
            patch.setattr(module, "ntowf_v2", lambda *_: bytes.fromhex(recorded_key))
    if bindings := found.expected.get("channel_bindings_av"):  # the structure behind it was not recorded
        value = bytes.fromhex(bindings)
        for module in (ntlm_initiator, ntlm_acceptor):
            patch.setattr(module, "parse_if_any", lambda _: type("Recorded", (), {"hash": lambda self: value})())


def _ntowf_of(name: str) -> str | None:
    if name != "ntlm-win2k19-joined.cap-0":
        return None
    path = folder() / "exchanges" / "wireshark-wiki__ws-credssp__win2k19-joined.cap.json"
    return json.loads(path.read_text())["exchanges"][0]["verified"]["NTOWFv2"]


def test_the_initiator_sends_what_windows_sent() -> None:
    """The whole AUTHENTICATE: proof, MIC, encrypted session key, order of fields and of AV pairs, offsets, padding."""
    equal = 0
    for found in exchanges():
        if found.name in OTHER_SENDERS:
            continue
        with pytest.MonkeyPatch.context() as patch:
            know_the_secret(found, patch)
            side = ntlm_initiator.Initiator(Identity(found.user, found.domain, found.password), found.world())
            first = side.step(Leg(flags=found.flags()))
            second = side.step(Leg(found.challenge, found.flags(), found.target()))
        assert first == (0x90312, found.negotiate), found.name
        assert wire.parse(second[1]) == found.third, found.name
        assert second == (0, found.authenticate), found.name
        assert side.session_key() == found.session_key, found.name
        equal += 1
    assert equal >= 12


def test_the_acceptor_accepts_what_windows_sent() -> None:
    accepted = 0
    for found in exchanges():
        if found.name in OTHER_SENDERS:
            continue
        with pytest.MonkeyPatch.context() as patch:
            know_the_secret(found, patch)
            accounts = Accounts(Host(found.domain, "ANY", "any.test"), {
                (found.user.upper(), found.domain.upper()): ntlm_crypto.nt_hash(found.password)})
            side = acceptor_after_challenge(accounts, found)
            if found.third.response_kind == "NTLMv1-ESS":
                with pytest.raises(SspiError):
                    side.step(Leg(found.authenticate, 0))
                continue
            assert side.step(Leg(found.authenticate, model.ASC_ALLOW_NULL_SESSION)) == (0, None), found.name
            assert side.session_key() == found.session_key, found.name
            for damaged in (len(found.authenticate) - 1, wire.MIC_OFFSET):
                twin = bytearray(found.authenticate)
                twin[damaged] ^= 1
                with pytest.raises(SspiError):
                    side = acceptor_after_challenge(accounts, found)
                    side.step(Leg(bytes(twin), 0))
        accepted += 1
    assert accepted >= 11


def acceptor_after_challenge(accounts: Accounts, found: Exchange) -> ntlm_acceptor.Acceptor:
    """An acceptor that sent the recorded CHALLENGE."""
    side = ntlm_acceptor.Acceptor(accounts, World(lambda size: found.second.server_challenge))
    side.step(Leg(found.negotiate))
    side._challenge = found.challenge
    return side


def test_the_acceptor_challenges_like_windows() -> None:
    """Equal bytes where the names allow it: the peer knows one DNS name and takes its domain and tree from it."""
    equal: list[str] = []
    for path in sorted((folder() / "exchanges").glob("*.json")):
        for exchange in json.loads(path.read_text())["exchanges"]:
            tokens = [bytes.fromhex(leg.get("token") or "") for leg in exchange["legs"]]
            for first, second in zip(tokens, tokens[1:]):
                if first[:9] == wire.SIGNATURE + b"\1" and second[:9] == wire.SIGNATURE + b"\2":
                    if challenge_again(first, second):
                        equal.append(path.name)
    assert len(equal) >= 20, equal


def challenge_again(first: bytes, second: bytes) -> bool:
    """Whether the peer's names can express the recording; then its CHALLENGE is compared."""
    recorded = wire.parse(second)
    names = {number: value.decode("utf-16-le") for number, value in recorded.av_pairs if number < wire.AV_FLAGS}
    host = Host(names[wire.AV_NB_DOMAIN], names[wire.AV_NB_COMPUTER], names.get(wire.AV_DNS_COMPUTER, ""))
    when = next((value for number, value in recorded.av_pairs if number == wire.AV_TIMESTAMP), None)
    trees = {names.get(wire.AV_DNS_DOMAIN), names.get(wire.AV_DNS_TREE), host.dns_domain}
    if when is None or not recorded.version or trees != {host.dns_domain} or recorded.version.major < 10:
        return False
    world = World(lambda size: recorded.server_challenge, lambda: int.from_bytes(when, "little"),
                  version=recorded.version)
    side = ntlm_acceptor.Acceptor(Accounts(host, {}), world)
    assert wire.parse(side.step(Leg(first))[1]) == recorded
    assert side._challenge == second
    return True


def test_mech_list_mics_of_both_sides() -> None:
    count = 0
    for found in exchanges():
        for side, initiator in (("client", True), ("server", False)):
            if found.expected.get(f"mechListMIC_{side}"):
                session = Session(found.session_key, found.third.flags, initiator)
                assert session.sign(bytes.fromhex(found.mech_types)).hex() == found.expected[f"mechListMIC_{side}"]
                count += 1
    assert count >= 8


def test_recorded_sealed_messages() -> None:
    """Consecutive LDAP messages of one connection: the key streams run on, the numbers count."""
    sessions: dict[str, tuple[Session, Session]] = {}
    for row in vectors("ntlm-wrap"):
        inputs, expected = row["inputs"], row["expected"]
        if "direction" not in inputs:
            continue
        key, flags = bytes.fromhex(inputs["exported_session_key"]), int(inputs["negotiate_flags"], 16)
        towards = inputs["direction"]
        sender, receiver = sessions.setdefault(towards, (Session(key, flags, towards == "c2s"),
                                                         Session(key, flags, towards == "s2c")))
        sealed, token = sender.encrypt([Part(bytes.fromhex(inputs["plaintext"]))])
        assert (token.hex(), sealed[0].hex()) == (expected["signature"], expected["sealed"]), row["id"]
        assert receiver.decrypt_stream(token + sealed[0]).hex() == inputs["plaintext"]
    assert len(sessions) == 2
