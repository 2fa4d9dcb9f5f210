# SPDX-License-Identifier: Apache-2.0
"""Inputs of other people read into recordings: captures of packets, traces of curl, lines of the probe."""
from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..exchange import file
from ..exchange.model import Recording
from ..model import ConformError
from .options import Options, Progress

__all__ = ["STANDARD_INPUT", "Options", "Progress", "load"]

STANDARD_INPUT = Path("-")
_CAPTURES = (b"\x0a\x0d\x0d\x0a", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
             b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34", b"\x1f\x8b", b"GMBU", b"RTSS", b"snoop\0", b"TRSNIFF", b"XCP\0")
_ADVICE = ("Give a capture (pcap, pcapng, also compressed by gzip, or of Network Monitor), the output of `curl -v`, lines "
           "of the probe, or an exchange file.")


def load(path: Path, options: Options | None = None, progress: Progress | None = None) -> Recording:
    """The recording of an input, told apart by its content; STANDARD_INPUT reads that. ConformError when it is none of
    these."""
    name = "standard input" if path == STANDARD_INPUT else str(path)
    try:
        with _file(path) as regular:
            return _read(regular, name, options or Options(), progress or Progress())
    except OSError as error:
        raise ConformError(f"cannot read {name}: {error.strerror}", "", _ADVICE) from error


def _read(path: Path, name: str, options: Options, progress: Progress) -> Recording:
    beginning, sha256 = _fingerprint(path)
    if beginning.startswith(_CAPTURES):
        from . import pcap
        return pcap.read(path, name, sha256, options, progress)
    with path.open("rb") as stream:
        content = stream.read(file.LARGEST + 1)
    if not content:
        raise ConformError("the file is empty", name, _ADVICE)
    if file.is_one(content):
        return file.read(content, Path(name).name)
    from . import curl, probe_lines
    for kind in (probe_lines, curl):
        if kind.is_one(content):
            return kind.read(content, Path(name).name)
    raise ConformError("no capture, no trace of curl, no lines of the probe and no exchange file", name, _ADVICE)


@contextmanager
def _file(path: Path) -> Iterator[Path]:
    """A file that can be read twice. Pipes become one in memory: what they hold is nothing for a disk."""
    if path.is_char_device():
        raise ConformError(f"{path} is a device", "", _ADVICE)
    if path != STANDARD_INPUT and not path.is_fifo():
        yield path
        return
    with os.fdopen(os.memfd_create("input"), "wb") as memory:
        if path == STANDARD_INPUT:
            shutil.copyfileobj(sys.stdin.buffer, memory)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, memory)
        memory.flush()
        yield Path(f"/proc/{os.getpid()}/fd/{memory.fileno()}")


def _fingerprint(path: Path) -> tuple[bytes, str]:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        beginning = stream.read(1 << 16)
        digest.update(beginning)
        while block := stream.read(1 << 20):
            digest.update(block)
    return beginning[:64], digest.hexdigest()
