# SPDX-License-Identifier: Apache-2.0
"""A KDC that answers wrongly: what kinit makes of each way, and that it goes with the realm."""
from __future__ import annotations

from pathlib import Path

import pytest

from realm import Realm, RealmError
from realm.false_kdc import WAYS

from .conftest import killed_holder_leaves_nothing

HOLD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from realm import Realm
with Realm(cache=Path(sys.argv[2])) as realm:
    realm.falsify_kdc("garbage")
    print(*realm.processes.values(), flush=True)
    sys.stdin.read()
"""
SAID = {
    "garbage": "Invalid message type", "own-words": "Invalid message type", "other-message": "Invalid message type",
    "empty": "Cannot contact any KDC", "hang-up": "Cannot contact any KDC", "cut": "ASN.1 encoding ended",
    "other-nonce": "KDC reply did not match expectations",
}


def test_every_way_is_known_here() -> None:
    assert set(SAID) == set(WAYS)


@pytest.mark.parametrize("way", SAID)
def test_what_kinit_says(own_realm: Realm, tmp_path: Path, way: str) -> None:
    own_realm.falsify_kdc(way)
    for account in ("normal", "no-preauth"):
        with pytest.raises(RealmError, match=SAID[way]):
            own_realm.kinit(account, tmp_path / "cc")
    own_realm.check()


def test_it_can_be_taken_away_again(own_realm: Realm, tmp_path: Path) -> None:
    own_realm.falsify_kdc("garbage")
    with pytest.raises(RealmError, match="false-kdc runs already"):
        own_realm.falsify_kdc("cut")
    own_realm.stop_kdc()
    own_realm.start_kdc()
    own_realm.kinit("normal", tmp_path / "cc")


def test_killed_holder_leaves_nothing(cache: Path, short_tmp: Path) -> None:
    killed_holder_leaves_nothing(HOLD, cache, short_tmp, least=6)
