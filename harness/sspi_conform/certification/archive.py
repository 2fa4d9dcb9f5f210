# SPDX-License-Identifier: Apache-2.0
"""One file of several: an uncompressed POSIX ustar archive that can be written in one way only.

`tar xf` reads it. What is read here must be, byte for byte, what `pack` writes, so that nothing hides in headers or
padding, no name leaves the folder, none comes twice, and a member cannot be larger than the file it is in.
"""
from __future__ import annotations

import tarfile
from collections.abc import Mapping

from .canonical import Malformed

_BLOCK = 512
_END = bytes(2 * _BLOCK)
_MOST = 100  # members that are looked at
_MAGIC = slice(257, 262)


def pack(members: Mapping[str, bytes]) -> bytes:
    """The archive of some members, sorted by name, without times or owners."""
    parts = []
    for name in sorted(members):
        parts += [_header(name, len(members[name])), members[name], _padding(len(members[name]))]
    return b"".join([*parts, _END])


def looks_like_one(content: bytes) -> bool:
    """Whether this may be an archive, damaged perhaps."""
    return content[_MAGIC] == b"ustar" or content[:100].rstrip(b"\0").isascii() and content[100:108] == b"0000644\0"


def unpack(content: bytes) -> dict[str, tuple[int, bytes]]:
    """Members by name, each with the offset of its content. Malformed, with the place, when `pack` would not write it so."""
    members: dict[str, tuple[int, bytes]] = {}
    at, last = 0, ""
    while len(content) - at != len(_END) or content[at:] != _END:
        if len(members) == _MOST:
            raise Malformed(f"more than {_MOST} members")
        header = content[at:at + _BLOCK]
        if len(header) < _BLOCK:
            raise Malformed(f"the file ends at byte {len(content)}, within a header" + (f" behind {last}" if last else ""))
        name, size = _read_header(header, at)
        if name == last or name in members:
            raise Malformed(f"member {name} comes twice, again at byte {at}")
        if name < last:
            raise Malformed(f"member {name} at byte {at} stands behind {last}; members are sorted")
        start, stop = at + _BLOCK, at + _BLOCK + size
        at = stop + len(_padding(size))
        if at > len(content):
            raise Malformed(f"the file ends at byte {len(content)}, within {name}, which needs {at}")
        if content[stop:at] != _padding(size):
            raise Malformed(f"the padding of {name} is not zero (bytes {stop} to {at - 1})")
        members[name], last = (start, content[start:stop]), name
    if not members:
        raise Malformed("an archive without members")
    return members


def _read_header(header: bytes, at: int) -> tuple[str, int]:
    """Name and size; nothing else may be told."""
    try:
        name = header[:100].split(b"\0", 1)[0].decode("ascii")
        size = int(header[124:135], 8)
        good = header[124:135].isdigit() and header == _header(name, size)
    except ValueError:
        good, name = False, ""
    if not good:
        raise Malformed(f"no header of a member is at byte {at}, or a damaged one" + (f" ({name!r})" if name else ""))
    return name, size


def _header(name: str, size: int) -> bytes:
    if "/" in name or not name:
        raise ValueError(f"{name!r} is no plain name")
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)
