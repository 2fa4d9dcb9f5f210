# SPDX-License-Identifier: Apache-2.0
"""The three packages of the peer: what they say of themselves, and credentials that make contexts."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import ntlm, ntlm_acceptor, ntlm_initiator, spnego, spnego_acceptor, spnego_initiator
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

Maker = Callable[[], Context] | None


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential: how to make a context of either side; None for a side it was not acquired for."""

    expiry: int
    make_initiator: Maker
    make_acceptor: Maker

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
        self._library: Any = None

    def acquire(self, package: str, use: int, principal: str | None, identity: Identity | None) -> Credential:
        name = package.lower()
        if not use & (INBOUND | OUTBOUND):
            raise SspiError(SEC_E_UNKNOWN_CREDENTIALS)
        if name == "ntlm":
            ntlm_initiator, ntlm_acceptor = self._ntlm(identity, use)
            return Credential(ntlm.NO_EXPIRY, ntlm_initiator, ntlm_acceptor)
        if name == "kerberos":
            return Credential(ntlm.NO_EXPIRY, *self._kerberos(identity, use, principal))
        if name == "negotiate":
            return self._negotiate(identity, use, principal)
        raise SspiError(SEC_E_SECPKG_NOT_FOUND)

    def _ntlm(self, identity: Identity | None, use: int) -> tuple[Maker, Maker]:
        world = self._world
        accounts = accounts_from(self._environment) if use & INBOUND else None
        return ((lambda: ntlm_initiator.Initiator(identity, world)) if use & OUTBOUND else None,
                (lambda: ntlm_acceptor.Acceptor(accounts, world)) if accounts else None)

    def _kerberos(self, identity: Identity | None, use: int, principal: str | None) -> tuple[Maker, Maker]:
        # Not at the top: an NTLM peer needs no GSSAPI, and does not pay for loading it.
        from . import kerberos

        if self._library is None:
            self._library = kerberos.Library()
        netbios = self._environment.get("SSPI_PEER_DOMAIN", "NTDOM")
        shared = kerberos.Credentials(self._library, identity, principal, netbios)
        if use & INBOUND:
            shared.accept()  # without a key there is no inbound credential
        return ((lambda: kerberos.Initiator(shared)) if use & OUTBOUND else None,
                (lambda: kerberos.Acceptor(shared)) if use & INBOUND else None)

    def _negotiate(self, identity: Identity | None, use: int, principal: str | None) -> Credential:
        wants_kerberos, wants_ntlm, raw = spnego.allowed_packages(identity.package_list if identity else None)
        kerberos_makers: tuple[Maker, Maker] = (None, None)
        ntlm_makers: tuple[Maker, Maker] = (None, None)
        if wants_kerberos:
            try:
                kerberos_makers = self._kerberos(identity, use, principal)
            except (SspiError, ImportError):
                if not wants_ntlm:
                    raise
        if wants_ntlm:
            ntlm_makers = self._ntlm(identity, use)
        out, in_ = (spnego.Mechanisms(*makers) for makers in zip(kerberos_makers, ntlm_makers))
        if raw:
            out = spnego.Mechanisms(None, out.ntlm, raw=True)
        return Credential(ntlm.NO_EXPIRY, (lambda: spnego_initiator.Initiator(out)) if use & OUTBOUND else None,
                          (lambda: spnego_acceptor.Acceptor(in_)) if use & INBOUND else None)
