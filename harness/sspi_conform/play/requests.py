# SPDX-License-Identifier: Apache-2.0
"""Settings of a case to requests of the probe protocol."""
from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from .stage import CRED, PACKAGE_LISTS, Side, Stage

INBOUND, OUTBOUND = 1, 2
DATA_REPS = {"native": 16, "network": 0}
ALLOCATE_MEMORY = 0x100  # the same bit for ISC and ASC
_HEADER = struct.Struct("<8I")


def acquire(stage: Stage, side: Side) -> dict[str, Any]:
    """AcquireCredentialsHandle of a side."""
    settings = side.settings
    inbound = side is stage.acceptor
    request: dict[str, Any] = {"call": "AcquireCredentialsHandle", "cred": CRED, "pszPackage": settings["package"],
                               "fCredentialUse": INBOUND if inbound else OUTBOUND}
    identity = _identity(stage, side, inbound)
    if identity is not None:
        request["identity"] = identity
    return request


def _identity(stage: Stage, side: Side, inbound: bool) -> dict[str, Any] | None:
    account = side.settings["account"]
    if inbound and account == "default" and stage.acceptor_identity == "account" and stage.case.subject == "acceptor":
        account = _true_account(stage.initiator.settings["account"])
    identity = stage.world.identity(account, stage.case.mechanism)
    packages = side.settings.get("package-list", "auto")
    if packages == "auto":
        forced = side.settings["package"] == "Negotiate" and not inbound
        packages = PACKAGE_LISTS[stage.case.mechanism] if forced else None
    if packages is not None:
        identity = {**(identity or {}), "PackageList": packages}
    return identity


def _true_account(account: str) -> str:
    """Whose secret an acceptor knows that keeps no accounts itself (WinPR)."""
    return account if account not in ("wrong-password", "unknown-user", "foreign-domain", "anonymous", "default") \
        else "normal"


def leg(stage: Stage, side: Side, token: str | None, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """InitializeSecurityContext or AcceptSecurityContext; token None passes no token buffer."""
    settings = side.settings
    output = overrides["output"] if "output" in overrides else settings["output"]
    flags = stage.names.bits(side.name, overrides.get("flags", settings["flags"]))
    request: dict[str, Any] = {
        "call": side.call, "cred": CRED, "ctx": side.ctx,
        "fContextReq": flags | ALLOCATE_MEMORY if output == "allocate" else flags,
        "TargetDataRep": DATA_REPS[overrides.get("data-rep", settings["data-rep"])],
    }
    if side is stage.initiator:
        target = stage.world.target(settings["target"])
        if target is not None:
            request["pszTargetName"] = target
    bound = bindings(stage, side, overrides.get("bindings", settings["bindings"]))
    if token is not None or bound is not None:
        request["input"] = [] if token is None else [{"type": "TOKEN", "hex": token}]
        if bound is not None:
            request["input"].append({"type": "CHANNEL_BINDINGS", "hex": bound})
    if output == "allocate":
        request["output"] = [{"type": "TOKEN", "size": 0, "null": True}]
    elif output is not None:
        request["output"] = [{"type": "TOKEN", "size": output["size"]}]
    if side.misbehaves and settings.get("misbehave"):
        request["misbehave"] = settings["misbehave"]
    if "request" in overrides:
        request |= stage.filled_in(overrides["request"], side)
    return request


def bindings(stage: Stage, side: Side, wanted: Any) -> str | None:
    """SEC_CHANNEL_BINDINGS in hex: its header, then the application data."""
    if wanted == "none":
        return None
    if wanted == "zero":
        return bytes(_HEADER.size).hex()
    if isinstance(wanted, Mapping) and "structure" in wanted:
        return str(wanted["structure"])
    data = _application_data(stage, side, wanted)
    return (_HEADER.pack(0, 0, 0, 0, 0, 0, len(data), _HEADER.size) + data).hex()


def _application_data(stage: Stage, side: Side, wanted: Any) -> bytes:
    if not isinstance(wanted, Mapping):
        return stage.world.bindings[wanted]
    if "hex" in wanted:
        return bytes.fromhex(str(wanted["hex"]))
    assert stage.world.connections is not None  # the case needs tls
    return stage.world.connections.end(side.name, wanted["tls"], wanted.get("certificate", "sha256"),
                                       wanted.get("proxy", False))
