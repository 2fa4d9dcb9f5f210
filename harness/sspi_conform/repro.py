# SPDX-License-Identifier: Apache-2.0
"""What the implementation was asked in a case, as lines that the probe takes without harness or realm scripts."""
from __future__ import annotations

import json

from .model import Case, Trace


def repro_lines(case: Case, trace: Trace) -> list[str]:
    """The requests of the subject's side as JSON lines for `sspi-probe library < file`.

    The tokens of the other side are the recorded ones. Where they answer something random (an NTLM CHALLENGE),
    the replay differs from the run at that point. The lines hold the passwords of the throwaway realm.
    """
    requests = [record.request for record in trace.calls if record.side == case.subject]
    return [json.dumps({"id": number, **request}, separators=(",", ":"))
            for number, request in enumerate(requests, 1)]
