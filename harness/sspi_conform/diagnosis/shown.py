# SPDX-License-Identifier: Apache-2.0
"""What was diagnosed, for people and as JSON."""
from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..exchange.model import HTTP, LDAP, Status
from ..importing.shown import CURL_SAYS, unit_of
from ..model import Source
from ..tokens import ntlm
from .model import Diagnosed, Finding
from .view import View

WIDTH = 118
_HARMLESS = re.compile(r"[\w.@:/ $\\-]*")
_PORT = re.compile(r"(\[.*\]|[^:]*):[0-9]+\Z")  # behind a host, where it is no part of commands
_CITATIONS = 2  # `sspi-conform explain` shows all of a row


def lines(one: Diagnosed, view: View, sources: Mapping[str, Source], everything: bool) -> Iterator[str]:
    """An exchange: what goes wrong first, with causes; with `everything` what else was found, and notes."""
    yield _head(one)
    if not one.findings:
        yield from _wrapped(_nothing(one, view), 2)
    for number, finding in enumerate(one.findings if everything else one.findings[:1]):
        if number:
            yield "  further:"
        yield from _finding(finding, view, sources)
    if everything:
        for note in one.notes:
            yield from _note(note, view)
    elif len(one.findings) > 1 or one.notes:
        more = [_counted(max(len(one.findings) - 1, 0), "further finding"), _counted(len(one.notes), "note")]
        yield f"  ({', '.join(filter(None, more))}: --all)"


def summary(found: list[tuple[View, Diagnosed]]) -> str:
    """What was found how often, for a file with many exchanges."""
    counts = Counter(one.findings[0].text.id for _, one in found if one.findings)
    named = ", ".join(f"{name} {times}" for name, times in counts.most_common())
    return f"{len(found)} exchanges: " + (f"something is wrong in {counts.total()}: {named}" if counts else "nothing found")


def as_json(one: Diagnosed, view: View) -> dict[str, Any]:
    exchange = one.exchange
    outcome = exchange.outcome
    return {"exchange": exchange.number, "transport": exchange.transport, "legs": len(exchange.legs), "failed": one.failed,
            "outcome": None if outcome is None else {"kind": outcome.kind, "value": outcome.value, "name": outcome.name},
            "findings": [_finding_json(found, view) for found in one.findings],
            "notes": [_finding_json(found, view) for found in one.notes]}


def _finding_json(finding: Finding, view: View) -> dict[str, Any]:
    text, seen = finding.text, finding.seen
    blanks = _blanks(finding, view)
    return {"id": text.id, "title": text.title, "says": _filled(text.says, blanks), "leg": seen.place, "frame": seen.frame,
            "field": seen.field, "found": printable(seen.found), "expected": printable(seen.expected),
            "certain": seen.certain, "clause": text.clause, "sources": list(text.sources),
            "causes": [{"cause": _filled(one.cause, blanks), "check": _filled(one.check, _for_commands(blanks))} for one in text.causes],
            **({} if seen.certain else {"sure": _filled(text.sure, blanks)})}


def _head(one: Diagnosed) -> str:
    exchange, outcome = one.exchange, one.exchange.outcome
    way = f" {exchange.client or '?'} -> {exchange.server or '?'}" if exchange.client or exchange.server else ""
    port = f":{exchange.server_port}" if exchange.server_port else ""
    end = "the input ends before the outcome" if outcome is None else (
        f"{'success' if outcome.success else 'failed' if outcome.success is False else 'ends with'}: "
        f"{_named(outcome)}")
    legs = f", {_counted(len(exchange.legs), 'leg')}" if exchange.legs else ""
    return printable(f"exchange {exchange.number}: {exchange.transport}{way}{port}{legs}, {end}")


def _counted(number: int, what: str) -> str:
    """`3 legs`; empty for none."""
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def _named(outcome: Status) -> str:
    number = f"{outcome.value} " if outcome.kind in (HTTP, LDAP) else ""
    return f"{number}{outcome.name}" if outcome.name else f"{outcome.kind} 0x{outcome.value:x}"


def _nothing(one: Diagnosed, view: View) -> str:
    legs = _counted(len(one.exchange.legs), "leg") or "the messages to the KDC"
    if one.failed is False:
        return f"no divergence found in {legs}; outcome success"
    missing = [printable(text) for text in one.exchange.missing if not text.startswith(CURL_SAYS)]
    if one.failed is None:
        return f"no divergence found in {legs}; the outcome is not in the input" + (f" ({'; '.join(missing)})" if missing else "")
    return f"failed, and nothing here tells why; what would help: {'; '.join(_helps(view, missing))}"


