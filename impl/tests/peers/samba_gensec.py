# SPDX-License-Identifier: Apache-2.0
"""Samba's gensec as a client: ntlmssp, Kerberos, and spnego around them; as a server of Kerberos with the key that a
user's password makes, which needs no account database. GPL: never in our own process."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lines import serve
from samba import NTSTATUSError, gensec
from samba.credentials import DONT_USE_KERBEROS, MUST_USE_KERBEROS, SPECIFIED, Credentials
from samba.param import LoadParm

MECHS = {"NTLM": "ntlmssp", "Negotiate": "spnego", "Kerberos": "gssapi_krb5"}


class Gensec:
    def __init__(self, start: Mapping[str, Any]) -> None:
        parameters = LoadParm(start["smb_conf"])
        for name, value in start["options"].items():
            parameters.set(name, value)
        credentials = Credentials()
        credentials.guess(parameters)
        accepts = start["role"] == "accept"
        if accepts:
            credentials.set_kerberos_state(MUST_USE_KERBEROS)
            credentials.set_username(start["user"])
            credentials.set_realm(start["domain"])
            credentials.set_password(start["password"])
        elif start["ccache"]:
            credentials.set_kerberos_state(MUST_USE_KERBEROS)
            credentials.set_named_ccache(start["ccache"], SPECIFIED, parameters)
        else:
            credentials.set_kerberos_state(DONT_USE_KERBEROS)
            credentials.set_username(start["user"])
            credentials.set_domain(start["domain"])
            credentials.set_password(start["password"])
        self.host = host = start.get("host", "web.sspi.test")  # kept: gensec remembers where it stood
        settings = {"lp_ctx": parameters, "target_hostname": host}
        self.context = (gensec.Security.start_server(settings, None) if accepts else
                        gensec.Security.start_client(settings))
        self.context.set_credentials(credentials)
        self.context.set_target_hostname(host)
        self.context.set_target_service("HTTP")
        self.context.want_feature(gensec.FEATURE_SIGN)
        self.context.want_feature(gensec.FEATURE_SEAL)
        if start.get("dce"):
            self.context.want_feature(gensec.FEATURE_DCE_STYLE)
        self.context.start_mech_by_name(MECHS[start["package"]])

    def step(self, token: bytes) -> tuple[bytes, bool]:
        done, answer = self.context.update(token)
        return answer, done

    def wrap(self, data: bytes) -> bytes:
        return self.context.wrap(data)

    def unwrap(self, data: bytes) -> bytes:
        return self.context.unwrap(data)

    def sign(self, data: bytes) -> bytes:
        return self.context.sign_packet(data, data)

    def verify(self, data: bytes, signature: bytes) -> None:
        self.context.check_packet(data, data, signature)

    def key(self) -> bytes:
        return self.context.session_key()


serve(Gensec, (NTSTATUSError,))
