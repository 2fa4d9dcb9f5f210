# SPDX-License-Identifier: Apache-2.0
"""Captures of packets made by tests: TCP connections and datagrams between two hosts, as pcap or pcapng."""
from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

CLIENT, SERVER = "client", "server"
_ADDRESSES = {CLIENT: bytes((10, 0, 0, 1)), SERVER: bytes((10, 0, 0, 2))}
_LONG = {CLIENT: bytes((0xFD, *bytes(14), 1)), SERVER: bytes((0xFD, *bytes(14), 2))}  # fd00::1, fd00::2
_SYN, _ACK, _FIN, _RST, _PUSH = 0x02, 0x10, 0x01, 0x04, 0x08
_START = 1_700_000_000  # seconds; packets follow each other by a millisecond
_SEGMENT = 1400


@dataclass
class Capture:
    """Packets in order, of IPv6 when asked for. `snaplen` cuts each of them as tcpdump -s does."""

    frames: list[bytes] = field(default_factory=list)
    snaplen: int = 1 << 16
    is_long: bool = False

    def udp(self, sender: str, ports: tuple[int, int], data: bytes) -> None:
        """`ports`: the client's and the server's."""
        source, target = ports if sender == CLIENT else reversed(ports)
        self._add(sender, 17, struct.pack(">HHHH", source, target, 8 + len(data), 0) + data)

    def tcp(self, sender: str, ports: tuple[int, int], number: int, acknowledged: int, flags: int, data: bytes = b"") -> None:
        source, target = ports if sender == CLIENT else reversed(ports)
        self._add(sender, 6, struct.pack(">HHIIBBHHH", source, target, number, acknowledged, 5 << 4, flags, 65535, 0, 0) + data)

    def _add(self, sender: str, protocol: int, content: bytes) -> None:
        addresses = _LONG if self.is_long else _ADDRESSES
        source, target = addresses[sender], addresses[SERVER if sender == CLIENT else CLIENT]
        if self.is_long:
            head = struct.pack(">IHBB16s16s", 6 << 28, len(content), protocol, 64, source, target)
            self.frames.append(bytes(12) + b"\x86\xdd" + head + content)
            return
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(content), len(self.frames) & 0xFFFF, 0, 64, protocol, 0, source, target)
        self.frames.append(bytes(12) + b"\x08\0" + head + content)

    def bytes(self) -> bytes:
        """The file."""
        parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, 1)]
        for number, frame in enumerate(self.frames):
            kept = frame[:self.snaplen]
            parts.append(struct.pack("<IIII", _START + number // 1000, number % 1000 * 1000, len(kept), len(frame)) + kept)
        return b"".join(parts)

    def write(self, path: Path) -> Path:
        path.write_bytes(self.bytes())
        return path


@dataclass
class Connection:
    """A TCP connection. `say` sends bytes in segments; `lose` has them sent, and the capture not see them."""

    capture: Capture
    ports: tuple[int, int]
    numbers: dict[str, int] = field(default_factory=lambda: {CLIENT: 1000, SERVER: 5000})

    def open(self) -> Connection:
        self._segment(CLIENT, _SYN)
        self._segment(SERVER, _SYN | _ACK)
        for side in self.numbers:
            self.numbers[side] += 1
        return self

    def say(self, sender: str, data: bytes, segment: int = _SEGMENT) -> Connection:
        for at in range(0, len(data), segment):
            part = data[at:at + segment]
            self._segment(sender, _ACK | _PUSH, part)
            self.numbers[sender] += len(part)
        return self

    def lose(self, sender: str, size: int) -> Connection:
        self.numbers[sender] += size
        return self

    def reset(self, sender: str) -> Connection:
        self._segment(sender, _RST | _ACK)
        return self

    def _segment(self, sender: str, flags: int, data: bytes = b"") -> None:
        other = SERVER if sender == CLIENT else CLIENT
        self.capture.tcp(sender, self.ports, self.numbers[sender], self.numbers[other], flags, data)


def talk(port: int, turns: Sequence[tuple[str, bytes]], capture: Capture | None = None, client_port: int = 50000) -> Capture:
    """A capture of one connection in which both sides say these things."""
    capture = capture or Capture()
    connection = Connection(capture, (client_port, port)).open()
    for sender, data in turns:
        connection.say(sender, data)
    return capture
