# SPDX-License-Identifier: Apache-2.0
"""gss-ntlmssp behind MIT's GSSAPI, bare or inside MIT's SPNEGO. LGPL, and a plugin that any GSSAPI program would load:
GSS_MECH_CONFIG of this process alone names it. NTLM_USER_FILE has the accounts its acceptor knows. Without a password
the initiator takes what lies around: the ticket cache for Kerberos, the first line of that file for NTLM."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gssapi.raw as gss
from lines import serve

MECHS = {"NTLM": gss.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10"), "Negotiate": gss.OID.from_int_seq("1.3.6.1.5.5.2")}
SESSION_KEY = gss.OID.from_int_seq("1.2.840.113554.1.2.2.5.5")
FLAGS = 0x4 | 0x8 | 0x10 | 0x20  # replay, sequence, confidentiality, integrity
DATAGRAM = 0x10000  # gss-ntlmssp's own
TARGET = gss.import_name(b"HTTP@web.sspi.test", gss.NameType.hostbased_service)


class GssNtlmssp:
    def __init__(self, start: Mapping[str, Any]) -> None:
        self.mech = MECHS[start["package"]]
        self.accepts = start["role"] == "accept"
        self.context: Any = None
        self.flags = FLAGS | (DATAGRAM if start.get("datagram") else 0)
        data = start.get("bindings")
        self.bindings = gss.ChannelBindings(application_data=data.encode()) if data else None
        if self.accepts:
            self.credentials = gss.acquire_cred(None, mechs=[self.mech], usage="accept").creds
        else:
            if not start["password"]:
                self.credentials = gss.acquire_cred(None, mechs=[self.mech], usage="initiate").creds
                return
            name = gss.import_name(f"{start['domain']}\\{start['user']}".encode(), gss.NameType.user)
            self.credentials = gss.acquire_cred_with_password(name, start["password"].encode(), mechs=[self.mech],
                                                              usage="initiate").creds

    def step(self, token: bytes) -> tuple[bytes, bool]:
        if self.accepts:
            made = gss.accept_sec_context(token, self.credentials, context=self.context,
                                          channel_bindings=self.bindings)
        else:
            made = gss.init_sec_context(TARGET, self.credentials, context=self.context, mech=self.mech,
                                        flags=self.flags, input_token=token or None, channel_bindings=self.bindings)
        self.context = made.context
        return made.token or b"", not made.more_steps

    def wrap(self, data: bytes) -> bytes:
        return gss.wrap(self.context, data, True).message

    def unwrap(self, data: bytes) -> bytes:
        return gss.unwrap(self.context, data).message

    def sign(self, data: bytes) -> bytes:
        return gss.get_mic(self.context, data)

    def verify(self, data: bytes, signature: bytes) -> None:
        gss.verify_mic(self.context, data, signature)

    def key(self) -> bytes:
        return gss.inquire_sec_context_by_oid(self.context, SESSION_KEY)[0]


serve(GssNtlmssp, (gss.GSSError,))
