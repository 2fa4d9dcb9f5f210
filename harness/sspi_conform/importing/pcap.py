# SPDX-License-Identifier: Apache-2.0
"""A capture of packets, read into exchanges: one run of tshark for the packets, a second one where TLS can be opened."""
from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..exchange.model import Channel, KdcMessage, Recording
from ..model import ConformError
from . import kdc, tls
from .connection import Connection
from .dns import Dns
from .draft import Draft, Place, worth_telling
from .kdc import Kdc
from .options import Options, Progress
from .packets import Packet, packets
from .shown import counted
from .streams import Record
from .tshark import Tshark

_DNS_PORT = 53
_MOST_NAMED = 5  # servers in a message


@dataclass
class Found:
    """What one capture holds while it is read. `sealed` has the frames of connections that carry TLS."""

    options: Options
    connections: dict[str, Connection] = field(default_factory=dict)
    plain: dict[str, Connection] = field(default_factory=dict)  # inside TLS
    tkeys: dict[frozenset[tuple[str, int]], Dns] = field(default_factory=dict)
    datagrams: list[KdcMessage] = field(default_factory=list)
    sealed: dict[int, tuple[str, bool]] = field(default_factory=dict)
    shared: dict[Hashable, Any] = field(default_factory=dict)
    packets: int = 0
    snapped: int = 0

    def take(self, packet: Packet) -> None:
        self.packets += 1
        self.snapped += len(packet.payload) < packet.size
        if not packet.stream:
            self._datagram(packet)
            return
        connection = self.connections.get(packet.stream)
        if connection is None:
            connection = Connection(packet.stream, packet.source, packet.target, self.shared, self.options.ports)
            self.connections[packet.stream] = connection
        connection.packet(packet)
        if packet.size and connection.reader and connection.reader.is_tls:
            self.sealed[packet.frame] = (packet.stream, packet.source == connection.client)

    def _datagram(self, packet: Packet) -> None:
        if _DNS_PORT in (packet.source[1], packet.target[1]):
            client, server = sorted((packet.source, packet.target), key=lambda end: end[1] == _DNS_PORT)
            place = Place(f"udp {client[1]}", client[0], server[0], server[1])
            reader = self.tkeys.setdefault(frozenset((client, server)), Dns(place))
            reader.message("", packet.payload, Record(b"", packet.frame, packet.time))
            return
        found = kdc.message(packet.payload, packet.frame, packet.time)
        self.datagrams += [found] if found else []

    def end(self) -> None:
        """The capture is over."""
        for connection in self.connections.values():
            connection.end()

    def open(self, tshark: Tshark, path: Path) -> None:
        """What is inside TLS, where there are secrets."""
        carriers = {name: one for name, one in self.connections.items() if one.reader and one.reader.is_tls}
        keys = tls.arguments(self.options.tls_keys)
        if not carriers or not keys and not tls.has_secrets(path):
            return
        options = [*keys, *tls.ports(one.reader for one in carriers.values() if one.reader)]
        certificates: dict[str, bytes] = {}
        for one in tls.opened(tshark, list(carriers), options, self.sealed, certificates):
            connection = self.plain.get(one.stream)
            if connection is None:
                connection = self.plain[one.stream] = carriers[one.stream].inside(_channel(certificates.get(one.stream)))
            connection.piece(connection.client_end(one.from_client), one.piece)
        for connection in self.plain.values():
            connection.end()

    def recording(self, name: str, sha256: str, complaints: tuple[str, ...]) -> Recording:
        exchanges = tuple(draft.exchange(number) for number, draft in enumerate(self.drafts()))
        return Recording("pcap", name, sha256, exchanges, tuple(self.messages()), missing=(*complaints, *self.missing()))

    def all(self) -> Iterator[Connection]:
        yield from self.connections.values()
        yield from self.plain.values()

    def drafts(self) -> list[Draft]:
        found = [draft for one in self.all() if one.reader for draft in one.reader.drafts]
        found += [draft for one in self.tkeys.values() for draft in one.drafts]
        return sorted(worth_telling(found), key=lambda draft: draft.first)

    def messages(self) -> list[KdcMessage]:
        found = [message for one in self.all() if isinstance(one.reader, Kdc) for message in one.reader.messages]
        found += filter(None, map(_attempt, self.connections.values()))
        return sorted([*self.datagrams, *found], key=lambda one: one.frame)

    def missing(self) -> Iterator[str]:
        if self.snapped:
            yield f"{counted(self.snapped, 'packet')} cut when captured (snaplen): capture again with -s 0"
        damaged = sum(one.reader.damaged for one in self.all() if isinstance(one.reader, Kdc))
        if damaged:
            yield f"{counted(damaged, 'message')} of the KDC not whole in the capture"
        shut = [one for name, one in self.connections.items() if one.reader and one.reader.is_tls and name not in self.plain]
        if shut:
            servers = list(dict.fromkeys(f"{one.reader.place.server}:{one.reader.place.server_port}" for one in shut if one.reader))
            named = ", ".join(servers[:_MOST_NAMED]) + (", ..." if len(servers) > _MOST_NAMED else "")
            yield f"{counted(len(shut), 'connection')} of TLS to {named} not opened: --tls-keys FILE names a key log or an RSA key"

    def seen(self) -> str:
        """The protocols, for a message."""
        counts = Counter(one.reader.protocol if one.reader else "unknown" for one in self.all() if one.bytes)
        return ", ".join(f"{counted(times, name + ' connection')}" for name, times in counts.most_common()) or "no data over TCP"


def read(path: Path, name: str, sha256: str, options: Options, progress: Progress) -> Recording:
    """The recording of a capture; ConformError when nothing is in it."""
    tshark = Tshark(str(path.absolute()))
    found = Found(options)
    for packet in packets(tshark):
        found.take(packet)
        progress.packets(packet.frame)
    found.end()
    found.open(tshark, path)
    progress.tshark_seconds = tshark.seconds
    recording = found.recording(Path(name).name, sha256, tuple(_complaints(tshark)))
    if not recording.exchanges and not recording.kdc:
        raise _nothing(name, tshark, found, recording.missing)
    return recording


def _attempt(connection: Connection) -> KdcMessage | None:
    """A connection to a KDC on which nothing was said: refused, or not answered."""
    packet = connection.attempt
    if packet is None or packet.target[1] != kdc.PORT and connection.forced != Kdc.protocol:
        return None
    return KdcMessage("CONNECT", packet.frame, packet.time, text="refused" if connection.refused else "not answered")


def _channel(certificate: bytes | None) -> Channel:
    """The channel bindings of a connection (RFC 5929 4.1), as far as its certificate tells."""
    if certificate is None:
        return Channel()
    from realm.errors import RealmError
    from realm.tls import end_point
    try:
        return Channel(end_point(certificate).partition(b":")[2], certificate)
    except (RealmError, ValueError, IndexError):
        return Channel(None, certificate)


def _complaints(tshark: Tshark) -> Iterable[str]:
    if tshark.cut:
        yield "the file ends within a packet: it is not whole"
    elif tshark.complaint:
        yield f"tshark: {tshark.complaint}"


def _nothing(name: str, tshark: Tshark, found: Found, missing: tuple[str, ...]) -> ConformError:
    if not found.packets and tshark.complaint:
        return ConformError(f"tshark reads no packet: {tshark.complaint}", name, "Is it a capture, and whole?")
    what = f"no security exchange in it; seen: {found.seen()}"
    return ConformError("; ".join((what, *missing)), name, "Capture both directions, from before the client connects; "
                        "--tls-keys opens TLS, --port names the protocol of an unusual port.")
