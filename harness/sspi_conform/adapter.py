# SPDX-License-Identifier: Apache-2.0
"""Another interface dressed as SSPI: which differences are the library's, and which what the adapter chose to say."""
from __future__ import annotations

from typing import Any

from .model import PathExpectation

ADAPTER, LIBRARY = "adapter", "library"
SHOWN = {ADAPTER: "the adapter's choice", LIBRARY: "the library's"}

# What a caller of SSPI sees of memory, handles and time: the other interface has its own notions of these.
_DRESS = ("canary", "free", "expiry", "handle", "qop", "heap")
_ITS_CALLS = ("call.", "query.", "free.", "delete.", "churn.")


def whose(path: str, actual: Any, expected: PathExpectation | None) -> str:
    """Whose doing a difference is: ADAPTER or LIBRARY.

    Tokens, flags and messages are the library's, and so is whether it refuses; by which of SSPI's statuses a refusal
    is told, the adapter chooses. expected: what was expected at the path, None where nothing was said of it.
    """
    last = path.rpartition(".")[2]
    if ".token" in path or ".signature" in path or path.startswith(("sign.", "seal.")) and last != "status":
        return ADAPTER if last in _DRESS else LIBRARY
    if last in _DRESS or ".output." in path or ".expiry." in path or ".acquire." in path:
        return ADAPTER
    if last == "status":
        asked = [value for group in expected.alternatives for one in group for value in one.asked()] if expected else []
        told = path.startswith(_ITS_CALLS) or (_refuses(actual) and any(map(_refuses, asked)))
        return ADAPTER if told else LIBRARY
    return LIBRARY


def _refuses(status: Any) -> bool:
    """Whether a status is an error: SEC_E_OK and SEC_I_... are none."""
    text = str(status)
    return (text.startswith("SEC_E_") and text != "SEC_E_OK") or text[:3] in ("0x8", "0xC", "0xc")
