#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes first inputs for the fuzz targets of the hexadecimal strings in the unit tests.

    seeds_of_vectors.py FOLDER TEST.c...

Those are the vectors of the specifications: complete messages go to the target that reads them.
"""
from __future__ import annotations

import re
import sys
from pathlib import Path

LITERALS = re.compile(r'"(?:[0-9a-fA-F]{2})+"(?:\s*"(?:[0-9a-fA-F]{2})+")*')
SHORTEST = 8


def target_of(message: bytes) -> str:
    """The fuzz target that reads such bytes."""
    if message.startswith(b"NTLMSSP\0"):
        return "fuzz-ntlm-messages"
    return "fuzz-spnego" if message[0] in (0x60, 0xA0, 0xA1) else "fuzz-ntlm-av"


def main(folder: Path, sources: list[Path]) -> None:
    """Write every message found in `sources` below `folder`."""
    number = 0
    for source in sources:
        for found in LITERALS.findall(source.read_text(encoding="utf-8")):
            message = bytes.fromhex(re.sub(r'[\s"]', "", found))
            if len(message) < SHORTEST:
                continue
            place = folder / target_of(message)
            place.mkdir(parents=True, exist_ok=True)
            (place / f"vector-{number:04}").write_bytes(message)
            number += 1


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} FOLDER TEST.c...")
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
