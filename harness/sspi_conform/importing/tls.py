# SPDX-License-Identifier: Apache-2.0
"""TLS: which connections carry it, and what is in it where the capture or the user has the secrets."""
from __future__ import annotations

import base64
import binascii
import gzip
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..exchange.model import CLIENT, SERVER
from ..model import ConformError
from .reader import NOT_THIS, Reader, Sized
from .streams import Framing, Piece, Record
from .tshark import Tshark

_HANDSHAKE, _CLIENT_HELLO, _SERVER_HELLO = 22, 1, 2
_DATA, _ALERT, _CHANGE = 23, 21, 20
_CONNECTION_REQUEST, _CONNECTION_CONFIRM = 0xE0, 0xD0
_SECRETS, _LEAST_BLOCK = 0x0000000A, 12  # of pcapng: a type of block, the smallest block in bytes
_SECTION_HEADER, _SAME_ORDER = b"\x0a\x0d\x0d\x0a", b"\x4d\x3c\x2b\x1a"
_AT_ONCE = 200  # connections that one run of tshark opens
_KEY = b"-----BEGIN"
_KEY_LOG = re.compile(rb"(?m)^(?:RSA |[A-Z][A-Z0-9_]+ [0-9A-Fa-f])")  # the format of NSS
_ADVICE = "--tls-keys names a key log (NSS format, SSLKEYLOGFILE) or an RSA key in PEM."


class Tls(Reader):
    """Ciphertext: nothing is read here."""

    protocol = dissector = "tls"
    carries_tls = True

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        if len(data) < 6 or data[0] not in (_HANDSHAKE, _DATA, _ALERT, _CHANGE) or data[1] != 3 or data[2] > 4:
            return None
        if data[0] == _HANDSHAKE and data[5] in (_CLIENT_HELLO, _SERVER_HELLO):
            return CLIENT if data[5] == _CLIENT_HELLO else SERVER
        return ""

    def framing(self, sender: str) -> Framing:
        return Sized(lambda data: NOT_THIS, lambda data: False)

    def record(self, sender: str, record: Record) -> None:
        """Never called: nothing begins."""


class Rdp(Tls):
    """A connection that begins with X.224 (MS-RDPBCGR 2.2.1.1), which asks for TLS."""

    protocol = "rdp"

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        if len(data) < 7 or data[:2] != b"\3\0" or data[5] not in (_CONNECTION_REQUEST, _CONNECTION_CONFIRM):
            return None
        return CLIENT if data[5] == _CONNECTION_REQUEST else SERVER


Frames = Mapping[int, tuple[str, bool]]  # frame: its connection, whether the client sent it


@dataclass(frozen=True, slots=True)
class Opened:
    """What one frame brought of a connection's plaintext."""

    stream: str
    from_client: bool
    piece: Piece


def has_secrets(path: Path) -> bool:
    """Whether a pcapng file has a block of decryption secrets."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rb") as stream:
            order = "<"
            while len(head := stream.read(8)) == 8:
                if head[:4] == _SECTION_HEADER:
                    order = "<" if stream.read(4) == _SAME_ORDER else ">"
                    stream.seek(-4, 1)
                elif not stream.tell() > 8:
                    return False  # no pcapng
                kind, size = struct.unpack(f"{order}II", head)
                if kind == _SECRETS:
                    return True
                if size < _LEAST_BLOCK:
                    return False
                stream.seek(size - 8, 1)
    except (OSError, EOFError):
        pass
    return False


def arguments(keys: Sequence[Path]) -> list[str]:
    """tshark's options for key logs and RSA keys."""
    found = []
    for path in keys:
        try:
            with path.open("rb") as stream:
                beginning = stream.read(4096)
        except OSError as error:
            raise ConformError(f"cannot read {path}: {error.strerror}", "", _ADVICE) from error
        if _KEY not in beginning and not _KEY_LOG.search(beginning):
            raise ConformError(f"{path} is neither a key log nor an RSA key", "", _ADVICE)
        whole = str(path.resolve())
        if any(letter in whole for letter in '"\\\n'):
            raise ConformError(f"tshark cannot be told of {path}", "", "Copy it to a path without quotes and backslashes.")
        found += ["-o", f'uat:rsa_keys:"{whole}",""'] if _KEY in beginning else ["-o", f"tls.keylog_file:{whole}"]
    return found


def ports(readers: Iterable[Reader]) -> list[str]:
    """tshark's options for connections that are TLS, or become it, on whatever port."""
    found = {(reader.place.server_port, reader.dissector) for reader in readers if reader.place.server_port}
    return [word for port, name in sorted(found, key=str) for word in ("-d", f"tcp.port=={port},{name}")]


def opened(tshark: Tshark, streams: Sequence[str], options: Sequence[str], frames: Frames,
           certificates: dict[str, bytes]) -> Iterator[Opened]:
    """The plaintext of these connections; fills `certificates` with each server's leaf. `frames` is asked
    for the connection of a frame: tshark does not say which one it prints."""
    for start in range(0, len(streams), _AT_ONCE):
        follow = [word for one in streams[start:start + _AT_ONCE] for word in ("-z", f"follow,tls,yaml,{one}")]
        lines = tshark.lines([*options, "-Y", "tls.handshake.certificate", "-T", "fields", "-e", "frame.number",
                              "-e", "tls.handshake.certificate", *follow])
        yield from _plain(lines, frames, certificates)


def _plain(lines: Iterable[str], frames: Frames, certificates: dict[str, bytes]) -> Iterator[Opened]:
    """Lines of a frame and its certificates first, then YAML: packet, peer, timestamp, data in base64."""
    frame, time, data = 0, 0.0, []

    def done() -> Iterator[Opened]:
        content = _base64("".join(data))
        if frame in frames and content:
            yield Opened(*frames[frame], Piece(frame, time, content))

    for line in lines:
        name, _, value = line.strip().lstrip("- ").partition(": ")
        if line[:1].isdigit():
            _certificate(line, frames, certificates)
        elif name == "packet" and value.isdigit():
            yield from done()
            frame, time, data = int(value), 0.0, []
        elif name == "timestamp":
            time = _seconds(value)
        elif line.startswith("      ") and not _:
            data.append(line.strip())
        elif line.startswith("peers"):
            yield from done()
            frame, data = 0, []
    yield from done()


def _certificate(line: str, frames: Frames, certificates: dict[str, bytes]) -> None:
    number, _, chain = line.strip().partition("\t")
    leaf = chain.partition(",")[0].replace(":", "")
    try:
        stream, from_client = frames.get(int(number), ("", True))
        der = bytes.fromhex(leaf)
    except ValueError:
        return
    if not from_client and der:
        certificates.setdefault(stream, der)


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
