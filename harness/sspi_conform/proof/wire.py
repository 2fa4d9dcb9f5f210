# SPDX-License-Identifier: Apache-2.0
"""Signed and sealed messages that follow an authentication in a recording.

tshark gives the packets; what is in the connections is read here, because its dissectors either open these messages
or hide them. Nothing of it is kept.
"""
from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..exchange.model import CLIENT, SERVER
from ..importing import ldap, rpc, smb, smb2
from ..importing.packets import Packet, packets
from ..importing.reader import NOT_THIS, Sized
from ..importing.streams import Cutter, Half, Piece, Record
from ..importing.tshark import Tshark
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
class Chunk:
    """A piece of one direction's stream, complete in `frame`."""

    frame: int
    from_client: bool
    data: bytes


def tshark() -> str | None:
    return shutil.which("tshark")


def messages(exchange: Exchange, packets_of: Mapping[str, list[Packet]]) -> list[Message]:
    """What follows the exchange on its connection, in the order of the wire."""
    connection = _Ordered(packets_of.get(exchange.stream, []), int(exchange.server_port or 0))
    if exchange.transport == "LDAP":
        found: Iterable[Message] = _ldap(connection)
    elif exchange.transport == "DCERPC":
        found = _rpc(connection.records(rpc.size_of))
    elif exchange.transport == "DCERPC over SMB2 pipe":
        found = _rpc(_pipes(connection.records(smb.size_of)))
    elif exchange.transport == "MS-NNS":
        found = _nns(connection)
    else:
        return []
    start = max(leg.frame for leg in exchange.legs)
    return sorted((one for one in found if one.frame > start), key=lambda one: one.frame)


def connections(place: Path, file: str, exchanges: Iterable[Exchange]) -> dict[str, list[Packet]]:
    """The packets of the connections that these exchanges of one recording are on."""
    wanted = {one.stream for one in exchanges}
    reader = Tshark(str(capture(place, file)))
    found: dict[str, list[Packet]] = {}
    for packet in packets(reader):
        if packet.stream in wanted and packet.size:
            found.setdefault(packet.stream, []).append(packet)
    if not found:
        raise ConformError(f"tshark reads nothing from {file}: {reader.complaint}")
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


@dataclass(frozen=True, slots=True)
class _Ordered:
    """A connection's packets, each direction in order. One that is missing is an error: a proof leaves nothing out."""

    packets: list[Packet]
    server_port: int

    def pieces(self, from_client: bool) -> Iterator[Piece]:
        half = Half()
        for packet in sorted(self.packets, key=lambda one: one.number):
            if (packet.source[1] != self.server_port) == from_client:
                yield from map(_whole, half.add(packet))
        yield from map(_whole, half.end())

    def records(self, size: Callable[[bytes | bytearray], int]) -> Iterator[Chunk]:
        """Cut at the sizes that the records tell; a record belongs to the frame that completes it."""
        for from_client in (True, False):
            found: list[Record] = []
            cutter = Cutter(Sized(_certain(size), lambda data: True), found.append, _whole)
            for piece in self.pieces(from_client):
                cutter.feed(piece)
            yield from (Chunk(one.frame, from_client, one.data) for one in found)


def _whole(piece: Piece) -> Piece:
    if piece.hole:
        raise ConformError(f"a segment is missing before frame {piece.frame}")
    return piece


def _certain(size: Callable[[bytes | bytearray], int]) -> Callable[[bytes | bytearray], int]:
    """A size that is none is an error too."""
    def found(data: bytes | bytearray) -> int:
        length = size(data)
        if length == NOT_THIS:
            raise ConformError("no record where one should begin")
        return length
    return found


def _ldap(connection: _Ordered) -> Iterator[Message]:
    for one in connection.records(ldap.size_of):
        if one.data[0] != 0x30:
            yield Message(one.frame, one.from_client, SEAL, one.data[4:], is_ldap=True)


def _nns(connection: _Ordered) -> Iterator[Message]:
    """NegotiateStream behind its handshake (MS-NNS 2.2.2): four octets of length, the lowest first."""
    for from_client in (True, False):
        whole = list(connection.pieces(from_client))
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


def _frame(pieces: list[Piece], end: int) -> int:
    """The frame that brings the octet before `end` of the stream."""
    at = 0
    for one in pieces:
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
    """PDUs of RPC inside SMB2."""
    for one in chunks:
        for packet in smb2.chained(one.data[4:]):
            content = smb2.file_data(packet, CLIENT if one.from_client else SERVER)
            while rpc.begins(content) and rpc.size_of(content) <= len(content):
                size = rpc.size_of(content)
                yield Chunk(one.frame, one.from_client, content[:size])
                content = content[size:]
