# SPDX-License-Identifier: Apache-2.0
"""A certificate of libsspi itself: granted, verified with openssl, sha256sum and jq alone, refused to a faulty build."""
from __future__ import annotations

import re
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest

from sspi_conform import cli
from sspi_conform.certification import signature
from sspi_conform.mutation import faults, weave
from sspi_conform.project import open_project

ROOT = Path(__file__).resolve().parents[2]
PROFILE = "title: Test\nclaim: It announces.\nrequired: [cbt-announced, flag-common, 'protect[mechanism=NTLM]']\n"
FAULT = "krb-announce"  # an initiator that does not say that it knows of channel bindings
ANNOUNCED = "cbt-announced[mechanism=Kerberos]"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout with one small certification profile in the place of its own."""
    folder = tmp_path_factory.mktemp("suite")
    for name in ("Makefile", "scenarios", "captures", "build", "harness/implementations"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    (folder / "harness/certification").mkdir()
    (folder / "harness/certification/test.yaml").write_text(PROFILE)
    (folder / "product.yaml").write_text("name: libsspi\nversion: '0'\nvendor: Test\nplatform: Linux\n")
    signature.make_key(folder / "vendor")
    return folder


def certify(root: Path, out: str, *words: str) -> int:
    return cli.main(["--root", str(root), "certify", "--profile", "test", "--key", str(root / "vendor"), "--allow-dirty",
                     "--product", str(root / "product.yaml"), "--out", str(root / out), *words])


@pytest.fixture(scope="module")
def granted(root: Path) -> Path:
    assert certify(root, "bundle.tar") == 0
    return root / "bundle.tar"


def by_hand(bundle: Path, folder: Path, commands: str) -> subprocess.CompletedProcess[str]:
    """The commands of the page, in a folder with the bundle and what the signer publishes."""
    shutil.copy(bundle, folder / "bundle.tar")
    return subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def page() -> list[str]:
    """The blocks of commands for hands: with a key, with a certificate, a look at one case."""
    found = BLOCK.findall((ROOT / "harness/certification/README.md").read_text())
    assert len(found) == 3
    return found


def test_libsspi_is_certified_and_verified(root: Path, granted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--root", str(root), "verify", str(granted), "--key", str(root / "vendor.pub"),
                     "--file", str(ROOT / "build/libsspi.so")]) == 0
    assert "exit 0: verified" in capsys.readouterr().out
    assert cli.main(["--root", str(root), "verify", str(granted), "--file", str(ROOT / "build/libsspi-test.so")]) == 1
    assert "is no file that was judged" in capsys.readouterr().out


def test_a_build_for_tests_is_no_product(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert certify(root, "test.tar", "--impl", str(ROOT / "build/libsspi-test.so")) == 3
    assert "libsspi-test.so is a build for tests" in capsys.readouterr().err


def test_a_faulty_libsspi_is_refused(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    every = faults.load_faults(ROOT / "harness/mutants", ROOT, open_project(ROOT).cases)
    library = weave.build(ROOT, faults.choose(every, [FAULT]), tmp_path / "woven")
    text = (ROOT / "harness/implementations/libsspi.yaml").read_text().partition("known-failures:")[0]
    for name, environment in (("asleep", ""), (FAULT, f"{weave.VARIABLE}: {FAULT}, ")):
        profile = tmp_path / f"{name}.yaml"
        faulty = text.replace("build/libsspi.so", str(library)).replace("environment: {", "environment: {" + environment)
        profile.write_text(faulty)
        code = certify(root, f"{name}.tar", "--impl", str(profile))
        out = capsys.readouterr().out
        if name == "asleep":
            assert code == 0, out
        else:
            assert code == 1 and f"FAIL {ANNOUNCED}: " in out and "no bundle is written" in out
            assert not (root / f"{name}.tar").exists()


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed: ci/install-packages test")
def test_by_hand(root: Path, granted: Path, page: list[str], tmp_path: Path) -> None:
    shutil.copy(root / "vendor.pub", tmp_path / "vendor.pub")
    done = by_hand(granted, tmp_path, page[0])
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("  libsspi.so") and "required.json: OK" in done.stdout
    done = by_hand(granted, tmp_path, "tar -xf bundle.tar\n" + page[2])
    assert done.returncode == 0 and "binding" in done.stdout and "status" in done.stdout


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed: ci/install-packages test")
def test_by_hand_what_was_changed_is_seen(root: Path, granted: Path, page: list[str], tmp_path: Path) -> None:
    content = granted.read_bytes()
    for number, (name, old, new) in enumerate((
            ("SHA256SUMS", b"  results.json\n", b"  results.jsom\n"),
            ("results.json", b'"verdict":"pass"', b'"verdict":"FAIL"'),
            ("required.json", b'"binding":true', b'"binding":null'))):
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(root / "vendor.pub", folder / "vendor.pub")
        assert old in content
        (folder / "changed.tar").write_bytes(content.replace(old, new, 1))
        assert by_hand(folder / "changed.tar", folder, page[0]).returncode != 0, name


def test_by_hand_with_a_certificate(root: Path, page: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("vendor", "other"):
        words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name, "-out", f"{name}.crt",
                 "-subj", "/CN=Vendor", "-set_serial", "7"]
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert certify(root, "cms.tar", "--key", str(tmp_path / "vendor"), "--certificate", str(tmp_path / "vendor.crt")) == 0
    verify = ["--root", str(root), "verify", str(root / "cms.tar")]
    assert cli.main([*verify, "--certificate", str(tmp_path / "vendor.crt")]) == 0
    assert cli.main([*verify, "--key", str(tmp_path / "vendor.crt")]) == 0
    assert "signature     CMS" in capsys.readouterr().out
    assert cli.main([*verify, "--certificate", str(tmp_path / "other.crt")]) == 1
    assert cli.main([*verify, "--key", str(tmp_path / "other.crt")]) == 1
    assert "signed by another key" in capsys.readouterr().out
    assert by_hand(root / "cms.tar", tmp_path, f"tar -xf bundle.tar\n{page[1]}").returncode == 0
    shutil.copy(tmp_path / "other.crt", tmp_path / "vendor.crt")
    assert by_hand(root / "cms.tar", tmp_path, f"tar -xf bundle.tar\n{page[1]}").returncode != 0


def test_every_byte_of_a_cms_signature_counts(tmp_path: Path) -> None:
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key",
                    "-out", "crt", "-subj", "/CN=Vendor"], cwd=tmp_path, check=True, capture_output=True)
    signer = signature.signer(tmp_path / "key", tmp_path / "crt")
    good = signer.sign(b"content")
    now = datetime.now(timezone.utc)
    signature.check(signature.CMS, good, b"content", signer.public, now)
    for at in range(len(good)):
        with pytest.raises(signature.Malformed):
            signature.check(signature.CMS, good[:at] + bytes([good[at] ^ 1]) + good[at + 1:], b"content", signer.public, now)
