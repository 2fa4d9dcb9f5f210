# SPDX-License-Identifier: Apache-2.0
"""The shared recordings of Windows as `Recording`s, for tests of what reads exchange files."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sspi_conform.exchange.model import CLIENT, SERVER, Exchange, Leg, Recording


def every(folder: Path) -> Iterator[Recording]:
    """Each capture with an exchange in it. Frames have no times there: one a tenth of a second stands in."""
    for path in sorted((folder / "exchanges").glob("*.json")):
        content = path.read_bytes()
        rows = json.loads(content)["exchanges"]
        if rows:
            yield Recording("pcap", path.name.removesuffix(".json"), hashlib.sha256(content).hexdigest(),
                            tuple(_exchange(number, row) for number, row in enumerate(rows)))


def _exchange(number: int, row: dict[str, Any]) -> Exchange:
    legs = tuple(Leg(CLIENT if leg["dir"] == "c2s" else SERVER, bytes.fromhex(leg["token"]) if leg["token"] else None,
                     int(leg["frame"] or 0), 1_600_000_000 + int(leg["frame"] or place) / 10)
                 for place, leg in enumerate(row["legs"]))
    return Exchange(number, row["transport"] or "", legs, str(row["tcp_stream"] or ""), row["client"] or "", row["server"] or "",
                    int(row["server_port"] or 0) or None)
