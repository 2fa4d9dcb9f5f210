# SPDX-License-Identifier: Apache-2.0
"""The peer as an endpoint of the probe protocol: handles, dispatch, and the translation of buffers."""
from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from . import messages, model
from .accounts import AccountsError
from .model import Context, Identity, Leg, SspiError
from .packages import PACKAGE_INFO, Credential
from .protocol import Buffer, RequestError, Unsupported, validate
from .statuses import (SEC_E_BUFFER_TOO_SMALL, SEC_E_INTERNAL_ERROR, SEC_E_INVALID_HANDLE, SEC_E_INVALID_TOKEN,
                       SEC_E_OK, SEC_E_SECPKG_NOT_FOUND)

_TOKEN, _CHANNEL_BINDINGS = 2, 14
UNWRITTEN: Mapping[str, Any] = {"written": False}


class Endpoint:
    """One peer process: its credentials and contexts by name.

    packages: who acquires credentials, Packages or something with the same `acquire`; name: what `hello` calls it.
    """

    def __init__(self, packages: Any, name: str = "sspi_conform.peer") -> None:
        self._packages = packages
        self._name = name
        self._credentials: dict[str, Credential] = {}
        self._contexts: dict[str, Context] = {}
        self._calls: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "hello": self._hello,
            "EnumerateSecurityPackages": self._enumerate,
            "QuerySecurityPackageInfo": self._package_info,
            "AcquireCredentialsHandle": self._acquire,
            "FreeCredentialsHandle": self._free,
            "InitializeSecurityContext": self._initialize,
            "AcceptSecurityContext": self._accept,
            "DeleteSecurityContext": self._delete,
            "QueryContextAttributes": self._query,
            "MakeSignature": self._sign,
            "VerifySignature": self._verify,
            "EncryptMessage": self._encrypt,
            "DecryptMessage": self._decrypt,
        }

    def answer(self, request: Any) -> dict[str, Any]:
        """The answer to one request; never an exception."""
        ident = request.get("id") if isinstance(request, dict) else None
        start = time.perf_counter_ns()
        try:
            call, values = validate(request)
            start = time.perf_counter_ns()
            try:
                found = self._calls[call](values)
            except SspiError as error:
                found = {"status": error.status}
            if "status" in found:
                found["status"] = f"0x{found['status']:08x}"
        except RequestError as error:
            found = {"error": str(error)}
        except Unsupported as error:
            found = {"unsupported": str(error)}
        except AccountsError as error:
            found = {"error": str(error)}
        except Exception as error:  # a fault of the peer must not look like one of the other side
            traceback.print_exc(file=sys.stderr)
            found = {"error": f"the peer failed: {type(error).__name__}"}
        found["id"] = ident
        found["ns"] = time.perf_counter_ns() - start
        return found

    # Packages and credentials

    def _hello(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"protocol": 1, "implementation": self._name, "entry": "peer", "table_version": 1,
                "functions": [name for name in self._calls if name != "hello"]}

    def _enumerate(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"status": SEC_E_OK, "packages": list(PACKAGE_INFO.values())}

    def _package_info(self, values: dict[str, Any]) -> dict[str, Any]:
        info = PACKAGE_INFO.get((values.get("pszPackageName") or "").lower())
        if info is None:
            return {"status": SEC_E_SECPKG_NOT_FOUND, "package": UNWRITTEN}
        return {"status": SEC_E_OK, "package": info}

    def _acquire(self, values: dict[str, Any]) -> dict[str, Any]:
        identity = values.get("identity")
        try:
            credential = self._packages.acquire(
                values.get("pszPackage") or "", values["fCredentialUse"], values.get("pszPrincipal"),
                None if identity is None else Identity(identity.get("User"), identity.get("Domain"),
                                                       identity.get("Password"), identity.get("PackageList")))
        except SspiError as error:
            return {"status": error.status, "phCredential": UNWRITTEN, "expiry": UNWRITTEN}
        self._credentials[values["cred"]] = credential
        return {"status": SEC_E_OK, "phCredential": {"written": True}, "expiry": _expiry(credential.expiry)}

    def _free(self, values: dict[str, Any]) -> dict[str, Any]:
        if self._credentials.pop(values["cred"], None) is None:
            return _no_handle(values, "cred")
        return {"status": SEC_E_OK}

    # The exchange

    def _initialize(self, values: dict[str, Any]) -> dict[str, Any]:
        return self._leg(values, lambda credential: credential.initiator(), model.ALLOCATE_MEMORY)

    def _accept(self, values: dict[str, Any]) -> dict[str, Any]:
        return self._leg(values, lambda credential: credential.acceptor(), model.ALLOCATE_MEMORY)

    def _leg(self, values: dict[str, Any], make: Callable[[Credential], Context], allocate: int) -> dict[str, Any]:
        inputs: list[Buffer] | None = values.get("input")
        outputs: list[Buffer] | None = values.get("output")
        name = values["ctx"]
        context = self._context(values)
        known = context is not None
        output_token = _first(outputs, _TOKEN)
        written = False
        try:
            if context is None:
                context = make(self._credential(values))
                context.attributes = 0
            token = _first(inputs, _TOKEN)
            bindings = _first(inputs, _CHANNEL_BINDINGS)
            leg = Leg(token.content() if token else None, values["fContextReq"], values.get("pszTargetName"),
                      bindings.content() if bindings else None, values.get("misbehave", {}),
                      output_token.room if output_token and not values["fContextReq"] & allocate else None)
            status, produced = context.step(leg)
            written = True
        except SspiError as error:
            status, produced = error.status, error.token
        if written and not known and values.get("phNewContext") != "null" and context is not None:
            self._contexts[name] = context
        status = _put_token(status, produced, output_token, bool(values["fContextReq"] & allocate))
        absent = {"absent": True}
        found: dict[str, Any] = {"status": status, "ctx": name, "phNewContext": {"written": written and not known}}
        found["attributes"] = (absent if values.get("pfContextAttr") == "null" else
                               _mask(context.attributes) if written and context is not None else UNWRITTEN)
        found["expiry"] = (absent if values.get("ptsExpiry") == "null" else
                           _expiry(context.expiry) if written and context is not None else UNWRITTEN)
        if outputs is not None:
            found["output"] = [buffer.answer(True) for buffer in outputs]
        if inputs is not None:
            found["input"] = [buffer.answer(False) for buffer in inputs]
        return found

    def _delete(self, values: dict[str, Any]) -> dict[str, Any]:
        if self._contexts.pop(values["ctx"], None) is None:
            return _no_handle(values, "ctx")
        return {"status": SEC_E_OK}

    # The established context

    def _query(self, values: dict[str, Any]) -> dict[str, Any]:
        return messages.query(self._established(values), values["ulAttribute"])

    def _sign(self, values: dict[str, Any]) -> dict[str, Any]:
        return self._message(values, messages.sign)

    def _verify(self, values: dict[str, Any]) -> dict[str, Any]:
        return self._message(values, messages.verify) | _qop(values)

    def _encrypt(self, values: dict[str, Any]) -> dict[str, Any]:
        context, qop = self._established(values), values.get("fQOP", 0)
        return self._message(values, lambda _, buffers: messages.encrypt(context, buffers, qop))

    def _decrypt(self, values: dict[str, Any]) -> dict[str, Any]:
        return self._message(values, messages.decrypt) | _qop(values)

    def _message(self, values: dict[str, Any], function: Callable[[Context, list[Buffer]], None]) -> dict[str, Any]:
        context = self._established(values)
        buffers: list[Buffer] | None = values.get("message")
        status = SEC_E_OK
        try:
            if buffers is None:
                raise SspiError(SEC_E_INVALID_TOKEN)
            function(context, buffers)
        except SspiError as error:
            status = error.status
        found: dict[str, Any] = {"status": status}
        if buffers is not None:
            found["message"] = [buffer.answer(True) for buffer in buffers]
        return found

    # Handles

    def _credential(self, values: dict[str, Any]) -> Credential:
        name = values.get("cred")
        override = values.get("phCredential")
        if override in ("null", "zero"):
            raise SspiError(SEC_E_INVALID_HANDLE)
        credential = self._credentials.get(override or name or "")
        if credential is None:
            if values.get("raw"):
                raise SspiError(SEC_E_INVALID_HANDLE)
            raise RequestError(f"no credential {override or name!r}")
        return credential

    def _context(self, values: dict[str, Any]) -> Context | None:
        """The context that phContext points to; None when it is NULL."""
        override = values.get("phContext")
        if override == "null":
            return None
        if override == "zero":
            raise SspiError(SEC_E_INVALID_HANDLE)
        return self._contexts.get(override or values["ctx"])

    def _established(self, values: dict[str, Any]) -> Context:
        context = self._context(values)
        if context is None:
            if values.get("raw") or values.get("phContext") == "null":
                raise SspiError(SEC_E_INVALID_HANDLE)
            raise RequestError(f"no context {values['ctx']!r}")
        return context


