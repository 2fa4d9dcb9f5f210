# SPDX-License-Identifier: Apache-2.0
"""Finds the tokens in what a person pastes: hex, base64, Authorization headers, a trace of curl, a binary file."""
from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from ..error import ConformError

LARGEST = 1 << 20  # bytes of input; a token has at most 64 KiB
_HEADER = re.compile(r"(?im)^(?P<mark>[<>*]?)\s*(?P<name>(?:Proxy-)?(?:Authorization|Authenticate)|WWW-Authenticate)\s*:"
                     r"\s*(?P<scheme>Negotiate|NTLM|Kerberos)(?:\s+(?P<token>[A-Za-z0-9+/=]+))?\s*$")
_SCHEME = re.compile(r"(?i)^(?:Negotiate|NTLM|Kerberos)\s+(?P<token>[A-Za-z0-9+/=]+)$")
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F\s:,]+\Z")
_BEGINNINGS = (b"NTLMSSP\0", b"NEGOEXTS", b"\x60", b"\xa0", b"\xa1", b"\x6e", b"\x6f", b"\x7e", b"\x04\x04", b"\x05\x04",
               b"\x01\0\0\0")


@dataclass(frozen=True)
class Found:
    """A token and where it was; `sender` is client, server or empty when the input does not say."""

    data: bytes
    where: str
    sender: str = ""


def tokens(content: bytes, name: str = "") -> list[Found]:
    """Every token of an input in its order; ConformError, which calls the input `name`, when there is none."""
    if len(content) > LARGEST:
        raise ConformError(f"more than {LARGEST >> 20} MiB are no token", name, "`sspi-conform import` is for captures of packets.")
    if content.startswith(_BEGINNINGS) and not _is_text(content):
        return [Found(content, "the file")]
    text = content.decode("utf-8", "replace")
    headers = [found for match in _HEADER.finditer(text) for found in _of_header(match, text)]
    if headers:
        return headers
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)
             if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise ConformError("the input is empty", name, "Give a token as hex or base64, a header, or a file; - reads standard input.")
    whole = _token("".join(line for _, line in lines))  # one token, wrapped by a mail program or a terminal
    if whole is not None and (len(lines) == 1 or any(_begins(_token(line)) is False for _, line in lines)):
        return [Found(whole, "the input")]
    found = [(number, _token(line)) for number, line in lines]
    bad = next((number for number, token in found if token is None), None)
    if bad is not None:
        raise ConformError("neither hex nor base64", f"{name}, line {bad}" if name else f"line {bad}",
                           "Give one token per line, or a header such as 'Authorization: Negotiate YII...'; captures, traces "
                           "without a token and exchange files are for `sspi-conform diagnose`.")
    return [Found(token, f"line {number}") for number, token in found if token is not None]


def _of_header(match: re.Match[str], text: str) -> list[Found]:
    if not match["token"]:
        return []
    line = text.count("\n", 0, match.start()) + 1
    sender = "client" if match["name"].lower().endswith("authorization") else "server"
    token = _base64(match["token"])
    if token is None:
        raise ConformError("the token of the header is no base64", f"line {line}", "It may have been cut at a length limit.")
    return [Found(token, f"line {line}", sender)]


def _is_text(content: bytes) -> bool:
    return all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in content)


def _token(word: str) -> bytes | None:
    scheme = _SCHEME.match(word)
    if scheme:
        return _base64(scheme["token"])
    if _HEX.match(word):
        digits = re.sub(r"^0x|[\s:,]", "", word)
        if len(digits) % 2 == 0 and digits:
            return bytes.fromhex(digits)
    return _base64(word)


def _base64(word: str) -> bytes | None:
    try:
        return base64.b64decode(word + "=" * (-len(word) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _begins(token: bytes | None) -> bool:
    """Whether it begins like a token."""
    return token is not None and token.startswith(_BEGINNINGS)
