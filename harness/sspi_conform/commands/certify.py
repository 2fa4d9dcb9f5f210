# SPDX-License-Identifier: Apache-2.0
"""certify: play what a claim needs, and sign what came of it when all of it passed."""
from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..certification import bundle, facts, profile, signature, verifying
from ..certification.carried import judge_again, observation, required_set
from ..model import Case, ConformError, Result, Verdict
from ..profiles import Profile
from ..project import BUILD, Project, open_project
from ..report import detail
from ..report.terminal import Printer, result_lines
from . import run as run_command

_EPILOG = """\
examples:
  sspi-conform certify --list                          the profiles: what each claims, and how many cases it needs
  sspi-conform certify --list --profile acceptor       the cases of one, and those that certify nothing
  sspi-conform certify --make-key vendor.key           an Ed25519 key; vendor.key.pub is for those who verify
  sspi-conform certify --impl libsspi --profile extended-protection --key vendor.key --product product.yaml
  sspi-conform certify ... --key ca.key --certificate ca.crt      a CMS signature instead, with an RSA or EC key

The bundle is written when every required case is a pass, and never else. Beside it, granted or refused, is a folder with
a page that shows every case. What is in a bundle, and how to verify it by hand: harness/certification/README.md.
Exit: 0 granted, 1 refused (every case is named), 2 the harness broke, 3 wrong usage or bad input."""


def add(commands: Any) -> None:
    parser = commands.add_parser("certify", help="a signed certificate for a profile, or why not", epilog=_EPILOG,
                                 description="Plays every case that a certification profile requires and writes a signed bundle.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--impl", metavar="NAME|PATH", default="libsspi",
                        help="a profile of harness/implementations, a profile file or a library (default libsspi)")
    parser.add_argument("--profile", metavar="P", help="what is certified: a profile of harness/certification")
    parser.add_argument("--key", metavar="FILE", type=Path, help="the private key that signs: PEM, Ed25519")
    parser.add_argument("--certificate", metavar="FILE", type=Path, help="its certificate: PEM, RSA or EC, for a CMS signature")
    parser.add_argument("--product", metavar="FILE", type=Path, help="YAML with name, version, vendor and platform")
    parser.add_argument("--file", metavar="FILE", type=Path, action="append", default=[],
                        help="one more file of the implementation, where its profile does not name it")
    parser.add_argument("--out", metavar="BUNDLE", type=Path, help="where to write (default build/certificates/IMPL-PROFILE.tar)")
    parser.add_argument("--build", metavar="DIR", default=BUILD,
                        help="the build whose probe and libsspi are used (default build)")
    parser.add_argument("--jobs", metavar="N", type=int, default=0, help="pipelines side by side (default: cores)")
    parser.add_argument("--allow-dirty", action="store_true",
                        help="although the suite was changed since its commit; the bundle says so")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--list", action="store_true", help="the profiles, or the cases of --profile")
    parser.add_argument("--make-key", metavar="FILE", type=Path, help="make an Ed25519 key and its public half FILE.pub")
    # What `run` leaves open is settled here: the independent peer on the other side, no build of Windows alone.
    parser.set_defaults(command=run, peer="default", strict=False, windows=None, verbose=False)


def run(options: argparse.Namespace, engine: run_command.Engine | None = None) -> int:
    if options.make_key:
        public = signature.make_key(options.make_key)
        print(f"{options.make_key} signs, keep it; {public} is for those who verify:\n"
              f"  {signature.fingerprint(signature.public_key(public))}")
        return 0
    project = open_project(options.root)
    if options.list:
        return _list(project, options)
    for name, advice in (("profile", f"One of {', '.join(profile.names(project.root))}; --list tells of them."),
                         ("key", "`sspi-conform certify --make-key FILE` makes one.")):
        if getattr(options, name) is None:
            raise ConformError(f"--{name} is missing", "", advice)
    return _certify(project, options, engine)


def _certify(project: Project, options: argparse.Namespace, engine: run_command.Engine | None) -> int:
    wanted = profile.find(options.profile, project)
    stated = {"product": facts.product(options.product), "suite": facts.suite(project.root, options.allow_dirty)}
    signer = signature.signer(options.key, options.certificate)
    implementation = project.profile(options.impl, options.build)
    stated["implementation"] = facts.implementation(implementation, project.root, options.file)
    name = f"{implementation.name}-{wanted.name}"
    folder = project.output_folder / "certificates" / name
    detail.prepare(folder)
    one = run_command.Run(project, implementation, options)
    one.draw()
    printer = Printer(sys.stderr, len(wanted.required), quiet=options.json or not sys.stderr.isatty())
    printer.notice(run_command.forecast(implementation, wanted.required, options))
    one.play(wanted.required, printer, engine)
    if one.interrupted:
        print("exit 2: interrupted, so nothing is certified", file=sys.stderr)
        return 2
    found = {result.case.id for result in one.results}
    page = run_command.write_report(one, [case for case in wanted.required if case.id in found], folder)[0].page
    out = options.out or folder.parent / f"{name}.tar"
    refused = _refused(wanted.required, one.results)
    if refused:
        return _refuse(wanted, refused, one, page, out)
    if facts.implementation(implementation, project.root, options.file) != stated["implementation"] \
            or facts.suite(project.root, options.allow_dirty) != stated["suite"]:
        raise ConformError("the implementation or the suite changed while it was judged", "", "Certify again.")
    content = _bundle(project, wanted, implementation, one.results, stated, signer)
    wrong = verifying.verify(content, lambda: project).findings
    if wrong:
        print(f"exit 2: the bundle would not verify, so none is written: {wrong[0]}", file=sys.stderr)
        return 2
    _write(out, content)
    return _grant(wanted, out, len(content), signer, page, options.json)