def _put_token(status: int, token: bytes | None, buffer: Buffer | None, allocate: bool) -> int:
    """Put the token where the caller wants it; the status, or why there is no room for it."""
    if token is None:
        if buffer is not None:
            buffer.put(b"")
        return status
    if buffer is None:
        return SEC_E_INTERNAL_ERROR if not token else SEC_E_BUFFER_TOO_SMALL if status < 0x80000000 else status
    if buffer.null:
        if not allocate:
            return SEC_E_BUFFER_TOO_SMALL
        buffer.point_to(token, "0x00000000")
    elif len(token) > buffer.room:
        return SEC_E_BUFFER_TOO_SMALL
    else:
        buffer.put(token)
    return status


def _first(buffers: list[Buffer] | None, kind: int) -> Buffer | None:
    if buffers is None:
        return None
    return next((buffer for buffer in buffers if buffer.base_type == kind), None)


def _mask(value: int) -> dict[str, Any]:
    return {"written": True, "value": f"0x{value:08x}"}


def _expiry(value: int) -> dict[str, Any]:
    return {"written": True, "value": f"0x{value:016x}"}


def _qop(values: dict[str, Any]) -> dict[str, Any]:
    return {"qop": {"absent": True} if values.get("pfQOP") == "null" else UNWRITTEN}


def _no_handle(values: dict[str, Any], key: str) -> dict[str, Any]:
    if values.get("raw"):
        return {"status": SEC_E_INVALID_HANDLE}
    raise RequestError(f"no handle {values[key]!r}")
