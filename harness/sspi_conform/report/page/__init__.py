# SPDX-License-Identifier: Apache-2.0
"""One HTML file that shows what a command found: it needs no network, no other file, and opens from a disk.

    from ..report import blocks
    from ..report.page import Section, write_page

    legs = legs_of([("initiator", "SEC_I_CONTINUE_NEEDED", token), ("acceptor", "SEC_E_BAD_BINDINGS", None)])
    write_page(folder / "index.html", "Every initiator against every acceptor", [
        Section("pairs", "Pairs", [
            blocks.table(["", "Windows", "Samba"], [
                ["libsspi", blocks.cell("held", "good"),
                 blocks.cell("differs", "bad", opens=[blocks.text("leg 2: ..."), blocks.exchange(legs, "refused", "bad")])],
            ])])])

A page is a list of sections, a section a list of blocks, a block a mapping whose `kind` names a function of
`blocks.js` that draws it; `blocks.py` has a Python function for each. Whatever is text goes into the page as text:
names, fields of tokens and messages of programs may be hostile, and never become markup or script.

What `opens` on a click (of a cell, of a fold, of a case) is again a list of blocks. It is deflated into the page and
inflated when somebody asks for it, so thousands of decoded exchanges cost a few hundred KB.

An exchange is drawn as initiator | wire | acceptor from this JSON, whoever makes it:

    {"kind": "exchange", "outcome": "...", "tone": "bad", "sides": {"initiator": "curl", "acceptor": "IIS"},
     "legs": [{"from": "initiator",              # who called, or sent
               "status": "SEC_I_CONTINUE_NEEDED",  # of that call, or an HTTP code, an NT status
               "what": "NTLM NEGOTIATE",         # on the arrow; "" or "none": nothing was sent
               "size": 40,                       # bytes
               "received": "SEC_E_OK",           # status at the other end, for messages
               "call": "AcquireCredentialsHandle",  # a step that never reaches the wire
               "mark": "bad", "note": "...",     # this leg is the one to look at, and why
               "differs": ["flags"],             # names of fields of the tree to mark
               "tree": {...}}]}                  # decode.tree.Node.json()

All keys of a leg but `from` may be left out. `exchange.py` makes legs from tokens (`leg`, `legs_of`) and from the
trace of a case (`legs_of_trace`).
"""
from __future__ import annotations

import base64
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...model import ConformError

Block = Mapping[str, Any]
_HERE = Path(__file__).parent
_SCRIPTS = ("dom.js", "exchange.js", "blocks.js", "case.js", "list.js", "page.js")
_CHUNK = 1 << 17  # characters of JSON that are inflated together


class Ready(str):
    """Blocks that are JSON already, as `opens` may have them: made while there was time, and small to keep."""

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> Ready:
        return cls(_json(blocks))


@dataclass(frozen=True)
class Section:
    """A part of the page. `name` is its anchor, `title` its heading and its entry in the navigation."""

    name: str
    title: str
    blocks: Sequence[Block]


def write_page(path: Path, title: str, sections: Sequence[Section], subtitle: str = "", tone: str = "",
               plain: Sequence[str] = ()) -> int:
    """Write the page, whole or not at all; returns its size in bytes.

    `subtitle` says what was found, coloured by `tone`. `plain` is shown where scripts do not run.
    """
    text = page(title, sections, subtitle, tone, plain).encode("utf-8", "replace")
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(text)
    os.replace(new, path)
    return len(text)


def page(title: str, sections: Sequence[Section], subtitle: str = "", tone: str = "", plain: Sequence[str] = ()) -> str:
    """The text of the page."""
    try:
        from jinja2 import Environment, FileSystemLoader  # takes a moment, and most commands write no page
        from markupsafe import Markup
    except ImportError as error:
        raise ConformError("no HTML page without python3-jinja2", "", "`ci/install-packages run` installs it.") from error
    packed = _Packed()
    content = {"sections": [{"name": one.name, "title": one.title, "blocks": packed.away(one.blocks)} for one in sections]}
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    script = '"use strict";\n' + "".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page.html.j2").render(
        title=title, subtitle=subtitle, tone=tone, plain="\n".join(plain), sections=sections,
        style=Markup(style), style_hash=_hash(style), script=Markup(script), script_hash=_hash(script),
        content=Markup(inert(content)), chunks=packed.chunks())


def inert(value: Any) -> str:
    """JSON that can stand inside <script type="application/json">: nothing in it ends the element."""
    return _json(value).replace("<", "\\u003c")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def _hash(text: str) -> str:
    """What a content security policy names an inline script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class _Packed:
    """What the blocks of a page open, deflated in chunks. An entry is named by chunk and place in it."""

    def __init__(self) -> None:
        self._chunks: list[str] = []
        self._entries: list[str] = []
        self._size = 0

    def away(self, value: Any) -> Any:
        """A copy of `value` in which every `opens` is the name of an entry here."""
        if isinstance(value, Mapping):
            return {key: self._add(one) if key == "opens" and one is not None else self.away(one)
                    for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.away(one) for one in value] if _may_open(value) else value
        return value

    def _add(self, blocks: Any) -> list[int]:
        text = blocks if isinstance(blocks, Ready) else _json(blocks)
        if self._size > _CHUNK:
            self._close()
        self._entries.append(text)
        self._size += len(text)
        return [len(self._chunks), len(self._entries) - 1]

    def _close(self) -> None:
        if self._entries:
            deflated = zlib.compress(f"[{','.join(self._entries)}]".encode(), 6)
            self._chunks.append(base64.b64encode(deflated).decode())
        self._entries, self._size = [], 0

    def chunks(self) -> Sequence[str]:
        """The chunks in base64."""
        self._close()
        return self._chunks


def _may_open(values: Iterable[Any]) -> bool:
    return any(isinstance(one, (Mapping, list, tuple)) for one in values)
