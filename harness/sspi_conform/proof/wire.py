# SPDX-License-Identifier: Apache-2.0
"""Signed and sealed messages that follow an authentication in a recording.

tshark gives the segments of the TCP connections; what is in them is read here, because its dissectors either open
these messages or hide them. Nothing of it is kept.
"""
from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..model import ConformError
from .recordings import Exchange

NO_TSHARK = "tshark, which reads the messages out of the recording, is not installed"
SEAL, SIGN = "seal", "sign"
TRANSPORTS = ("LDAP", "DCERPC", "DCERPC over SMB2 pipe", "MS-NNS")  # those that are read here
_PRIVACY, _INTEGRITY = 6, 5  # RPC_C_AUTHN_LEVEL_
_REQUEST, _RESPONSE, _FAULT = 0, 2, 3
_RPC_HEADER = {_REQUEST: 24, _RESPONSE: 24, _FAULT: 32}
_OBJECT_UUID = 0x80
_NNS_DONE, _NNS_GOING = 0x14, 0x16
_SMB2 = b"\xfeSMB"
_SMB2_READ, _SMB2_WRITE, _SMB2_IOCTL = 8, 9, 11


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `token` and `data` are on the wire one after the other in LDAP, where `token` is empty and not
    told apart; in RPC `before` and `behind` surround the data and are covered by the signature only."""

    frame: int
    from_client: bool
    kind: str
    data: bytes
    token: bytes = b""
    before: bytes = b""
    behind: bytes = b""
    is_ldap: bool = False

    @property
    def is_stream(self) -> bool:
        return not self.token


@dataclass(frozen=True, slots=True)
class Segment:
    frame: int
    from_client: bool
    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one direction's stream, complete in `frame`."""

    frame: int
    from_client: bool
    data: bytes


def tshark() -> str | None:
    return shutil.which("tshark")


def messages(exchange: Exchange, segments_of: Mapping[str, list[Segment]]) -> list[Message]:
    """What follows the exchange on its connection, in the order of the wire."""
    segments = segments_of.get(exchange.stream, [])
    if exchange.transport == "LDAP":
        found: Iterable[Message] = _ldap(segments)
    elif exchange.transport == "DCERPC":
        found = _rpc(_records(segments, _rpc_size))
    elif exchange.transport == "DCERPC over SMB2 pipe":
        found = _rpc(_pipes(_records(segments, _nbss_size)))
    elif exchange.transport == "MS-NNS":
        found = _nns(segments)
    else:
        return []
    start = max(leg.frame for leg in exchange.legs)
    return sorted((one for one in found if one.frame > start), key=lambda one: one.frame)


def connections(place: Path, file: str, exchanges: Iterable[Exchange]) -> dict[str, list[Segment]]:
    """The segments of the connections that these exchanges of one recording are on."""
    ports = {one.stream: one.server_port for one in exchanges}
    program = tshark()
    if program is None:
        raise ConformError("tshark is not there", "", "ci/install-packages installs it for the goal deep")
    wanted = " or ".join(f"tcp.stream=={number}" for number in sorted(ports, key=int))
    run = subprocess.run(
        [program, "-r", str(capture(place, file)), "-Y", f"tcp.len>0 and ({wanted})", "-T", "fields", "-e",
         "frame.number", "-e", "tcp.stream", "-e", "tcp.srcport", "-e", "tcp.seq", "-e", "tcp.payload"],
        capture_output=True, text=True, check=False)
    found: dict[str, list[Segment]] = {}
    for line in run.stdout.splitlines():
        frame, stream, port, number, data = line.split("\t")
        found.setdefault(stream, []).append(
            Segment(int(frame), port != ports[stream], int(number), bytes.fromhex(data)))
    if not found:
        raise ConformError(f"tshark reads nothing from {file}: {run.stderr.strip()[-200:]}")
    return found


def capture(place: Path, file: str) -> Path:
    """Folders and name are joined with two underscores, which a name may have itself."""
    parts = file.split("__")
    for depth in range(1, len(parts)):
        folder = place.joinpath(*parts[:depth])
        for ending in (".pcap", ".pcapng", ".cap", ".dmp"):
            path = folder / ("__".join(parts[depth:]) + ending)
            if path.is_file():
                return path
    raise ConformError(f"no capture {file}")


def _stream(segments: list[Segment], from_client: bool) -> Iterator[Segment]:
    """One direction in order, without repetition."""
    at = 0
    for one in sorted((one for one in segments if one.from_client == from_client), key=lambda one: one.number):
        at = at or one.number
        if one.number + len(one.data) <= at:
            continue
        if one.number > at:
            raise ConformError(f"a segment is missing before frame {one.frame}")
        yield Segment(one.frame, from_client, at, one.data[at - one.number:])
        at = one.number + len(one.data)


