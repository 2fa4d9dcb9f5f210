# SPDX-License-Identifier: Apache-2.0
"""The builds of Windows that an expectation can be limited to."""
from __future__ import annotations

from .model import ConformError
from .yamlfile import did_you_mean

# Servers in order of appearance. A client stands for the servers built from the same sources.
BUILDS = ("2008R2", "2012", "2012R2", "2016", "2019", "2022", "2025")
_CLIENTS = {"7": ("2008R2",), "8": ("2012",), "8.1": ("2012R2",), "10": ("2016", "2019"), "11": ("2022", "2025")}
ALL = frozenset(BUILDS)

# The last build number of each kind, as RtlGetVersion tells it, with the word that `windows:` of a record has for it.
_NUMBERS = ((7601, "2008R2"), (9200, "2012"), (9600, "2012R2"), (14393, "2016"), (17763, "2019"), (19045, "10"), (20348, "2022"),
            (25398, "11"), (29999, "2025"))


def server_of(number: int) -> str:
    """The word that a record uses for a build number; '' for one from before Windows 7."""
    return next((word for last, word in _NUMBERS if 7600 <= number <= last), "")


def builds_of(text: str, where: str) -> frozenset[str]:
    """The builds a text such as `2016..2022`, `..2012R2`, `2022..`, `7, 2019` means; all for an empty one."""
    found: set[str] = set()
    for part in filter(None, (one.strip() for one in text.split(","))):
        first, dots, last = (one.strip() for one in part.partition(".."))
        start = BUILDS.index(_servers(first, where)[0]) if first else 0
        end = BUILDS.index(_servers(last if dots else first, where)[-1]) if last or not dots else len(BUILDS) - 1
        if start > end:
            raise ConformError(f"'{part}' ends before it begins", where, f"The order is {', '.join(BUILDS)}.")
        found.update(BUILDS[start:end + 1])
    return frozenset(found) or ALL


def _servers(word: str, where: str) -> tuple[str, ...]:
    if word in BUILDS:
        return (word,)
    if word in _CLIENTS:
        return _CLIENTS[word]
    raise ConformError(f"'{word}' is no build of Windows", where, did_you_mean(word, (*BUILDS, *_CLIENTS)))
