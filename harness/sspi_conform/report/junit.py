# SPDX-License-Identifier: Apache-2.0
"""junit.xml, for CI systems."""
from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..model import Result, Verdict
from .summary import Summary
from .terminal import result_lines

# XML 1.0 cannot carry most control characters, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPPED = (Verdict.UNSUPPORTED, Verdict.DISABLED, Verdict.KNOWN_FAILURE)


def write(path: Path, name: str, results: Sequence[Result], summary: Summary, repeats: Mapping[str, str]) -> None:
    """Write the file."""
    root = document(name, results, summary, repeats)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def document(name: str, results: Sequence[Result], summary: Summary,
             repeats: Mapping[str, str]) -> ElementTree.Element:
    """One suite per scenario. An unused known failure is a failing test of its own, so that CI sees it."""
    root = ElementTree.Element("testsuites", {"name": f"sspi-conform {name}"})
    by_scenario: dict[str, list[Result]] = {}
    for result in results:
        by_scenario.setdefault(result.case.scenario.id, []).append(result)
    for scenario, members in by_scenario.items():
        suite = ElementTree.SubElement(root, "testsuite", {
            "name": scenario, "tests": str(len(members)),
            "failures": str(sum(one.verdict is Verdict.FAIL for one in members)),
            "errors": str(sum(one.verdict is Verdict.ERROR for one in members)),
            "skipped": str(sum(one.verdict in _SKIPPED for one in members)),
            "time": f"{sum(one.seconds for one in members):.6f}"})
        for result in members:
            _add(suite, result, repeats.get(result.case.id, ""))
    if summary.unused:
        suite = ElementTree.SubElement(root, "testsuite", {
            "name": "known-failures", "tests": str(len(summary.unused)), "failures": str(len(summary.unused))})
        for entry in summary.unused:
            case = ElementTree.SubElement(suite, "testcase", {"classname": "known-failures",
                                                              "name": _clean(entry.entry.pattern.text)})
            ElementTree.SubElement(case, "failure", {"message": _clean(str(entry))})
    return root


def _add(suite: ElementTree.Element, result: Result, repeat: str) -> None:
    case = ElementTree.SubElement(suite, "testcase", {
        "classname": result.case.scenario.id, "name": result.case.id, "time": f"{result.seconds:.6f}"})
    lines = result_lines(result, repeat)
    if result.verdict in (Verdict.FAIL, Verdict.ERROR):
        tag = "failure" if result.verdict is Verdict.FAIL else "error"
        found = ElementTree.SubElement(case, tag, {"message": _clean(lines[0])})
        found.text = _clean("\n".join(lines))
    elif result.verdict in _SKIPPED:
        ElementTree.SubElement(case, "skipped", {"message": _clean(f"{result.verdict.label}: {result.reason}")})
        if result.differences:
            ElementTree.SubElement(case, "system-out").text = _clean("\n".join(lines))
    elif result.verdict is not Verdict.PASS:
        ElementTree.SubElement(case, "system-out").text = _clean("\n".join(lines))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
