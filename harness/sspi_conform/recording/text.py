# SPDX-License-Identifier: Apache-2.0
"""A recording as a capture file."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..model import SIDES, Case
from ..windows import server_of
from .provenance import source_id


def capture_file(systems: Mapping[str, Mapping[str, Any]], probe: str, date: str, how: str,
                 records: Sequence[tuple[Case, Mapping[str, Any]]]) -> str:
    """YAML that captures.py reads: the provenance, and one record for each case."""
    lines = ["# SPDX-License-Identifier: Apache-2.0", "# Written by sspi-conform record.", "recording:"]
    lines += [f"  {side}: {_yaml(dict(systems[side]))}" for side in SIDES]
    lines += [f"  date: {_yaml(date)}", f"  probe: {_yaml(probe)}", f"  accounts: {_yaml(how)}", "records:"]
    for case, expect in records:
        word = server_of(systems[case.subject].get("build") or 0)
        lines += [f"- case: {_yaml(case.id)}", "  evidence: recorded", f"  source: [{source_id(case.subject)}]"]
        lines += [f"  windows: {_yaml(word)}"] if word else []
        lines += ["  expect:", *(f"    {path}: {_yaml(value)}" for path, value in expect.items())]
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    """On one line; JSON is YAML."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)
