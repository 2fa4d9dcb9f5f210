# SPDX-License-Identifier: Apache-2.0
"""A service speaks for a user who has not come, inside a domain: run by test_active_directory_live.py, one JSON line out.

    for_a_user.py PACKAGE SERVICE-SPN USER TARGET-SPN [SERVICE-USER DOMAIN PASSWORD]
"""
from __future__ import annotations

import json
import sys
from ctypes import byref
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import kerberos_sspi as sspi  # noqa: E402  (needs the line above)


def main(package: str, spn: str, user: str, target: str, identity: list[str]) -> dict[str, object]:
    """What each call said; `as` is whom the target service saw."""
    found: dict[str, object] = {}
    service = (sspi.Credential(sspi.INBOUND | sspi.OUTBOUND, identity=(identity[0], identity[1], identity[2]), package=package)
               if identity else sspi.Credential(sspi.INBOUND, principal=spn, package=package))
    found["impersonate"] = sspi.LIB.libsspi_impersonate_user(byref(service.handle), user.encode()) & 0xFFFFFFFF
    if found["impersonate"] == sspi.OK:
        credential = sspi.Credential(sspi.OUTBOUND)
        sspi.LIB.libsspi_revert()
        client = sspi.Context(credential, True, sspi.MUTUAL, target=target)
        server = sspi.Context(sspi.Credential(sspi.INBOUND, principal=target), False, 0)
        out, back = sspi.establish(client, server)
        found["client"], found["server"] = out.status, back.status
        if out.status == sspi.OK:
            found["as"] = server.name()
    own = sspi.Context(sspi.Credential(sspi.OUTBOUND), True, 0, target=target)
    found["afterwards"] = own.leg().status
    return found


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:5], sys.argv[5:])))
