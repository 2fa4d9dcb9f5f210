# SPDX-License-Identifier: Apache-2.0
"""The probe protocol's requests: which keys a call has, and what their values may be (harness/probe/PROTOCOL.md)."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import misbehave

ATTRIBUTES = {"SIZES": 0, "NAMES": 1, "LIFESPAN": 2, "DCE_INFO": 3, "STREAM_SIZES": 4, "KEY_INFO": 5, "AUTHORITY": 6,
              "PASSWORD_EXPIRY": 8, "SESSION_KEY": 9, "PACKAGE_INFO": 10, "NEGOTIATION_INFO": 12, "NATIVE_NAMES": 13,
              "FLAGS": 14, "TARGET": 19, "UNIQUE_BINDINGS": 25, "ENDPOINT_BINDINGS": 26,
              "CLIENT_SPECIFIED_TARGET": 27, "LAST_CLIENT_TOKEN_STATUS": 30}
BUFFER_TYPES = {"EMPTY": 0, "DATA": 1, "TOKEN": 2, "PKG_PARAMS": 3, "MISSING": 4, "EXTRA": 5, "STREAM_TRAILER": 6,
                "STREAM_HEADER": 7, "PADDING": 9, "STREAM": 10, "MECHLIST": 11, "TARGET": 13, "CHANNEL_BINDINGS": 14}
READONLY = {"plain": 0x80000000, "checksum": 0x10000000}


class RequestError(Exception):
    """What is wrong with a request; nothing was done."""


class Unsupported(Exception):
    """The peer has no such function."""


def _string(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise RequestError(f"{what} is a string")
    return value


def _optional_string(value: Any, what: str) -> str | None:
    return None if value is None else _string(value, what)


def number(value: Any, what: str) -> int:
    """A number: plain or "0x..."."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            pass
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise RequestError(f"{what} is a number or a string 0x...")


def octets(value: Any, what: str) -> bytes:
    try:
        return bytes.fromhex(_string(value, what))
    except ValueError:
        raise RequestError(f"{what} is not hex") from None


