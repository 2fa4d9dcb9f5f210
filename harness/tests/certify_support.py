# SPDX-License-Identifier: Apache-2.0
"""What tests of certificates share: a small suite under git, a product, keys, and somebody who signs what is not so."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import small_project

from sspi_conform import cli
from sspi_conform.certification import archive, bundle, canonical, signature
from sspi_conform.certification.carried import judge_again
from sspi_conform.commands import certify
from sspi_conform.model import CallRecord, Case, Trace

GOOD = {"acceptor.last.status": "SEC_E_OK", "acceptor.leg.1.token": "NTLM CHALLENGE", "initiator.leg.1.token": "NTLM NEGOTIATE"}
PRODUCT = "name: Small Library\nversion: '1.0'\nvendor: Somebody\nplatform: Linux\n"
PROFILES = {
    "all": "title: Everything\nclaim: It does everything.\nrequired: ['*']\n",
    "bindings": "title: Bindings\nclaim: It binds.\nrequired: [bind]\n"
                "excluded: [{case: 'bind[mechanism=Kerberos]', reason: Another package.}]\n",
}
Engine = Callable[..., Iterator[tuple[Case, Trace]]]


def suite(folder: Path, profiles: dict[str, str] = PROFILES, **content: str) -> Path:
    """A small checkout with certification profiles, a library and a commit."""
    root = small_project.make(folder, **content)
    for name, text in profiles.items():
        path = root / "harness" / "certification" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "Makefile").write_text("")
    (root / "build").mkdir()
    for name in ("libmine.so", "sspi-probe"):
        (root / "build" / name).write_bytes(b"\x7fELF " + name.encode())
    (root / "product.yaml").write_text(PRODUCT)
    commit(root)
    return root


def commit(root: Path) -> None:
    for words in (["init", "-q"], ["add", "scenarios", "captures", "harness"], ["commit", "-qm", "A suite"]):
        subprocess.run(["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.com", *words], check=True)


def engine(special: dict[str, Any] | None = None) -> Engine:
    """An engine under which every case does what is expected, but for those in `special`."""
    def play(cases: Sequence[Case], options: Any, ready: Callable[[Any], None]) -> Iterator[tuple[Case, Trace]]:
        ready(None)
        for case in cases:
            request = {"call": "AcquireCredentialsHandle", "identity": {"User": "alice", "Password": "Alice-knows-7"}}
            trace = Trace(calls=[CallRecord("initiator", request, {})], seconds=0.5)
            found = (special or {}).get(case.id, GOOD)
            if isinstance(found, dict):
                trace.observed = dict(found)
            else:
                trace.ended = found
            yield case, trace
    return play


def certified(root: Path, profile: str = "all", *words: str, engine: Engine = engine(), out: str = "bundle.tar") -> int:
    """The exit code of certify; the bundle, if any, is root/`out`."""
    key = root / "key.pem"
    if not key.exists():
        signature.make_key(key)
    arguments = ["--root", str(root), "certify", "--impl", "mine", "--profile", profile, "--key", str(key), "--product",
                 str(root / "product.yaml"), "--out", str(root / out), *words]
    found = cli.parser().parse_args(arguments)
    found.root = found.root.resolve()
    return certify.run(found, engine)


def verified(root: Path, path: Path | str = "bundle.tar", *words: str) -> int:
    return cli.main(["--root", str(root), "verify", str(root / path), *words])


def members(path: Path) -> dict[str, bytes]:
    return {name: content for name, (_, content) in archive.unpack(path.read_bytes()).items()}


def signed_again(path: Path, content: dict[str, bytes], key: Path) -> None:
    """The members in a bundle with right hashes and a right signature."""
    signer = signature.signer(key, None)
    rest = {name: data for name, data in content.items() if name in bundle.CONTENT} | {"signer.pem": signer.public}
    listed = bundle.sums(rest)
    path.write_bytes(archive.pack(rest | {bundle.SUMS: listed, signer.member: signer.sign(listed)}))


def made_up(path: Path, change: Callable[[dict[str, Any]], None], key: Path) -> None:
    """A bundle whose documents were changed and everything that follows from them made anew: counts, results, junit, report."""
    old = members(path)
    documents = {name: json.loads(old[name]) for name in bundle.DOCUMENTS}
    change(documents)
    required = documents["required.json"]
    judged = judge_again(required["cases"], documents["observations.json"]["cases"])
    documents["statement.json"] |= bundle.counted(required, judged)
    signed_again(path, {name: canonical.dump(documents[name]) for name in bundle.DOCUMENTS}
                 | bundle.derived(documents, judged), key)