def _helps(view: View, missing: list[str]) -> list[str]:
    """What to bring when nothing was found."""
    found = missing
    if view.authenticate is not None:
        found = found + ["the account's password or NT hash (--password, --nthash), so that proof and MIC can be verified"]
    if any(step.kind == "AP-REQ" for step in view.steps):
        found = found + ["the service's keytab (--keytab), so that ticket and authenticator can be opened"]
    if view.challenge is not None and view.authenticate is None:
        found = found + ["the client's answer to the CHALLENGE: a capture that goes on longer"]
    return found + ["the Security event log of the server (event 4625) or, with Samba, log level 5 of auth"]


def _finding(finding: Finding, view: View, sources: Mapping[str, Source]) -> Iterator[str]:
    text, seen = finding.text, finding.seen
    blanks = _blanks(finding, view)
    sure = "" if seen.certain else "Likely, not certain: "
    yield from _wrapped(f"{text.id}: {sure}{_filled(text.says, blanks)} {_where(finding, view)}{seen.field} is "
                        f"{printable(seen.found)}; Windows: {printable(seen.expected)} ({text.clause}).", 2)
    if not seen.certain and text.sure:
        yield from _wrapped(f"To be sure: {_filled(text.sure, blanks)}", 4)
    yield "    likely causes" + (", in this order" if len(text.causes) > 1 else "")
    for number, cause in enumerate(text.causes, 1):
        yield from _wrapped(f"{number}. {_filled(cause.cause, blanks)}", 6, 9)
        yield from _wrapped(f"check: {_filled(cause.check, _for_commands(blanks))}", 9, 11)
    for name in text.sources:
        source = sources.get(name)
        if source is not None:
            yield from _wrapped(f"evidence {source.id}: {source.fact}", 4, 6)
            yield from (f"      [{one['kind']}] {one['text']}" for one in source.citations[:_CITATIONS])


def _note(finding: Finding, view: View) -> Iterator[str]:
    text, seen = finding.text, finding.seen
    yield from _wrapped(f"note {text.id}: {_filled(text.says, _blanks(finding, view))} {_where(finding, view)}{seen.field} is "
                        f"{printable(seen.found)}; Windows: {printable(seen.expected)} ({text.clause}).", 2)


def _where(finding: Finding, view: View) -> str:
    seen = finding.seen
    frame = f"{unit_of(view.recording)} {seen.frame}" if seen.frame else ""
    leg = f"Leg {int(seen.place)}" if seen.place and seen.place == int(seen.place) else ""
    both = f"{leg} ({frame})" if leg and frame else leg or frame.capitalize()
    return f"{both}: " if both else ""


def _blanks(finding: Finding, view: View) -> dict[str, str]:
    exchange = view.exchange
    user = domain = ""
    if view.authenticate is not None and isinstance(view.authenticate.ntlm, ntlm.Authenticate):
        message = view.authenticate.ntlm
        user, domain = message.text(message.user), message.text(message.domain)
    standing = {"host": _PORT.sub(r"\1", view.about("host")) or exchange.server or "the server", "client": exchange.client or "the client",
                "server": exchange.server or "the server", "service": view.about("service") or "SERVICE",
                "port": str(exchange.server_port or "PORT"), "transport": exchange.transport, "user": user or "USER",
                "domain": domain or "DOMAIN", "url": _url(view)}
    return _Blanks({name: printable(value) for name, value in (standing | dict(finding.seen.blanks)).items()})


def _url(view: View) -> str:
    """What to give curl: requests name only the path."""
    path, host = view.about("url"), view.about("host") or view.exchange.server
    if "://" in path or not host:
        return path or "URL"
    return f"{'https' if view.is_tls else 'http'}://{host}{path}"


def _for_commands(blanks: dict[str, str]) -> dict[str, str]:
    """Commands are copied into shells: a name from the wire that is more than a name does not get into one."""
    return _Blanks({name: value for name, value in blanks.items() if _HARMLESS.fullmatch(value)})


class _Blanks(dict[str, str]):
    """A blank that a rule did not fill must not end a diagnosis."""

    def __missing__(self, key: str) -> str:
        return key.upper()


def _filled(template: str, blanks: dict[str, str]) -> str:
    return template.strip().format_map(blanks)


def _wrapped(text: str, indent: int, following: int | None = None) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * indent, break_on_hyphens=False, break_long_words=False,
                         subsequent_indent=" " * (indent + 2 if following is None else following))


def printable(text: str) -> str:
    """Names come from the wire: nothing in them may move a terminal's cursor."""
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


