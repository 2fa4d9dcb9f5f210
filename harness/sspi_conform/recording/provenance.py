# SPDX-License-Identifier: Apache-2.0
"""Where a recording comes from: the systems of both sides, as the probe tells them. Only real Windows counts."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..model import SIDES, ConformError, Source
from ..windows import server_of
from ..yamlfile import Section

RECORDING = "recording"  # the key of a capture file, and how the ids of its sources begin
_KEYS = (*SIDES, "date", "probe", "accounts")
_SYSTEM_KEYS = ("name", "version", "build", "revision", "edition", "release", "installation", "policy", "wine")


def why_not_windows(system: Mapping[str, Any]) -> str:
    """Why what was seen on this system says nothing of Windows; '' when it does."""
    if system.get("wine"):
        return f"it is Wine {system['wine']}, which says nothing of Windows"
    if system.get("name") != "Windows":
        return f"it is {system.get('name') or 'a system without a name'}, not Windows"
    if not isinstance(system.get("build"), int):
        return "it does not tell its build of Windows"
    return "" if server_of(system["build"]) else f"build {system['build']} is none that the suite knows"


def source_id(side: str) -> str:
    """How the records of a file cite the recording of a side."""
    return f"{RECORDING}.{side}"


def sources_of(section: Section) -> Mapping[str, Source]:
    """The sources that the records of a file cite, from its `recording`. Refuses what is no Windows, or tells too little."""
    section.only(_KEYS, "a recording")
    date, probe = section.text("date", "a date such as 2026-11-22"), section.text("probe", "the version of sspi-probe")
    how = section.text("accounts", "a sentence on how the accounts were set")
    found = {}
    for side in SIDES:
        system = section.section(side, "the system of that side, as the probe tells it").only(_SYSTEM_KEYS, "a system")
        reason = why_not_windows(system)
        if reason:
            raise ConformError(f"the {side} of this recording is no Windows: {reason}", section.where(side),
                               "Record it on a machine with Windows (captures/README.md); nothing else belongs here.")
        citation = f"sspi-probe {probe} on {described(system)}, {date}; {how}"
        found[source_id(side)] = Source(
            f"{RECORDING}.{Path(section.file).parent.name}.{side}", f"What the {side} did on {described(system)}", "recorded", "recorded",
            (MappingProxyType({"kind": "windows-observation", "text": citation}),), (), "", section.where(side))
    return found


def described(system: Mapping[str, Any]) -> str:
    """A system in a few words."""
    patch = f".{system['revision']}" if system.get("revision") is not None else ""
    return " ".join(filter(None, (str(system.get("name", "")), f"{system.get('version', '')}{patch}",
                                  str(system.get("edition") or ""), f"(Wine {system['wine']})" if system.get("wine") else "")))
