# SPDX-License-Identifier: Apache-2.0
"""A situation as a file of the user's own: scenario, what is expected of it, and where that is from."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from ..exchange.model import Exchange, Recording
from ..model import ConformError
from .outcomes import Divergence
from .situation import Situation

HEAD = "# Written by `sspi-conform reproduce`."
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def write(folder: Path, name: str, situation: Situation, recording: Recording, exchange: Exchange) -> Path:
    """NAME.yaml in a folder, which is made; a file that somebody else wrote is not touched."""
    if not _NAME.fullmatch(name):
        raise ConformError(f"'{name}' is no name of a case", "", "Use small letters, digits and hyphens.")
    path = folder / f"{name}.yaml"
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(HEAD):
        raise ConformError(f"{path} is there and not of this program", "", "Choose another --case or --also.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text(name, situation, recording, exchange), encoding="utf-8")
    except OSError as error:
        raise ConformError(f"cannot write {path}: {error.strerror}", "", "Name another folder with --also DIR.") from error
    return path


def text(name: str, situation: Situation, recording: Recording, exchange: Exchange) -> str:
    """The file. It names the recording by its hash alone: nothing of anybody is in it."""
    ended = situation.divergence
    source = f"reproduced.{name}"
    content: dict[str, Any] = {
        "scenarios": [_scenario(name, situation)],
        "sources": {source: {"fact": f"In a recorded exchange over {exchange.transport}: {_ended(ended)}.", "confidence": "inferred",
                             "citations": [f"recording: sha256 {recording.sha256}, exchange {exchange.number}"]}},
        "records": [{"case": name, "evidence": "inferred", "source": [source],
                     "note": "; ".join([f"The recording shows {ended.told}", *situation.assumed]) + ".", "expect": _expected(ended)}]}
    lines = [HEAD, f"# Assumed: {'; '.join(situation.assumed) or 'nothing'}", f"# Not reproduced: {'; '.join(situation.lost) or 'nothing'}"]
    return "\n".join(lines) + "\n" + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _scenario(name: str, situation: Situation) -> dict[str, Any]:
    found: dict[str, Any] = {"id": name, "title": "A recorded exchange, played again", "clause": ["a recording"], "level": "may",
                             "severity": "low"}
    if situation.needs:
        found["needs"] = sorted(situation.needs)
    if situation.isolate != "none":
        found["isolate"] = situation.isolate
    return found | {"settings": {"subject": situation.subject, **{key: value for key, value in situation.settings.items() if value}},
                    "play": situation.play}


def _expected(ended: Divergence) -> dict[str, Any]:
    where = f"{ended.side}.leg.{ended.leg}"
    if not ended.known:
        return {f"{where}.token": "present"}
    found: dict[str, Any] = {f"{where}.status": ended.status or {"not": "SEC_E_OK"}}
    if ended.token:
        found = {f"{where}.status": ended.status} if ended.status else {}
        found |= {f"{where}.token": {"one-of": ["KRB-ERROR", "NegTokenResp"]}}
    elif not ended.succeeded:
        found["established"] = False
    return found


def _ended(ended: Divergence) -> str:
    if not ended.known:
        return ended.told
    return f"the {ended.side} ended it in its leg {ended.leg} with {ended.told}"
