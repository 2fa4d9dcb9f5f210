# SPDX-License-Identifier: Apache-2.0
"""The peer as a process: JSON lines on stdin, answers on stdout."""
from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from . import misbehave
from .endpoint import Endpoint
from .packages import Packages

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Serve stdin until it ends."""
    if arguments == ["--misbehaviours"]:
        print(misbehave.listing())
        return 0
    if arguments:
        print("usage: python3 -m sspi_conform.peer [--misbehaviours]", file=sys.stderr)
        return 3
    return serve(lambda: Endpoint(Packages(os.environ)))


def serve(make: Callable[[], Endpoint]) -> int:
    """Answer lines until stdin ends. `make` is called when standard output is out of reach of libraries that print."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        return 0
    # Libraries that print must not disturb the protocol: keep stdout for us, send descriptor 1 to stderr.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    endpoint = make()
    encode = json.JSONEncoder(separators=(",", ":")).encode
    try:
        for line in sys.stdin.buffer:
            answers.write(encode(_answer(endpoint, line)).encode() + b"\n")
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    return 0


def _answer(endpoint: Endpoint, line: bytes) -> Any:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        return {"id": None, "error": f"not JSON: {error}"}
    if isinstance(request, list):
        return [endpoint.answer(item) for item in request]
    return endpoint.answer(request)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
