# SPDX-License-Identifier: Apache-2.0
"""The odd library, built once, and a probe that hosts it."""

import os
import pathlib
import subprocess

import pytest

from hosted import HERE, ROOT, Probe


@pytest.fixture(scope="session")
def fake(tmp_path_factory):
    given = os.environ.get("FAKE_SSPI")
    if given:
        return str(pathlib.Path(given).resolve())
    library = tmp_path_factory.mktemp("fake") / "libfake-sspi.so"
    subprocess.run(
        ["cc", "-std=gnu11", "-g", "-fPIC", "-shared", f"-I{ROOT}/impl/include", "-o", library, HERE / "fake_sspi.c"],
        check=True,
    )
    return str(library)


@pytest.fixture
def probe(fake):
    it = Probe(fake)
    assert it.acquire()["status"] == "0x00000000"
    yield it
    it.process.kill()
    it.process.communicate()
