# SPDX-License-Identifier: Apache-2.0
"""The three packages of the peer: what they say of themselves, and credentials that make contexts."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import ntlm
from .accounts import accounts_from
from .model import INBOUND, OUTBOUND, Context, Identity, SspiError
from .statuses import SEC_E_NO_CREDENTIALS, SEC_E_SECPKG_NOT_FOUND, SEC_E_UNKNOWN_CREDENTIALS


def _info(name: str, comment: str, capabilities: int, rpc: int, max_token: int) -> dict[str, Any]:
    return {"Name": name, "Comment": comment, "fCapabilities": f"0x{capabilities:08x}", "wVersion": 1, "wRPCID": rpc,
            "cbMaxToken": max_token}


PACKAGE_INFO: Mapping[str, Mapping[str, Any]] = {
    "negotiate": _info("Negotiate", "SPNEGO of the conformance peer", 0x00083BB3, 9, 48256),
    "kerberos": _info("Kerberos", "Kerberos of the conformance peer, by MIT GSSAPI", 0x000F3BBF, 16, 48000),
    "ntlm": _info("NTLM", "NTLM of the conformance peer", 0x00082B37, 10, 2888),
}


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential: how to make a context of either side; None for a side it was not acquired for."""

    expiry: int
    make_initiator: Callable[[], Context] | None
    make_acceptor: Callable[[], Context] | None

    def initiator(self) -> Context:
        if self.make_initiator is None:
            raise SspiError(SEC_E_NO_CREDENTIALS)
        return self.make_initiator()

    def acceptor(self) -> Context:
        if self.make_acceptor is None:
            raise SspiError(SEC_E_NO_CREDENTIALS)
        return self.make_acceptor()


class Packages:
    """Acquires credentials of the packages, with what the environment says about accounts and names."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._world = ntlm.world_from(environment)

    def acquire(self, package: str, use: int, principal: str | None, identity: Identity | None) -> Credential:
        name = package.lower()
        if not use & (INBOUND | OUTBOUND):
            raise SspiError(SEC_E_UNKNOWN_CREDENTIALS)
        if name == "ntlm":
            return self._ntlm(use, identity)
        raise SspiError(SEC_E_SECPKG_NOT_FOUND)

    def _ntlm(self, use: int, identity: Identity | None) -> Credential:
        world = self._world
        initiator = acceptor = None
        if use & OUTBOUND:
            initiator = lambda: ntlm.Initiator(identity, world)  # noqa: E731
        if use & INBOUND:
            accounts = accounts_from(self._environment)
            acceptor = lambda: ntlm.Acceptor(accounts, world)  # noqa: E731
        return Credential(ntlm.NO_EXPIRY, initiator, acceptor)
