# SPDX-License-Identifier: Apache-2.0
"""Tests run from a checkout: the packages are found beside them."""
from __future__ import annotations

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT / "harness"), str(_ROOT), str(_ROOT / "harness" / "tests")]
