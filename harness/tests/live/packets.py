# SPDX-License-Identifier: Apache-2.0
"""Every packet of a loopback device, written as pcapng (draft-ietf-opsawg-pcapng)."""
from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from pathlib import Path

_ALL_PROTOCOLS = 3  # ETH_P_ALL
_SOL_PACKET, _PACKET_STATISTICS, _OUTGOING = 263, 6, 4
_SO_TIMESTAMPNS, _ROOM = 35, 4 << 20
_LONGEST = 1 << 17  # the device merges segments up to 64 KiB
_SECTION, _INTERFACE, _PACKET, _SECRETS = 0x0A0D0D0A, 1, 6, 10
_MAGIC, _ETHERNET, _TLS_KEY_LOG = 0x1A2B3C4D, 1, 0x544C534B
_NANOSECONDS = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)  # if_tsresol, opt_endofopt


@dataclass(frozen=True)
class Packet:
    """A frame and when it was sent, in nanoseconds since 1970."""

    time: int
    data: bytes


class Sniffer:
    """A context manager that sees what is sent over `lo`. A packet is here before the call that sent it returns, so
    that nothing has to be waited for."""

    def __enter__(self) -> Sniffer:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(("lo", 0))
        self._socket.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def packets(self) -> list[Packet]:
        """What was sent since the last call. Raises when the kernel had to leave some out."""
        found = []
        while True:
            try:
                data, notes, _, address = self._socket.recvmsg(_LONGEST, 256)
            except BlockingIOError:
                break
            if address[2] == _OUTGOING:  # on its way back in it is seen a second time
                found.append(Packet(_time_of(notes), data))
        _, lost = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        if lost:
            raise RuntimeError(f"the capture lacks {lost} packets: ask for them more often")
        return found


def _time_of(notes: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in notes:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            return int(seconds) * 10**9 + int(nanoseconds)
    raise RuntimeError("a packet without its time")


def write(path: Path, packets: list[Packet], key_log: bytes = b"") -> None:
    """A pcapng file. key_log: the secrets of its TLS connections, in NSS' format."""
    blocks = [_block(_SECTION, struct.pack("<IHHq", _MAGIC, 1, 0, -1)),
              _block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, 0) + _NANOSECONDS)]
    if key_log:
        blocks.append(_block(_SECRETS, struct.pack("<II", _TLS_KEY_LOG, len(key_log)) + key_log))
    for packet in packets:
        size = len(packet.data)
        blocks.append(_block(_PACKET, struct.pack("<IIIII", 0, packet.time >> 32, packet.time & 0xFFFFFFFF, size, size)
                             + packet.data))
    path.write_bytes(b"".join(blocks))


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size
