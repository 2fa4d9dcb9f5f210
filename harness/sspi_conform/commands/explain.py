# SPDX-License-Identifier: Apache-2.0
"""explain: a status or a flag, by name or number; or a case."""
from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from typing import Any

from .. import flags, statuses
from ..model import Case, ConformError, Matcher, Source
from ..project import Project, open_project
from ..yamlfile import did_you_mean, nearest
from . import show

_EPILOG = """\
examples:
  sspi-conform explain SEC_E_BAD_BINDINGS      a status; also 0x80090346, -2146892986 or BAD_BINDINGS
  sspi-conform explain INTEGRITY               a flag, as ISC and as ASC number it; also ASC_REQ_INTEGRITY
  sspi-conform explain 0x0002001c              a mask, as each function reads it
  sspi-conform explain 'denied[package=NTLM,account=normal]'"""
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|-?[0-9]+")
_MANY = 12


def add(commands: Any) -> None:
    parser = commands.add_parser("explain", help="what a status or flag means, when it comes, which cases show it",
                                 epilog=_EPILOG, description="Explains a status, a flag, a mask or a case.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topic", metavar="STATUS|FLAG|CASE", help="a name, a number or a case id")
    parser.add_argument("--all", action="store_true", help="every case, not the first dozen")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    project = open_project(options.root, allow_unjudged=True)
    print("\n".join(lines(project, options.topic, options.all)))
    return 0


def lines(project: Project, topic: str, everything: bool = False) -> list[str]:
    """The explanation of a topic."""
    if _NUMBER.fullmatch(topic):
        return _number(project, int(topic, 0) & 0xFFFFFFFF, everything)
    status = statuses.named(topic)
    if status is not None:
        return _status(project, status, everything)
    name = _flag_name(topic)
    if name is not None:
        return _flag(project, name, everything)
    if topic.partition("[")[0] in {case.scenario.id for case in project.cases}:
        case = project.one(topic)
        return show.lines(case, project.captures.of(case))
    names = [one.name for one in statuses.STATUSES] + [prefix + name for prefix in flags.PREFIXES
                                                       for name in flags.names(prefix)]
    near = nearest(topic, names) or nearest(topic, [case.id for case in project.cases])
    raise ConformError(f"'{topic}' is no status, flag or case", "",
                       did_you_mean(topic, near) if near else "'sspi-conform explain --help' has examples.")


def _status(project: Project, status: statuses.Status, everything: bool) -> list[str]:
    text = [f"{status.name}  0x{status.number:08x}  ({_signed(status.number)})", f"  {status.meaning}"]
    if status.remark:
        text.append(f"  {status.remark}")
    text += _sources(project, "What is written about it", lambda one: one.fields.get("name") == status.name)
    text += _sources(project, "When Windows returns it", lambda one: one.fields.get("status") == status.name)
    text += _cases(project, "Cases that expect it", everything,
                   lambda path, matcher: path.endswith(".status") and _mentions(matcher, status.name))
    return text


def _flag(project: Project, name: str, everything: bool) -> list[str]:
    text = [name]
    numbers = {}
    for prefix in flags.PREFIXES:
        flag = next((one for one in flags.of(prefix) if one.name == name), None)
        if flag is not None:
            numbers[prefix] = flags.number(prefix, flag)
            text.append(f"  {prefix}{name:<24} 0x{numbers[prefix]:08x}  {flag.meaning}")
    if len(set(numbers.values())) > 1:
        text.append("  The numbers differ between functions: a mask must be read with the right prefix.")
    wanted = {prefix + name for prefix in flags.PREFIXES}
    text += _sources(project, "What is written about it", lambda one: one.fields.get("name") in wanted)
    asking = [case for case in project.cases if name in [*case.settings["initiator"]["flags"],
                                                         *case.settings["acceptor"]["flags"]]]
    text += _case_list("Cases that ask for it", asking, everything)
    text += _cases(project, "Cases that expect something of it", everything,
                   lambda path, matcher: path.endswith(".attributes") and _mentions(matcher, name))
    return text


def _number(project: Project, number: int, everything: bool) -> list[str]:
    text: list[str] = []
    status = statuses.numbered(number)
    if number == 0x80100003:
        text += [f"0x{number:08x} is SCARD_E_INVALID_HANDLE of the smart card functions, not an SSPI status. Some pages "
                 "print it beside SEC_E_INVALID_HANDLE by mistake:", ""]
        status = statuses.named("SEC_E_INVALID_HANDLE")
    if status is not None:
        text += _status(project, status, everything)
    elif number >> 30:
        text.append(f"0x{number:08x} is no status that SSPI documents")
    if number and not number >> 31:
        text += ["", f"0x{number:08x} as a mask"] if text else [f"0x{number:08x} as a mask"]
        text += [f"  {prefix:<9} {' | '.join(flags.split(prefix, number))}" for prefix in flags.PREFIXES]
    return text


def _flag_name(topic: str) -> str | None:
    word = topic.upper()
    for prefix in flags.PREFIXES:
        word = word.removeprefix(prefix)
    return word if any(flags.is_known(prefix, word) for prefix in flags.PREFIXES) else None


def _sources(project: Project, title: str, wanted: Callable[[Source], bool]) -> list[str]:
    found = [source for source in project.captures.sources.values() if wanted(source)]
    if not found:
        return []
    text = ["", title]
    for source in found:
        place = " ".join(source.fields[key] for key in ("package", "call") if key in source.fields)
        text.append(f"  {source.evidence}{': ' + place if place else ''}")
        text += show.source_lines(source, " " * 4)
    return text


def _cases(project: Project, title: str, everything: bool, wanted: Callable[[str, Matcher], bool]) -> list[str]:
    found = []
    for case in project.cases:
        paths = project.captures.of(case).paths
        if any(wanted(path, matcher) for path, one in paths.items() for group in one.alternatives for matcher in group):
            found.append(case)
    return _case_list(title, found, everything)


def _case_list(title: str, cases: list[Case], everything: bool) -> list[str]:
    text = ["", f"{title}: {len(cases) or 'none'}"]
    text += [f"  {case.id}" for case in (cases if everything else cases[:_MANY])]
    if len(cases) > _MANY and not everything:
        text.append(f"  ... and {len(cases) - _MANY} more (--all)")
    return text


def _mentions(matcher: Matcher, name: str) -> bool:
    values: Iterable[Any] = matcher.value if isinstance(matcher.value, (list, tuple)) else (matcher.value,)
    return name in values or name in matcher.excludes


def _signed(number: int) -> int:
    return number - (1 << 32) if number >> 31 else number
