# SPDX-License-Identifier: Apache-2.0
"""The one exception for people. It stands alone: some commands take less time than what else the model needs to load."""
from __future__ import annotations


class ConformError(Exception):
    """Bad input or wrong usage: exit 3.

    `what` says what is wrong, `where` is "file:line" (or empty), `advice` says
    what to do next.
    """

    def __init__(self, what: str, where: str = "", advice: str = "") -> None:
        self.what, self.where, self.advice = what, where, advice
        text = f"{where}: {what}" if where else what
        super().__init__(f"{text}\n  {advice}" if advice else text)
