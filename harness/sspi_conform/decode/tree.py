# SPDX-License-Identifier: Apache-2.0
"""A token as a tree of named values, for people as indented lines and for machines as JSON."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Node:
    """A field. `mark`: "" for what was read, "good" or "bad" for what was verified with a secret or is malformed."""

    name: str
    value: Any = None
    children: list[Node] = field(default_factory=list)
    mark: str = ""

    def add(self, name: str, value: Any = None, mark: str = "") -> Node:
        """A new child."""
        child = Node(name, value, mark=mark)
        self.children.append(child)
        return child

    def lines(self, depth: int = 0) -> Iterator[str]:
        sign = {"good": "[ok] ", "bad": "[WRONG] "}.get(self.mark, "")
        shown = "" if self.value is None else f": {_shown(self.value)}"
        yield f"{'  ' * depth}{sign}{self.name}{shown}"
        for child in self.children:
            yield from child.lines(depth + 1)

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.name}
        if self.value is not None:
            found["value"] = self.value.hex() if isinstance(self.value, bytes) else self.value
        if self.mark:
            found["verified"] = self.mark == "good"
        if self.children:
            found["fields"] = [child.json() for child in self.children]
        return found

    def wrong(self) -> Iterator[Node]:
        """Every field that is malformed or did not verify."""
        if self.mark == "bad":
            yield self
        for child in self.children:
            yield from child.wrong()


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex() or "(empty)"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "(none)"
    text = str(value)
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)  # a token is hostile text
