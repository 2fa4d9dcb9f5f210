# SPDX-License-Identifier: Apache-2.0
"""Packets with something to read in them, out of a capture."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .tshark import Tshark

_FIELDS = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
           "tcp.stream", "tcp.srcport", "tcp.dstport", "tcp.seq", "tcp.ack", "tcp.len", "tcp.flags", "tcp.payload",
           "udp.srcport", "udp.dstport", "udp.payload")
_KERBEROS = " or ".join(f"udp.payload[0:1]=={tag:02x}" for tag in (0x6A, 0x6B, 0x6C, 0x6D, 0x7E))
_FILTER = (f"(tcp.len>0 or tcp.flags.syn==1 or tcp.flags.reset==1 or tcp.flags.fin==1 or {_KERBEROS} or "
           "dns.qry.type==249) and not icmp and not icmpv6")
# Connections are put together here; tshark doing so for its own dissectors takes long for large bodies.
_NO_REASSEMBLY = ("-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.relative_sequence_numbers:TRUE")
_SYN, _RESET, _FIN, _ACK = 0x02, 0x04, 0x01, 0x10


@dataclass(frozen=True, slots=True)
class Packet:
    """A segment of TCP, or a datagram (`stream` empty). `size` is the payload's length on the wire; `payload` is shorter
    when the capture cut the packet. Numbers of TCP count from the first byte seen."""

    frame: int
    time: float
    source: tuple[str, int]
    target: tuple[str, int]
    stream: str
    number: int
    acknowledged: int | None
    flags: int
    size: int
    payload: bytes

    @property
    def opens(self) -> bool:
        """Whether it is a client's SYN."""
        return self.flags & (_SYN | _ACK) == _SYN

    @property
    def is_syn(self) -> bool:
        return bool(self.flags & _SYN)

    @property
    def resets(self) -> bool:
        return bool(self.flags & _RESET)

    @property
    def closes(self) -> bool:
        return bool(self.flags & (_FIN | _RESET))


def packets(tshark: Tshark) -> Iterator[Packet]:
    """Every packet in the order of the capture. Where one tunnel is in another the innermost counts."""
    wanted = [word for name in _FIELDS for word in ("-e", name)]
    for line in tshark.lines([*_NO_REASSEMBLY, "-Y", _FILTER, "-T", "fields", "-E", "occurrence=l", *wanted]):
        found = _packet(line.rstrip("\n").split("\t"))
        if found is not None:
            yield found


def _packet(row: list[str]) -> Packet | None:
    if len(row) != len(_FIELDS):
        return None
    (frame, time, _, _, source4, target4, source6, target6, stream, sport, dport, number, acknowledged, size, flags, data,
     udp_sport, udp_dport, datagram) = row
    try:
        payload = bytes.fromhex((data if stream else datagram).replace(":", ""))
        bits = int(flags, 16) if flags else 0
        return Packet(int(frame), float(time or 0), (source4 or source6, int(sport or udp_sport or 0)),
                      (target4 or target6, int(dport or udp_dport or 0)), stream, int(number or 0),
                      int(acknowledged) if acknowledged and bits & _ACK else None, bits,
                      int(size) if stream and size else len(payload), payload)
    except ValueError:  # a line of another program's making
        return None
