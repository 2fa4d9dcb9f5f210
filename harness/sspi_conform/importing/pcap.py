# SPDX-License-Identifier: Apache-2.0
"""A capture of packets, read into exchanges."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..exchange.model import Exchange, KdcMessage, Recording
from ..model import ConformError
from . import kdc, packets
from .connection import Connection
from .draft import Draft, worth_telling
from .kdc import Kdc
from .options import Options, Progress
from .shown import counted
from .tshark import Tshark


@dataclass
class Found:
    """What one capture holds while it is read."""

    connections: dict[str, Connection] = field(default_factory=dict)
    datagrams: list[KdcMessage] = field(default_factory=list)
    packets: int = 0
    snapped: int = 0

    def take(self, packet: packets.Packet, options: Options) -> None:
        self.packets += 1
        self.snapped += len(packet.payload) < packet.size
        if not packet.stream:
            found = kdc.message(packet.payload, packet.frame, packet.time)
            self.datagrams += [found] if found else []
            return
        connection = self.connections.get(packet.stream)
        if connection is None:
            connection = Connection(packet.stream, packet.source, packet.target, options.ports)
            self.connections[packet.stream] = connection
        connection.packet(packet)


def read(path: Path, sha256: str, options: Options, progress: Progress) -> Recording:
    """The recording of a capture."""
    tshark = Tshark(str(path))
    found = Found()
    for packet in packets.packets(tshark):
        found.take(packet, options)
        progress.packets(packet.frame)
    for connection in found.connections.values():
        connection.end()
    progress.tshark_seconds = tshark.seconds
    drafts = _drafts(found.connections.values())
    messages = sorted([*found.datagrams, *_messages(found.connections.values())], key=lambda one: one.frame)
    missing = tuple(_missing(tshark, found))
    if not drafts and not messages:
        raise _nothing(path, tshark, found, missing)
    return Recording("pcap", path.name, sha256, _numbered(drafts), tuple(messages), missing=missing)


def _nothing(path: Path, tshark: Tshark, found: Found, missing: tuple[str, ...]) -> ConformError:
    if not found.packets and tshark.complaint:
        return ConformError(f"tshark reads no packet: {tshark.complaint}", str(path), "Is it a capture, and whole?")
    what = f"no security exchange in it; seen: {seen(found.connections.values())}"
    return ConformError("; ".join((what, *missing)), str(path), "Capture both directions, from before the client connects; "
                        "TLS is opened with --tls-keys, a protocol on an unusual port is named with --port.")


def _drafts(connections: Iterable[Connection]) -> list[Draft]:
    found = [draft for one in connections if one.reader for draft in one.reader.drafts]
    return sorted(worth_telling(found), key=lambda draft: draft.first)


def _numbered(drafts: list[Draft]) -> tuple[Exchange, ...]:
    return tuple(draft.exchange(number) for number, draft in enumerate(drafts))


def _messages(connections: Iterable[Connection]) -> list[KdcMessage]:
    return [message for one in connections if isinstance(one.reader, Kdc) for message in one.reader.messages]


def _missing(tshark: Tshark, found: Found) -> Iterable[str]:
    if tshark.cut:
        yield "the file ends within a packet: it is not whole"
    elif tshark.complaint:
        yield f"tshark: {tshark.complaint}"
    if found.snapped:
        yield f"{found.snapped} packets were cut when they were captured (snaplen); capture with -s 0"


def seen(connections: Iterable[Connection]) -> str:
    """The protocols of a capture, for a message."""
    counts = Counter(one.reader.protocol if one.reader else "unknown" for one in connections if one.bytes)
    return ", ".join(f"{counted(times, name + ' connection')}" for name, times in counts.most_common()) or "no data over TCP"
