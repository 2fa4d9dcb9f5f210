# SPDX-License-Identifier: Apache-2.0
"""The page of a diagnosis: it shows the finding and the legs, and nothing of it that should not be seen."""
from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

from sspi_conform import cli
from sspi_conform.exchange import file
from sspi_conform.exchange.model import CLIENT, HTTP, SERVER, Exchange, Leg, Recording, Status

NAME = "ann.of.the.customer.example"


def page(tmp_path: Path, *words: str) -> str:
    """The page's text with what is folded away in it."""
    refused = Status(HTTP, 401, "401 Unauthorized", False)
    one = Exchange(0, "HTTP", (Leg(CLIENT, None, 1), Leg(SERVER, None, 2, status=refused)), "0", NAME, "10.9.8.7", 80, refused,
                   about={"host": NAME, "schemes": "Basic", "url": "/<script>alert(1)</script>"})
    source = tmp_path / "one.exchanges.json"
    file.write(Recording("curl", "trace", "00" * 32, (one,), missing=("the rest",)), source)
    out = tmp_path / "page.html"
    assert cli.main(["diagnose", str(source), "--html", str(out), *words]) in (0, 1)
    text = out.read_text()
    folded = re.findall(r'<script type="[^"]*base64[^"]*"[^>]*>([^<]*)', text) or re.findall(r">([A-Za-z0-9+/=]{40,})<", text)
    return text + "".join(json.dumps(json.loads(zlib.decompress(base64.b64decode(one)))) for one in folded)


def test_what_was_found_and_no_name(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert "1 exchange, something wrong in" in text and "missing" not in text.partition("Where this")[0]
    assert "HTTP" in text and NAME not in text and "10.9.8.7" not in text
    assert "<script>alert" not in text.partition("Where this")[0].partition("chunks")[0]


def test_as_it_was_on_demand(tmp_path: Path) -> None:
    assert NAME in page(tmp_path, "--no-redact")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    source = tmp_path / "one.json"
    file.write(Recording("curl", "trace", "", ()), source)
    (tmp_path / "file").write_text("")
    assert cli.main(["diagnose", str(source), "--html", str(tmp_path / "file" / "page.html")]) == 3
