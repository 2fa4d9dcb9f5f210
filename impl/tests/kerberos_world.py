# SPDX-License-Identifier: Apache-2.0
"""A live realm around a test module, with the environment of this process pointing into it."""
from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from realm import Realm  # noqa: E402  (needs the line above)

NAMES = ("KRB5_CONFIG", "KRB5_KTNAME", "KRB5CCNAME", "KRB5RCACHEDIR", "GSS_MECH_CONFIG")


@contextmanager
def world(realm: Realm) -> Iterator[Realm]:
    """Point libkrb5 of this process at the realm; alice is logged on in its ticket cache."""
    before = {name: os.environ.get(name) for name in NAMES}
    os.environ.update({name: realm.environment()[name] for name in NAMES})
    shutil.copy(realm.master_ccache("normal"), realm.folder / "ccache")
    try:
        yield realm
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
