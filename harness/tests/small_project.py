# SPDX-License-Identifier: Apache-2.0
"""A checkout with a handful of scenarios and captures, for tests of everything that reads them."""
from __future__ import annotations

import textwrap
from pathlib import Path

AXES = """\
axes:
  mechanisms:
    NTLM: {package: NTLM, mechanism: NTLM}
    Kerberos: {package: Kerberos, mechanism: Kerberos}
    Negotiate/NTLM: {package: Negotiate, mechanism: NTLM}
    Negotiate/Kerberos: {package: Negotiate, mechanism: Kerberos}
"""
SCENARIOS = """\
scenarios:
- id: bind
  title: Channel bindings on each side
  clause: ["MS-NLMP 3.2.5.1.2"]
  level: must
  severity: high
  vary:
    mechanism: {ref: $mechanisms, only: [NTLM, Kerberos]}
    acceptor: {none: {}, this: {acceptor.bindings: tls-server-end-point}}
  play: [establish, seal both ways]
- id: alone
  title: A first message
  clause: ["MS-NLMP 2.2.1.1"]
  level: should
  severity: low
  settings: {subject: initiator}
  play: [acquire, leg: {side: initiator}]
"""
SOURCES = """\
sources:
  fact.doc:
    fact: A page says so.
    confidence: documented
    citations: ['doc: page one']
    kind: trigger
    status: SEC_E_BAD_BINDINGS
    package: NTLM
    call: ASC
  fact.torn:
    fact: A page says so, another one does not.
    confidence: documented
    citations: ['doc: page two']
    contradictions: [Page three says the opposite.]
  fact.settled:
    fact: A page says so.
    confidence: documented
    citations: ['doc: page two']
    contradictions: [Page three says the opposite.]
    resolved: Page three was corrected.
  fact.test:
    fact: A test says so.
    confidence: asserted-by-test-on-windows
    citations: ['windows-test: somewhere']
  fact.seen:
    fact: A recording shows it.
    confidence: observed-in-capture
    citations: ['capture: file.pcap frame 7']
  fact.told:
    fact: Somebody saw it.
    confidence: observed-in-capture
    citations: ['issue-or-pr: somewhere#1']
  fact.thought:
    fact: It follows.
    confidence: inferred
    citations: ['doc: page four']
"""
RECORDS = """\
records:
- case: bind
  evidence: documented
  source: [fact.doc]
  expect: {acceptor.last.status: SEC_E_OK, initiator.last.status: SEC_E_OK}
- case: alone
  evidence: observed
  source: [fact.seen]
  expect: {initiator.leg.1.token: NTLM NEGOTIATE}
"""


def make(folder: Path, scenarios: str = SCENARIOS, records: str = RECORDS, sources: str = SOURCES) -> Path:
    """Write the checkout and return its root."""
    for name, text in (("Makefile", "# a checkout, no installation\n"), ("scenarios/axes.yaml", AXES), ("scenarios/some.yaml", scenarios),
                       ("captures/sources.yaml", sources), ("captures/some.yaml", records),
                       ("harness/implementations/mine.yaml", "name: mine\nlibrary: build/libmine.so\n"
                                                             "packages: [NTLM, Kerberos, Negotiate]\n")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def scenario(extra: str = "", play: str = "[establish]", name: str = "one") -> str:
    """A scenario file with one scenario on line 2; `extra` are further lines from line 7 on."""
    lines = ["scenarios:", f"- id: {name}", "  title: A title", "  clause: [MS-X 1]", "  level: must",
             "  severity: high"]
    lines += [f"  {line}" for line in textwrap.dedent(extra).splitlines()]
    return "\n".join([*lines, f"  play: {play}", ""])


def record(extra: str, case: str = "bind", expect: str = "{acceptor.last.status: SEC_E_OK}") -> str:
    """A capture file with one record on line 2; `extra` are further lines from line 3 on."""
    lines = ["records:", f"- case: '{case}'", *(f"  {line}" for line in textwrap.dedent(extra).splitlines())]
    return "\n".join([*lines, f"  expect: {expect}", ""])
