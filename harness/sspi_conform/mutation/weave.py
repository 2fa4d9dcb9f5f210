# SPDX-License-Identifier: Apache-2.0
"""Weaves faults into a copy of libsspi's sources: each sleeps until LIBSSPI_FAULT names it.

The sources of the product know nothing of this. Lines keep their numbers, so that a compiler's complaint about a
fault names the line of the original.
"""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..model import ConformError
from .faults import Fault

VARIABLE = "LIBSSPI_FAULT"
_HEADER = """\
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SSPI_FAULT
extern int sspi_fault;
#define SSPI_FAULT(number) __builtin_expect(sspi_fault == (number), 0)
#endif
"""
_SOURCE = """\
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {{{names}}};
int sspi_fault = -1;

__attribute__((constructor)) static void choose(void)
{{
    const char *wanted = getenv("{variable}");
    if (!wanted)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], wanted) == 0)
            sspi_fault = (int)i;
    if (sspi_fault < 0)
        abort(); /* a fault that sleeps on must not look like one that nobody noticed */
}}
"""


@dataclass
class _Span:
    """A stretch of a source text, the faults that replace it, and the spans inside."""

    start: int
    end: int
    faults: list[tuple[int, Fault]] = field(default_factory=list)
    inner: list[_Span] = field(default_factory=list)


def build(root: Path, faults: Sequence[Fault], folder: Path) -> Path:
    """The faulty libsspi.so in `folder`; what did not change since the last time is not compiled again."""
    for part in ("impl", "harness/probe", "harness/adapters"):
        _mirror(root / part, folder / part)
    _write(folder / "Makefile", (root / "Makefile").read_text())
    numbered: dict[str, list[tuple[int, Fault]]] = {}
    for number, fault in enumerate(faults):
        numbered.setdefault(fault.file, []).append((number, fault))
    for path in sorted((root / "impl" / "src").rglob("*.[ch]")):
        name = str(path.relative_to(root))
        _write(folder / name, woven(path.read_text(), numbered.pop(name, [])))
    for (_, fault), *_ in numbered.values():
        raise ConformError(f"there is no source {fault.file}", fault.source, "Name a .c file below impl/src.")
    _write(folder / "fault.h", _HEADER)
    names = ", ".join(f'"{fault.name}"' for fault in faults)
    _write(folder / "impl" / "src" / "fault.c", _SOURCE.format(names=names, variable=VARIABLE))
    made = subprocess.run(["make", "-s", "-C", str(folder), f"-j{os.cpu_count() or 1}", "WARNINGS=-std=gnu11 -w",
                           "CFLAGS=-O1 -g -include fault.h", "all"], capture_output=True, text=True)
    if made.returncode:
        raise ConformError("libsspi with faults does not build", "", made.stderr[-3000:])
    return folder / "build" / "libsspi.so"


def woven(text: str, faults: Sequence[tuple[int, Fault]]) -> str:
    """A source text with its faults. Spans may be equal or nested, but must not cross."""
    top = _Span(0, len(text))
    for number, fault in faults:
        _insert(top, *_place(text, fault), (number, fault))
    return _render(text, top)


def _place(text: str, fault: Fault) -> tuple[int, int]:
    begin = 0
    if fault.after:
        if text.count(fault.after) != 1:
            raise ConformError(f"{fault.file} has the text of 'after' {text.count(fault.after)} times, not once",
                               fault.source, "Give more of it.")
        begin = text.index(fault.after) + len(fault.after)
    elif text.count(fault.replace) > 1:
        raise ConformError(f"{fault.file} has the text of 'replace' {text.count(fault.replace)} times", fault.source,
                           "Give more of it, or say behind which text it stands (after: ...).")
    start = text.find(fault.replace, begin)
    if start < 0:
        raise ConformError(f"{fault.file} does not have the text of 'replace'", fault.source,
                           "The source has changed: adapt the fault.")
    return start, start + len(fault.replace)


def _insert(span: _Span, start: int, end: int, fault: tuple[int, Fault]) -> None:
    for inner in span.inner:
        if (inner.start, inner.end) == (start, end):
            inner.faults.append(fault)
            return
        if inner.start <= start and end <= inner.end:
            _insert(inner, start, end, fault)
            return
        if start < inner.end and inner.start < end and not (start <= inner.start and inner.end <= end):
            raise ConformError(f"the texts of '{fault[1].name}' and '{inner.faults[0][1].name}' overlap",
                               fault[1].source, "Let one contain the other, or none of it.")
    inside = [inner for inner in span.inner if start <= inner.start and inner.end <= end]
    span.inner = [inner for inner in span.inner if inner not in inside] + [_Span(start, end, [fault], inside)]


def _render(text: str, span: _Span) -> str:
    parts, at = [], span.start
    for inner in sorted(span.inner, key=lambda one: one.start):
        parts += [text[at:inner.start], _render(text, inner)]
        at = inner.end
    made = "".join([*parts, text[at:span.end]])
    for number, fault in span.faults:
        by = " ".join(fault.by.split("\n"))
        if fault.kind == "statement":
            made = f"{{ if (SSPI_FAULT({number})) {{ {by} }} else {{ {made} }} }}"
        else:
            made = f"(SSPI_FAULT({number}) ? ({by}) : ({made}))"
    return made


def _mirror(source: Path, target: Path) -> None:
    """A copy without the sources of libsspi, which are woven; what vanished vanishes there too."""
    kept = set()
    for path in source.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            kept.add(path.relative_to(source))
            if "src" not in path.relative_to(source).parts:
                _write_bytes(target / path.relative_to(source), path.read_bytes())
    for path in target.rglob("*") if target.exists() else ():
        if path.is_file() and path.relative_to(target) not in kept and path.name != "fault.c":
            path.unlink()


def _write(path: Path, text: str) -> None:
    _write_bytes(path, text.encode())


def _write_bytes(path: Path, content: bytes) -> None:
    """Only when it differs: make goes by the time of change."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def clean(folder: Path) -> None:
    """Forget a faulty build."""
    shutil.rmtree(folder, ignore_errors=True)
