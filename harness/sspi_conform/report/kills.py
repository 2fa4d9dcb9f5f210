# SPDX-License-Identifier: Apache-2.0
"""How many faults the suite noticed when `mutants` was last run over all of them."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import commit_of, write_whole

NAME = "mutants.json"


@dataclass(frozen=True)
class Kills:
    """The kill rate, and what it was measured on."""

    killed: int
    of: int
    advisory: int  # of the killed: by an expectation that does not bind
    date: str
    commit: str    # of the suite and of libsspi then
    older: bool    # than what is here now, or not known to be the same

    def __str__(self) -> str:
        only = f", {self.advisory} of them by advisory expectations" if self.advisory else ""
        age = "; of another state of the tree, `make mutants` renews it" if self.older else ""
        return f"{self.killed} of {self.of} caught{only} ({self.date}/{self.commit[:12] or 'no commit'}{age})"


def write_kills(build: Path, document: dict[str, Any]) -> None:
    """Keep the outcomes of a run over all faults."""
    build.mkdir(parents=True, exist_ok=True)
    write_whole(build / NAME, document)


def read_kills(build: Path, root: Path) -> Kills | None:
    """What is kept; None when there is nothing, or nothing of this form."""
    try:
        kept = json.loads((build / NAME).read_text(encoding="utf-8"))
        commit = str(kept["commit"])
        return Kills(int(kept["killed"]), int(kept["of"]), int(kept["advisory"]), str(kept["date"]), commit,
                     not commit or commit.endswith("+") or commit != commit_of(root))
    except (OSError, ValueError, KeyError, TypeError):
        return None
