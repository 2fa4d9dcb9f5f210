# SPDX-License-Identifier: Apache-2.0
"""The HTML page without a browser: what stands in the file, and that nothing hostile gets out of its place."""
from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sspi_conform.report import blocks
from sspi_conform.report.exchange import legs_of
from sspi_conform.report.page import Section, page, write_page

HOSTILE = "</script><script>alert('out')</script><img src=x onerror=alert(1)>\u202e\x07"
NEGOTIATE = bytes.fromhex("4e544c4d5353500001000000978208e2000000000000000000000000000000000a007c4f0000000f")


class Parts(HTMLParser):
    """The elements of a page: tags with attributes, and the text of scripts and styles by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        self._inside = given.get("id") or tag if tag in ("script", "style", "title", "h1") else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, text: str) -> None:
        if self._inside:
            self.texts[self._inside] = self.texts.get(self._inside, "") + text

    def content(self) -> Any:
        return json.loads(self.texts["content"])

    def opened(self, entry: list[int]) -> Any:
        """What a click on something with `opens` shows."""
        packed = json.loads(self.texts[f"chunk-{entry[0]}"])
        return json.loads(zlib.decompress(base64.b64decode(packed)))[entry[1]]


def sections(words: str = "text", legs: Any = ()) -> list[Section]:
    opens = [blocks.exchange(legs, words, "bad", {"initiator": words})]
    return [Section("pairs", words, [blocks.text(words), blocks.table(["", words], [["row", blocks.cell(words, "bad", opens=opens)]])])]


def test_nothing_is_loaded_from_anywhere() -> None:
    parts = Parts(page("A title", sections()))
    for tag, attributes in parts.tags:
        assert tag not in ("img", "iframe", "object", "embed", "base", "form"), tag
        assert "style" not in attributes and not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,")), attributes
    assert "http:" not in parts.texts["style"] and "url(" not in parts.texts["style"] and "@import" not in parts.texts["style"]
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttpRequest", "new Function"):
        assert forbidden not in parts.texts["script"]


def test_the_policy_names_exactly_this_script_and_style() -> None:
    parts = Parts(page("A title", sections()))
    policy = next(given["content"] for tag, given in parts.tags if given.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    for kind, text in (("script", parts.texts["script"]), ("style", parts.texts["style"])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_hostile_text_stays_text() -> None:
    text = page(HOSTILE, sections(HOSTILE), HOSTILE, "bad", [HOSTILE])
    parts = Parts(text)
    assert [tag for tag, _ in parts.tags].count("script") == 3  # content, one chunk, the program
    assert not any(tag == "img" for tag, _ in parts.tags)
    assert "alert('out')" not in parts.texts["script"]
    assert parts.texts["title"] == HOSTILE
    assert parts.content()["sections"][0]["blocks"][0]["text"] == [HOSTILE]


def test_what_opens_is_packed() -> None:
    legs = legs_of([("initiator", "SEC_I_CONTINUE_NEEDED", NEGOTIATE), ("acceptor", "SEC_E_LOGON_DENIED", None)])
    parts = Parts(page("A title", sections(legs=legs)))
    cell = parts.content()["sections"][0]["blocks"][1]["rows"][0][1]
    (shown,) = parts.opened(cell["opens"])
    assert shown["kind"] == "exchange" and shown["legs"] == legs
    assert legs[0]["what"] == "NTLM NEGOTIATE" and legs[0]["size"] == 40
    assert {one["name"] for one in legs[0]["tree"]["fields"]} >= {"flags", "domain", "workstation", "version"}
    assert legs[1] == {"from": "acceptor", "status": "SEC_E_LOGON_DENIED"}


def test_many_chunks_find_their_entries() -> None:
    cells = [blocks.cell(str(number), opens=[blocks.text(f"{number} " + "x" * 2000)]) for number in range(300)]
    parts = Parts(page("A title", [Section("many", "Many", [blocks.table([], [[str(n), one] for n, one in enumerate(cells)])])]))
    rows = parts.content()["sections"][0]["blocks"][0]["rows"]
    assert len({row[1]["opens"][0] for row in rows}) > 2
    assert [parts.opened(row[1]["opens"])[0]["text"][0].split()[0] for row in rows] == [str(n) for n in range(300)]


def test_a_damaged_token_is_shown_as_far_as_it_goes() -> None:
    (leg,) = legs_of([("initiator", "", NEGOTIATE[:20])])
    assert any(one["name"] == "malformed" for one in leg["tree"]["fields"])


def test_numbers_beyond_what_a_script_can_hold_are_words() -> None:
    from sspi_conform.report.exchange import _exact

    assert _exact({"name": "n", "fields": [{"name": "a", "value": 2 ** 63}, {"name": "b", "value": 7}]})["fields"] == [
        {"name": "a", "value": str(2 ** 63)}, {"name": "b", "value": 7}]


def test_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "index.html"
    size = write_page(path, "A title", sections())
    assert path.stat().st_size == size and [one.name for one in path.parent.iterdir()] == ["index.html"]
    assert re.match(r"<!doctype html>\n<html", path.read_text())
