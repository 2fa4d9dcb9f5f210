# SPDX-License-Identifier: Apache-2.0
"""What is known of exchanges between somebody's initiator and somebody's acceptor.

A `Recording` is what one input held: exchanges (legs with tokens, and how they ended) and the messages to the KDC
beside them. What an input did not show is None, or a sentence in `missing`; nothing is guessed. All of it is frozen,
so that importer, redaction and diagnosis can hand it on.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CLIENT, SERVER = "client", "server"

# Of a status: who speaks.
NT_STATUS = "nt-status"    # SMB header, CredSSP errorCode when it is one
HTTP = "http"              # status code of the response
LDAP = "ldap"              # resultCode
RPC_FAULT = "rpc-fault"    # status of a fault PDU, or the reason of a bind_nak
RPC = "rpc"                # 0: the server answered the next request
CREDSSP = "credssp"        # errorCode, or 0: pubKeyAuth came back
NNS = "nns"                # 0x14 done, 0x15 error (MS-NNS 2.2.1)
KRB_ERROR = "krb-error"    # error-code of RFC 4120 7.5.9
NEG_STATE = "neg-state"    # negState of the server's last NegTokenResp (RFC 4178 4.2.2), where the transport is silent
SECURITY = "sec-status"    # a SECURITY_STATUS that a probe or a log told
STATUS_KINDS = (NT_STATUS, HTTP, LDAP, RPC_FAULT, RPC, CREDSSP, NNS, KRB_ERROR, NEG_STATE, SECURITY)


@dataclass(frozen=True, slots=True)
class Status:
    """A number that a protocol gave, with its name there. `success` is None where it does not decide, such as
    STATUS_MORE_PROCESSING_REQUIRED or HTTP 401 with a token. `detail` is text that came with it."""

    kind: str
    value: int  # unsigned
    name: str = ""
    success: bool | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Leg:
    """One token on its way, or an answer without one (`token` None). `frame` counts from 1 in a capture of packets; it
    is the line of a text and 0 where there is neither. `time` is seconds since 1970, UTC. `facts` are what was verified
    with secrets before redaction (`proof: right`, `mic: wrong`, `bindings: of the certificate`, ...)."""

    sender: str
    token: bytes | None
    frame: int = 0
    time: float | None = None
    status: Status | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Channel:
    """The TLS connection around an exchange. `certificate` is the DER of the server's leaf as the client saw it, None
    after redaction; `end_point` is its tls-server-end-point hash (RFC 5929 4.1)."""

    end_point: bytes | None = None
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class KdcMessage:
    """A message between the client and a KDC: `kind` is AS-REQ, AS-REP, TGS-REQ, TGS-REP or KRB-ERROR; or CONNECT, a
    connection to port 88 on which nothing was said, with `refused` or `not answered` in `text`. `client` and
    `server` are principals without realm, `code` the error's, `etypes` what is asked for or what a ticket has."""

    kind: str
    frame: int = 0
    time: float | None = None
    realm: str = ""
    client: str = ""
    server: str = ""
    code: int | None = None
    etypes: tuple[int, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One authentication. `transport` is SMB1, SMB2, HTTP, HTTPS(RDG), LDAP, DCERPC, DCERPC over SMB2 pipe, DCERPC over
    SMB1 pipe, CredSSP, MS-NNS, TNS, DNS, curl or probe. `about` is what the transport says of the service, by the names
    `host`, `service`, `url`, `method`, `scheme` (the client's), `schemes` (offered, joined by spaces), `native-os`, `dialect`, `sealed`,
    `initiator-flags` and `acceptor-flags` (fContextReq in hex), `package`.
    `outcome` is the last word; None: the capture ends before it."""

    number: int
    transport: str
    legs: tuple[Leg, ...]
    connection: str = ""
    client: str = ""
    server: str = ""
    server_port: int | None = None
    outcome: Status | None = None
    channel: Channel | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """One input. `kind` is pcap, curl, probe or case; `sha256` of its bytes."""

    kind: str
    name: str
    sha256: str
    exchanges: tuple[Exchange, ...]
    kdc: tuple[KdcMessage, ...] = ()
    redacted: bool = False
    missing: tuple[str, ...] = ()
