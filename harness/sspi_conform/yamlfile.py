# SPDX-License-Identifier: Apache-2.0
"""YAML with file and line, in which nothing vanishes: duplicate keys are refused.

Less of YAML 1.1 than usual: keys are always text, `yes`, `no`, `on`, `off` and
dates are text, so that a flag or an axis value can have any name.
"""
from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from .model import ConformError

_REQUIRED: Any = object()


class Section(dict):
    """A mapping that knows where it and its keys stand."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__()
        self.file, self.line = file, line
        self.lines: dict[str, int] = {}

    def where(self, key: str | None = None) -> str:
        return f"{self.file}:{self.lines.get(key, self.line) if key is not None else self.line}"

    def only(self, keys: Iterable[str], what: str) -> Section:
        """Refuse every key that is not in `keys`."""
        known = list(keys)
        for key in self:
            if key not in known:
                raise ConformError(f"unknown key '{key}' in {what}", self.where(key), did_you_mean(key, known))
        return self

    def take(self, key: str, kind: type | tuple[type, ...], what: str, default: Any = _REQUIRED) -> Any:
        """The value of `key`, which must be of `kind`; `what` says in words what it is."""
        if key not in self:
            if default is _REQUIRED:
                raise ConformError(f"'{key}' is missing", self.where(), f"Add {key}: {what}.")
            return default
        value = self[key]
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ConformError(f"'{key}' is {_kind_of(value)}", self.where(key), f"It must be {what}.")
        return value

    def text(self, key: str, what: str, default: Any = _REQUIRED) -> Any:
        value = self.take(key, str, what, default)
        if key in self and isinstance(value, str) and not value.strip():
            raise ConformError(f"'{key}' is empty", self.where(key), f"It must be {what}.")
        return value

    def choice(self, key: str, options: Iterable[str], default: Any = _REQUIRED) -> Any:
        options = list(options)
        value = self.take(key, str, "one of " + ", ".join(options), default)
        if key in self and value not in options:
            raise ConformError(f"'{key}' is '{value}'", self.where(key), f"It must be one of {', '.join(options)}.")
        return value

    def texts(self, key: str, what: str, default: Any = _REQUIRED) -> list[str]:
        """A list of words; one word alone counts as a list of one."""
        if key not in self and default is not _REQUIRED:
            return default
        value = self.take(key, (str, list), what)
        if isinstance(value, str):
            return [value]
        for position, one in enumerate(value):
            if not isinstance(one, str):
                where = value.where(position) if isinstance(value, Items) else self.where(key)
                raise ConformError(f"'{key}' holds {_kind_of(one)}", where, f"It must be {what}.")
        return list(value)

    def section(self, key: str, what: str) -> Section:
        """A mapping; missing or empty counts as one without keys."""
        value = self.take(key, (Section, type(None)), what, None)
        return value if value is not None else Section(self.file, self.lines.get(key, self.line))

    def sections(self, key: str, what: str, default: Any = _REQUIRED) -> list[Section]:
        value = self.take(key, (list, type(None)), what, default) or []
        for position, one in enumerate(value):
            if not isinstance(one, Section):
                raise ConformError(f"'{key}' holds {_kind_of(one)}", value.where(position), f"It must be {what}.")
        return list(value)


class Items(list):
    """A sequence that knows where it and its items stand."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__()
        self.file, self.line = file, line
        self.lines: list[int] = []

    def where(self, position: int | None = None) -> str:
        return f"{self.file}:{self.line if position is None else self.lines[position]}"


def load(path: Path, root: Path) -> Section:
    """The mapping in a file. Errors name the file as it is called below `root`."""
    name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConformError(f"cannot read it: {error.strerror}", name) from error
    except UnicodeDecodeError as error:
        raise ConformError("it is not UTF-8", name, "Save the file as UTF-8.") from error
    return parse(text, name)


def parse(text: str, name: str) -> Section:
    """The mapping in a text."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        value = _plain(node, name, loader, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise ConformError(f"not YAML: {error.problem or error.context}", f"{name}:{line}",
                           "Check indentation, quotes and brackets there and on the line above.") from error
    except yaml.YAMLError as error:
        raise ConformError(f"not YAML: {error}", f"{name}:1") from error
    finally:
        loader.dispose()
    if not isinstance(value, Section):
        raise ConformError(f"the file holds {_kind_of(value)}", f"{name}:1", "It must be a mapping (key: value).")
    return value


def did_you_mean(word: str, known: Iterable[str], many: int = 20) -> str:
    """Advice for a misspelt word: the nearest known ones, or all when they are few."""
    known = list(known)
    near = nearest(word, known)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    if known and len(known) <= many:
        return f"Known: {', '.join(known)}."
    return "Known are very different names." if known else "None is known here."


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """At most three known words that look like `word`."""
    by_lower = {one.lower(): one for one in known}
    return [by_lower[one] for one in difflib.get_close_matches(word.lower(), list(by_lower), n=3, cutoff=0.6)]


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """The implicit types by first character, as PyYAML wants them."""
    types = (
        ("null", r"^(?:~|null|)$", ("~", "n", "")),
        ("bool", r"^(?:true|false)$", ("t", "f")),
        ("int", r"^(?:-?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$", tuple("-0123456789")),
    )
    return {first: [(f"tag:yaml.org,2002:{name}", re.compile(regex))]
            for name, regex, firsts in types for first in firsts}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes with the few implicit types this project uses."""

    yaml_implicit_resolvers = _resolvers()


def _plain(node: yaml.Node, file: str, loader: Any, above: tuple[int, ...]) -> Any:
    line = node.start_mark.line + 1
    if id(node) in above:
        raise ConformError("an alias that contains itself", f"{file}:{line}", "Write the value out.")
    above += (id(node),)
    if isinstance(node, yaml.MappingNode):
        section = Section(file, line)
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConformError("a key that is no plain word", f"{file}:{key_line}", "Keys are words.")
            key = key_node.value
            if key in section:
                raise ConformError(f"duplicate key '{key}', first on line {section.lines[key]}",
                                   f"{file}:{key_line}", "Remove or rename one of the two.")
            section[key] = _plain(value_node, file, loader, above)
            section.lines[key] = key_line
        return section
    if isinstance(node, yaml.SequenceNode):
        items = Items(file, line)
        for one in node.value:
            items.append(_plain(one, file, loader, above))
            items.lines.append(one.start_mark.line + 1)
        return items
    return _scalar(node, file, line)


def _scalar(node: yaml.Node, file: str, line: int) -> Any:
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return node.value == "true"
    if kind == "int":
        return int(node.value, 0)
    if kind == "str":
        return node.value
    raise ConformError(f"tag {node.tag}", f"{file}:{line}", "Tags are not used here; write plain text.")


def _kind_of(value: Any) -> str:
    if value is None:
        return "empty"
    names = {bool: "true or false", int: "a number", str: "text", Items: "a list", Section: "a mapping"}
    return names.get(type(value), type(value).__name__)
