# SPDX-License-Identifier: Apache-2.0
"""The members of a bundle. Results, junit and report are made of the others, so that whoever has these can make them again."""
from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ..model import ConformError
from ..report import junit, results
from ..report.summary import Summary, as_json, summarise
from . import archive, canonical
from .carried import Judged
from .signature import Signer

SCHEMA = 1
KIND = "sspi-conform certificate"
SUMS = "SHA256SUMS"
DOCUMENTS = ("configuration.json", "known-failures.json", "not-run.json", "observations.json", "required.json",
             "statement.json")
DERIVED = ("junit.xml", "report.txt", "results.json")
SIGNER = "signer.pem"
CONTENT = tuple(sorted((*DOCUMENTS, *DERIVED, SIGNER)))
_DATE = "%Y-%m-%dT%H:%M:%SZ"
# Of a summary, what the observations tell; the rest is about time and the machine.
_COUNTED = ("cases", "verdicts", "mechanisms", "expectations", "exit", "meaning")


def now() -> str:
    return datetime.now(timezone.utc).strftime(_DATE)


def date_of(text: str) -> datetime:
    """A date as a statement writes it; ValueError for anything else."""
    return datetime.strptime(text, _DATE).replace(tzinfo=timezone.utc)


def statement(facts: Mapping[str, Any], required: Mapping[str, Any], judged: Judged) -> dict[str, Any]:
    """What the signer states: `facts` are date, product, implementation and suite."""
    return {"schema": SCHEMA, "kind": KIND, **facts, **counted(required, judged)}


def counted(required: Mapping[str, Any], judged: Judged) -> dict[str, Any]:
    """What a statement says that can be counted again."""
    summary = _summary(judged)
    return {"profile": required["profile"]["name"], "verdicts": dict(summary.verdicts),
            "required_set": {"sha256": canonical.digest(canonical.dump(required)), "cases": len(required["cases"]),
                             "binding_expectations": summary.binding.held + summary.binding.differ}}


def _summary(judged: Judged) -> Summary:
    return summarise(judged.results, judged.captures, (), None, 0.0)


def derived(documents: Mapping[str, Any], judged: Judged) -> dict[str, bytes]:
    """results.json, junit.xml and the report."""
    stated = documents["statement.json"]
    summary = _summary(judged)
    numbers = as_json(summary)
    content = {
        "schema": results.SCHEMA,
        "suite": {"commit": stated["suite"]["commit"] + ("" if stated["suite"]["clean"] else "+")},
        "implementation": {"name": stated["implementation"]["name"]},
        "summary": {name: numbers[name] for name in _COUNTED},
        "cases": [results.case_entry(one, {}) for one in judged.results],
    }
    root = junit.document(stated["implementation"]["name"], judged.results, summary, {})
    ElementTree.indent(root)
    return {
        "results.json": canonical.dump(content),
        "junit.xml": ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n",
        "report.txt": ("\n".join(_report(documents, content)) + "\n").encode(),
    }


def _report(documents: Mapping[str, Any], content: Mapping[str, Any]) -> list[str]:
    """The certificate for people."""
    stated, profile = documents["statement.json"], documents["required.json"]["profile"]
    product, suite, required = stated["product"], stated["suite"], stated["required_set"]
    lines = [f"Certificate: {profile['title']} ({profile['name']})", "", profile["claim"], "",
             f"Product         {product['name']} {product['version']}, {product['vendor']}, for {product['platform']}",
             *(f"Judged          {file['name']}  sha256 {file['sha256']}" for file in stated["implementation"]["files"]),
             f"Suite           {suite['version']}, commit {suite['commit'] or 'none'}"
             + ("" if suite["clean"] else ", CHANGED SINCE: " + ", ".join(suite["changed"])),
             f"Required set    {required['cases']} cases, {required['binding_expectations']} binding expectations, "
             f"sha256 {required['sha256']}",
             f"Date            {stated['date']}",
             "Result          " + ", ".join(f"{number} {verdict}" for verdict, number in stated["verdicts"].items())]
    if stated["implementation"]["adapter"]:
        lines.append("Remark          through an adapter: statuses are its choice, not the library's own")
    lines += ["", "Not played"]
    lines += _reasons(documents["not-run.json"]["not_required"])
    lines += ["", "Of these the implementation does not support"] + _reasons(documents["not-run.json"]["unsupported"])
    lines += ["", "Known failures of the implementation, outside of the required set"]
    lines += [f"  {len(one['cases']):>5}  {one['reason']}" for one in documents["known-failures.json"]["entries"]] or ["      0"]
    return [*lines, "", "Required cases", *(f"  {one['verdict']}  {one['id']}  ({one['evidence']})" for one in content["cases"])]


def _reasons(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"  {len(row['cases']):>5}  {row['why']}" for row in rows] or ["      0"]


def sums(members: Mapping[str, bytes]) -> bytes:
    """SHA256SUMS, as sha256sum(1) writes it."""
    return "".join(f"{canonical.digest(members[name])}  {name}\n" for name in sorted(members)).encode()


def pack(documents: Mapping[str, Any], judged: Judged, signer: Signer, secrets: Sequence[str]) -> bytes:
    """The signed bundle. ConformError when a member holds one of the secrets."""
    members = {name: canonical.dump(documents[name]) for name in DOCUMENTS}
    members |= derived(documents, judged) | {SIGNER: signer.public}
    for name, content in members.items():
        if any(secret.encode() in content for secret in secrets):
            raise ConformError(f"{name} would hold a secret, so no bundle is written", "", "This is a fault of the suite.")
    members[SUMS] = sums(members)
    members[signer.member] = signer.sign(members[SUMS])
    return archive.pack(members)