def _boolean(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise RequestError(f"{what} is true or false")
    return value


def _attribute(value: Any, what: str) -> int:
    if isinstance(value, str) and not value.startswith("0x"):
        if value not in ATTRIBUTES:
            raise RequestError(f"unknown attribute {value!r}")
        return ATTRIBUTES[value]
    return number(value, what)


# Members of an identity that only a structure in memory has.
_STRUCTURE = frozenset({
    "Version", "Length", "UserLength", "DomainLength", "PasswordLength", "PackageListLength", "Keytab", "CredType",
    "cbHeaderLength", "cbStructureLength", "UserOffset", "DomainOffset", "PackedCredentialsOffset",
    "PackedCredentialsLength", "PackageListOffset", "PackedHeaderLength", "PackedStructureLength", "ByteArrayOffset",
    "ByteArrayLength"})


def _identity(value: Any, what: str) -> Mapping[str, Any]:
    keys = {"kind", "User", "Domain", "Password", "PackageList", "Flags"}
    if isinstance(value, dict) and (value.get("kind") == "EX2" or set(value) & _STRUCTURE):
        raise Unsupported("an identity here is names and a password, no structure")
    if not isinstance(value, dict) or not set(value) <= keys:
        raise RequestError(f"{what} is an object with the keys {', '.join(sorted(keys))}")
    if value.get("kind", "W") not in ("W", "A", "EXW", "EXA"):
        raise RequestError(f"{what}.kind is W, A, EXW or EXA")
    for name in ("User", "Domain", "Password", "PackageList"):
        _optional_string(value.get(name), f"{what}.{name}")
    return value


def _misbehave(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RequestError(f"{what} is an object")
    if wrong := misbehave.check(value):
        raise RequestError(wrong)
    return value


def _buffers(value: Any, what: str) -> list[Buffer] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise RequestError(f"{what} is a list of buffers")
    return [Buffer(item, f"{what}[{index}]") for index, item in enumerate(value)]


class Buffer:
    """A SecBuffer: what the caller gave, and what it looks like after the call."""

    __slots__ = ("type", "room", "data", "size", "null", "state", "freed")
    _KEYS = frozenset({"type", "hex", "size", "null", "readonly"})

    def __init__(self, item: Any, what: str) -> None:
        if not isinstance(item, dict) or not item.keys() <= self._KEYS or "type" not in item:
            raise RequestError(f"{what} is an object with type and hex or size, maybe null or readonly")
        kind = item["type"]
        if isinstance(kind, str) and not kind.startswith("0x"):
            if kind not in BUFFER_TYPES:
                raise RequestError(f"{what}: unknown buffer type {kind!r}")
            kind = BUFFER_TYPES[kind]
        self.type = number(kind, f"{what}.type")
        if readonly := item.get("readonly"):
            if readonly not in READONLY:
                raise RequestError(f"{what}.readonly is plain or checksum")
            self.type |= READONLY[readonly]
        data = octets(item["hex"], f"{what}.hex") if "hex" in item else b""
        self.size = number(item["size"], f"{what}.size") if "size" in item else len(data)
        if self.size < len(data) or self.size > 1 << 27:
            raise RequestError(f"{what}.size is at least the length of hex and at most 128 MiB")
        self.null = _boolean(item.get("null", False), f"{what}.null")
        self.room = 0 if self.null else self.size
        self.data = data
        self.state = "null" if self.null else "same"
        self.freed: str | None = None

    @property
    def base_type(self) -> int:
        return self.type & 0x0FFFFFFF

    def content(self) -> bytes:
        """The bytes of the whole buffer: what was given, and the pattern behind it."""
        return b"" if self.null else self.data.ljust(self.size, b"\xa5")

    def put(self, data: bytes) -> None:
        """Write into the caller's memory; the caller has checked the room."""
        self.data = data
        self.size = len(data)

    def point_to(self, data: bytes, freed: str | None = None) -> None:
        """Hand out memory of the peer, or a place inside another buffer of the caller."""
        self.data, self.size, self.state, self.freed = data, len(data), "changed", freed

    def answer(self, with_hex: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"type": self.type, "size": self.size}
        if with_hex and self.state != "null":
            found["hex"] = self.data.ljust(self.size, b"\xa5").hex()
        found["canary"] = "intact"
        found["pvBuffer"] = self.state
        if self.freed:
            found["free"] = self.freed
        return found


Check = Callable[[Any, str], Any]
_COMMON: Mapping[str, Check] = {
    "raw": _boolean, "phCredential": _string, "phContext": _string, "phNewContext": _string,
    "pfContextAttr": _string, "ptsExpiry": _string, "pfQOP": _string, "failalloc": number,
}
_LEG: Mapping[str, Check] = {
    "cred": _optional_string, "ctx": _string, "fContextReq": number, "TargetDataRep": number, "input": _buffers,
    "output": _buffers, "misbehave": _misbehave,
}
_MESSAGE: Mapping[str, Check] = {"ctx": _string, "fQOP": number, "MessageSeqNo": number, "message": _buffers}
_OPENED: Mapping[str, Check] = {"ctx": _string, "MessageSeqNo": number, "message": _buffers}
# Per call: the keys it may have, and those it must have.
CALLS: Mapping[str, tuple[Mapping[str, Check], tuple[str, ...]]] = {
    "hello": ({}, ()),
    "EnumerateSecurityPackages": ({}, ()),
    "QuerySecurityPackageInfo": ({"pszPackageName": _optional_string}, ()),
    "AcquireCredentialsHandle": ({"cred": _string, "pszPackage": _optional_string, "pszPrincipal": _optional_string,
                                  "fCredentialUse": number, "identity": _identity}, ("cred", "fCredentialUse")),
    "FreeCredentialsHandle": ({"cred": _string}, ("cred",)),
    "InitializeSecurityContext": ({**_LEG, "pszTargetName": _optional_string, "Reserved1": number,
                                   "Reserved2": number}, ("ctx", "fContextReq")),
    "AcceptSecurityContext": (_LEG, ("ctx", "fContextReq")),
    "DeleteSecurityContext": ({"ctx": _string}, ("ctx",)),
    "QueryContextAttributes": ({"ctx": _string, "ulAttribute": _attribute}, ("ctx", "ulAttribute")),
    "MakeSignature": (_MESSAGE, ("ctx",)),
    "EncryptMessage": (_MESSAGE, ("ctx",)),
    "VerifySignature": (_OPENED, ("ctx",)),
    "DecryptMessage": (_OPENED, ("ctx",)),
}


# What the protocol has besides, for a probe that hosts a library.
_OTHERS = frozenset({"thread", "pvLogonId", "pInput", "pOutput", "pMessage", "pBuffer", "Token", "pcPackages", "ppPackageInfo"})


def validate(request: Any) -> tuple[str, dict[str, Any]]:
    """The call's name and its checked keys. Raises RequestError or Unsupported."""
    if not isinstance(request, dict):
        raise RequestError("a request is an object")
    call = request.get("call")
    if not isinstance(call, str):
        raise RequestError("a request has a call")
    if not isinstance(request.get("id"), (int, float, str)) or isinstance(request.get("id"), bool):
        raise RequestError("a request has an id, a number or a string")
    if call not in CALLS:
        raise Unsupported(f"the peer has no {call}")
    allowed, needed = CALLS[call]
    values: dict[str, Any] = {}
    for key, value in request.items():
        if key in ("id", "call"):
            continue
        check = allowed.get(key) or _COMMON.get(key)
        if check is None and key in _OTHERS:
            raise Unsupported(f"there is no {key} here: nobody calls a function with pointers")
        if check is None:
            raise RequestError(f"unknown key {key!r} of {call}")
        values[key] = check(value, key)
    for key in needed:
        if key not in values:
            raise RequestError(f"{call} needs {key}")
    if "failalloc" in values:
        raise Unsupported("the peer cannot make allocations fail")
    return call, values