def _refused(required: Sequence[Case], results: Sequence[Result]) -> list[Result]:
    """What stands against a certificate: every required case that is not a pass, played or not."""
    found = {result.case.id: result for result in results}
    every = [found.get(case.id, Result(case, Verdict.ERROR, reason="it was not played")) for case in required]
    return [result for result in every if result.verdict is not Verdict.PASS]


def _refuse(wanted: profile.Certification, refused: Sequence[Result], one: run_command.Run, page: str,
            out: Path) -> int:
    sentence = f"refused: {len(refused)} of the {len(wanted.required)} cases that '{wanted.name}' requires are not a pass"
    if one.options.json:
        _print({"granted": False, "profile": wanted.name, "required": len(wanted.required), "page": page, "refused": [
            {"id": result.case.id, "verdict": result.verdict.label, "reason": result.reason, "repeat": one.repeat(result.case),
             "differences": [{"path": row.path, "expected": row.expected, "actual": row.actual, "evidence": row.evidence}
                             for row in result.differences]} for result in refused]})
    else:
        for result in refused:
            print("\n".join(result_lines(result, one.repeat(result.case))))
        print(f"Page: {page}\nexit 1: {sentence}; no bundle is written"
              + (f" ({out} is an older one)" if out.exists() else ""))
    return 1


def _bundle(project: Project, wanted: profile.Certification, implementation: Profile, results: Sequence[Result],
            stated: dict[str, Any], signer: signature.Signer) -> bytes:
    required = required_set(wanted, project.captures)
    seen = {}
    for result in results:
        assert result.trace is not None
        seen[result.case.id] = observation(result.trace, project.captures.of(result.case), result.case)
    judged = judge_again(required["cases"], seen)
    unsupported = {case.id: why for case in project.cases if case.id in wanted.left_out
                   and (why := implementation.why_unsupported(case))}
    documents = {
        "required.json": required, "observations.json": {"cases": seen},
        "not-run.json": facts.not_run(wanted.left_out, unsupported),
        "known-failures.json": {"entries": facts.known_failures(implementation, project.cases)},
        "configuration.json": facts.configuration(implementation),
        "statement.json": bundle.statement({"date": bundle.now(), **stated}, required, judged),
    }
    return bundle.pack(documents, judged, signer, facts.secrets(implementation))


def _write(out: Path, content: bytes) -> None:
    """The bundle, whole or not at all."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        new = out.with_name(f"{out.name}.new")
        new.write_bytes(content)
        os.replace(new, out)
    except OSError as error:
        raise ConformError(f"cannot write {out}: {error.strerror}", "", "Give another place: --out.") from error


def _grant(wanted: profile.Certification, out: Path, size: int, signer: signature.Signer, page: str,
           as_json: bool) -> int:
    name = signature.fingerprint(signature.spki_of(signer.public))
    if as_json:
        _print({"granted": True, "profile": wanted.name, "required": len(wanted.required), "page": page, "refused": [],
                "bundle": str(out), "signer": name})
        return 0
    print(f"{wanted.title}: {wanted.claim}\n{out}: {size} bytes, signed by {name}\nPage: {page}")
    print(f"exit 0: granted, each of the {len(wanted.required)} cases that '{wanted.name}' requires is a pass")
    return 0


def _list(project: Project, options: argparse.Namespace) -> int:
    """The profiles, or one of them case by case."""
    found = [profile.find(name, project) for name in ([options.profile] if options.profile else profile.names(project.root))]
    if options.json:
        _print({"profiles": [{
            "name": one.name, "title": one.title, "claim": one.claim, "required": [case.id for case in one.required],
            "left_out": facts.not_run(one.left_out, {})["not_required"]} for one in found]})
        return 0
    for one in found:
        reasons = facts.not_run(one.left_out, {})["not_required"]
        if options.profile:
            print("\n".join(case.id for case in one.required))
            for row in reasons:
                if row["why"] != profile.NOT_REQUIRED:
                    print("\n".join([f"\n{row['why']}", *(f"  {name}" for name in row["cases"])]))
            continue
        print(f"{one.name}: {len(one.required)} cases\n  {one.claim}")
        for row in reasons:
            if row["why"] != profile.NOT_REQUIRED:
                print(f"    {len(row['cases'])} {row['why']}")
    return 0


def _print(content: dict[str, Any]) -> None:
    print(json.dumps({"schema": 1, **content}, indent=1))
