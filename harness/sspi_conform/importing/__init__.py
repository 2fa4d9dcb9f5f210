# SPDX-License-Identifier: Apache-2.0
"""Inputs of other people read into recordings: captures of packets, traces of curl, lines of the probe."""
from __future__ import annotations

import hashlib
from pathlib import Path

from ..exchange import file
from ..exchange.model import Recording
from ..model import ConformError
from .options import Options, Progress

__all__ = ["Options", "Progress", "load"]

_CAPTURES = (b"\x0a\x0d\x0d\x0a", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
             b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34", b"\x1f\x8b", b"GMBU", b"RTSS", b"snoop\0", b"TRSNIFF", b"XCP\0")
_TEXT = 16 << 20  # bytes
_ADVICE = ("Give a capture (pcap, pcapng, also compressed by gzip, or of Network Monitor), the output of `curl -v`, lines "
           "of the probe, or an exchange file.")


def load(path: Path, options: Options | None = None, progress: Progress | None = None) -> Recording:
    """The recording of an input, told apart by its content. ConformError when it is none of these."""
    options, progress = options or Options(), progress or Progress()
    try:
        beginning, sha256 = _fingerprint(path)
        if beginning.startswith(_CAPTURES):
            from . import pcap
            return pcap.read(path, sha256, options, progress)
        with path.open("rb") as stream:
            content = stream.read(file.LARGEST + 1)
    except OSError as error:
        raise ConformError(f"cannot read {path}: {error.strerror}", "", _ADVICE) from error
    if not content:
        raise ConformError("the file is empty", str(path), _ADVICE)
    if file.is_one(content):
        return file.read(content, path.name)
    from . import curl, probe_lines
    for kind in (probe_lines, curl):
        if kind.is_one(content):
            return kind.read(content, path.name)
    raise ConformError("no capture, no trace of curl, no lines of the probe and no exchange file", str(path), _ADVICE)


def _fingerprint(path: Path) -> tuple[bytes, str]:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        beginning = stream.read(1 << 16)
        digest.update(beginning)
        while block := stream.read(1 << 20):
            digest.update(block)
    return beginning[:64], digest.hexdigest()