def _records(segments: list[Segment], size: Callable[[bytes], int]) -> Iterator[Chunk]:
    """Each direction cut at the sizes that its records tell (0: not there yet); a record belongs to the frame that
    completes it."""
    for from_client in (True, False):
        left = b""
        for one in _stream(segments, from_client):
            left += one.data
            while True:
                length = size(left)
                if not length or length > len(left):
                    break
                yield Chunk(one.frame, from_client, left[:length])
                left = left[length:]


def _nbss_size(data: bytes) -> int:
    return 4 + int.from_bytes(data[1:4], "big") if len(data) >= 4 else 0


def _rpc_size(data: bytes) -> int:
    if len(data) < 16:
        return 0
    if data[:1] != b"\x05":
        raise ConformError("no PDU of DCE/RPC where one should begin")
    return int(struct.unpack_from("<H", data, 8)[0])


def _ldap_size(data: bytes) -> int:
    """An LDAPMessage in BER, or what SASL puts around a protected one: four octets of length."""
    if len(data) < 6:
        return 0
    if data[0] != 0x30:
        return 4 + int.from_bytes(data[:4], "big")
    octets = data[1] & 0x7F if data[1] & 0x80 else 0
    return 2 + octets + (int.from_bytes(data[2:2 + octets], "big") if octets else data[1])


def _ldap(segments: list[Segment]) -> Iterator[Message]:
    for one in _records(segments, _ldap_size):
        if one.data[0] != 0x30:
            yield Message(one.frame, one.from_client, SEAL, one.data[4:], is_ldap=True)


def _nns(segments: list[Segment]) -> Iterator[Message]:
    """NegotiateStream behind its handshake (MS-NNS 2.2.2): four octets of length, the lowest first."""
    for from_client in (True, False):
        whole = list(_stream(segments, from_client))
        data = b"".join(one.data for one in whole)
        at = min(place for place in (data.find(bytes((kind, 1, 0))) for kind in (_NNS_DONE, _NNS_GOING)) if place >= 0)
        while data[at:at + 3] in (bytes((_NNS_DONE, 1, 0)), bytes((_NNS_GOING, 1, 0))):
            at += 5 + int.from_bytes(data[at + 3:at + 5], "big")
        while at + 4 <= len(data):
            size = int.from_bytes(data[at:at + 4], "little")
            if at + 4 + size > len(data):
                break
            yield Message(_frame(whole, at + 4 + size), from_client, SEAL, data[at + 4:at + 4 + size])
            at += 4 + size


def _frame(segments: list[Segment], end: int) -> int:
    """The frame that brings the octet before `end` of the stream."""
    at = 0
    for one in segments:
        at += len(one.data)
        if at >= end:
            return one.frame
    return 0


def _rpc(chunks: Iterable[Chunk]) -> Iterator[Message]:
    """[C706] 12.6.4 with a verifier (MS-RPCE 2.2.2.11): signed are header, data and the verifier's own header."""
    for one in chunks:
        data, kind, flags = one.data, one.data[2], one.data[3]
        verifier = struct.unpack_from("<H", data, 10)[0]
        if kind not in _RPC_HEADER or not verifier:
            continue
        start = _RPC_HEADER[kind] + (16 if kind == _REQUEST and flags & _OBJECT_UUID else 0)
        end = len(data) - verifier
        level = data[end - 7]
        if level in (_PRIVACY, _INTEGRITY):
            yield Message(one.frame, one.from_client, SEAL if level == _PRIVACY else SIGN, data[start:end - 8],
                          data[end:], data[:start], data[end - 8:end])


def _pipes(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """PDUs of RPC inside SMB2 (MS-SMB2 2.2.20, 2.2.21, 2.2.31, 2.2.32)."""
    for one in chunks:
        for packet in _chained(one.data[4:]):
            content = _pipe_data(packet, one.from_client)
            while content[:2] == b"\x05\x00" and _rpc_size(content) <= len(content):
                size = _rpc_size(content)
                yield Chunk(one.frame, one.from_client, content[:size])
                content = content[size:]


def _chained(data: bytes) -> Iterator[bytes]:
    while data[:4] == _SMB2:
        following = struct.unpack_from("<I", data, 20)[0]
        yield data[:following] if following else data
        data = data[following:] if following else b""


def _pipe_data(packet: bytes, request: bool) -> bytes:
    command = struct.unpack_from("<H", packet, 12)[0]
    place = {(_SMB2_WRITE, True): ("<H", 66, 68), (_SMB2_READ, False): ("<B", 66, 68),
             (_SMB2_IOCTL, True): ("<I", 88, 92), (_SMB2_IOCTL, False): ("<I", 96, 100)}.get((command, request))
    if place is None or len(packet) < place[2] + 4:
        return b""
    offset, size = struct.unpack_from(place[0], packet, place[1])[0], struct.unpack_from("<I", packet, place[2])[0]
    return packet[offset:offset + size]
