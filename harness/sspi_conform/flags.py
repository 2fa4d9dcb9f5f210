# SPDX-License-Identifier: Apache-2.0
"""Context requirement and return flags: names, numbers, meaning.

ISC and ASC number some flags of the same name differently (EXTENDED_ERROR,
STREAM, INTEGRITY, IDENTIFY), so a flag is always looked up with its prefix.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PREFIXES = ("ISC_REQ_", "ASC_REQ_", "ISC_RET_", "ASC_RET_")


@dataclass(frozen=True)
class Flag:
    """A flag as one function knows it. `req` or `ret` is 0 where it does not exist in that direction."""

    name: str
    req: int
    ret: int
    meaning: str


_ISC = (
    Flag("DELEGATE", 0x1, 0x1, "the acceptor may act onward as the initiator; Kerberos, together with MUTUAL_AUTH"),
    Flag("MUTUAL_AUTH", 0x2, 0x2, "the acceptor proves itself too; in Kerberos this brings an AP-REP"),
    Flag("REPLAY_DETECT", 0x4, 0x4, "replayed messages are detected; brings integrity along"),
    Flag("SEQUENCE_DETECT", 0x8, 0x8, "messages out of order are detected; brings integrity along"),
    Flag("CONFIDENTIALITY", 0x10, 0x10, "messages can be encrypted"),
    Flag("USE_SESSION_KEY", 0x20, 0x20, "a new session key; in Kerberos user-to-user"),
    Flag("PROMPT_FOR_CREDS", 0x40, 0, "the package may ask the user for credentials"),
    Flag("USED_COLLECTED_CREDS", 0, 0x40, "credentials came from the user"),
    Flag("USE_SUPPLIED_CREDS", 0x80, 0, "credentials come in a PKG_PARAMS buffer"),
    Flag("USED_SUPPLIED_CREDS", 0, 0x80, "credentials came in a PKG_PARAMS buffer"),
    Flag("ALLOCATE_MEMORY", 0x100, 0, "the package allocates the output token"),
    Flag("ALLOCATED_MEMORY", 0, 0x100, "the package allocated the output token; release it with FreeContextBuffer"),
    Flag("USE_DCE_STYLE", 0x200, 0, "a third leg always; in Kerberos without GSS framing"),
    Flag("USED_DCE_STYLE", 0, 0x200, "a third leg was or will be needed"),
    Flag("DATAGRAM", 0x400, 0x400, "datagram semantics; the first call gives no token"),
    Flag("CONNECTION", 0x800, 0x800, "connection semantics (the default)"),
    Flag("CALL_LEVEL", 0x1000, 0x2000, "authentication per call; the numbers asked and returned differ"),
    Flag("INTERMEDIATE_RETURN", 0, 0x1000, "return only; no public source says when it is set"),
    Flag("FRAGMENT_SUPPLIED", 0x2000, 0, "the token handed in is a fragment"),
    Flag("EXTENDED_ERROR", 0x4000, 0x4000, "a failure gives a token for the peer (KRB-ERROR); ASC has it at 0x8000"),
    Flag("STREAM", 0x8000, 0x8000, "stream semantics; ASC has it at 0x10000"),
    Flag("INTEGRITY", 0x10000, 0x10000, "messages can be signed; ASC has it at 0x20000"),
    Flag("IDENTIFY", 0x20000, 0x20000, "the acceptor may identify, not impersonate; ASC has it at 0x80000"),
    Flag("NULL_SESSION", 0x40000, 0x40000, "an anonymous session"),
    Flag("MANUAL_CRED_VALIDATION", 0x80000, 0x80000, "Schannel: the caller checks the certificate"),
    Flag("RESERVED1", 0x100000, 0x100000, "reserved"),
    Flag("FRAGMENT_TO_FIT", 0x200000, 0, "split the token to the size of the output buffer"),
    Flag("FRAGMENT_ONLY", 0, 0x200000, "the token given out is a fragment"),
    Flag("FORWARD_CREDENTIALS", 0x400000, 0x400000, "forward credentials; in the headers only"),
    Flag("NO_INTEGRITY", 0x800000, 0, "INTEGRITY is ignored: a context without sign and seal"),
    Flag("USE_HTTP_STYLE", 0x1000000, 0, "Digest as HTTP uses it"),
    Flag("NO_ADDITIONAL_TOKEN", 0, 0x2000000, "return only; no further token is needed"),
    Flag("REAUTHENTICATION", 0, 0x8000000, "return only; no public source says when it is set"),
    Flag("UNVERIFIED_TARGET_NAME", 0x20000000, 0, "the target name comes from an untrusted source; told to the acceptor"),
    Flag("CONFIDENTIALITY_ONLY", 0x40000000, 0x40000000, "encryption without signing; in the headers only"),
)

_ASC = (
    Flag("DELEGATE", 0x1, 0x1, "take over a delegated credential, to act onward as the initiator"),
    Flag("MUTUAL_AUTH", 0x2, 0x2, "mutual authentication, asked by the acceptor"),
    Flag("REPLAY_DETECT", 0x4, 0x4, "replayed messages are detected"),
    Flag("SEQUENCE_DETECT", 0x8, 0x8, "messages out of order are detected"),
    Flag("CONFIDENTIALITY", 0x10, 0x10, "messages can be encrypted"),
    Flag("USE_SESSION_KEY", 0x20, 0x20, "the ticket is under the acceptor's session key (user-to-user)"),
    Flag("SESSION_TICKET", 0x40, 0x40, "Schannel session tickets"),
    Flag("ALLOCATE_MEMORY", 0x100, 0, "the package allocates the output token"),
    Flag("ALLOCATED_MEMORY", 0, 0x100, "the package allocated the output token; release it with FreeContextBuffer"),
    Flag("USE_DCE_STYLE", 0x200, 0, "a third leg is expected"),
    Flag("USED_DCE_STYLE", 0, 0x200, "a third leg was or will be needed"),
    Flag("DATAGRAM", 0x400, 0x400, "datagram semantics"),
    Flag("CONNECTION", 0x800, 0x800, "connection semantics"),
    Flag("CALL_LEVEL", 0x1000, 0x2000, "authentication per call; the numbers asked and returned differ"),
    Flag("FRAGMENT_SUPPLIED", 0x2000, 0, "the token handed in is a fragment"),
    Flag("THIRD_LEG_FAILED", 0, 0x4000, "return only; no public source says when it is set"),
    Flag("EXTENDED_ERROR", 0x8000, 0x8000, "a failure gives a token for the peer; ISC has it at 0x4000"),
    Flag("STREAM", 0x10000, 0x10000, "stream semantics; ISC has it at 0x8000"),
    Flag("INTEGRITY", 0x20000, 0x20000, "messages can be signed; ISC has it at 0x10000"),
    Flag("LICENSING", 0x40000, 0x40000, "a licensing logon; in the headers only"),
    Flag("IDENTIFY", 0x80000, 0x80000, "a token that identifies only; ISC has it at 0x20000"),
    Flag("ALLOW_NULL_SESSION", 0x100000, 0, "anonymous initiators are accepted"),
    Flag("NULL_SESSION", 0, 0x100000, "the initiator is anonymous"),
    Flag("ALLOW_NON_USER_LOGONS", 0x200000, 0x200000, "machine accounts may log on; in the headers only"),
    Flag("ALLOW_CONTEXT_REPLAY", 0x400000, 0, "the context token may be replayed; in the headers only"),
    Flag("FRAGMENT_TO_FIT", 0x800000, 0, "split the token to the size of the output buffer"),
    Flag("FRAGMENT_ONLY", 0, 0x800000, "the token given out is a fragment"),
    Flag("NO_TOKEN", 0x1000000, 0x1000000, "no access token is made; in the headers only"),
    Flag("NO_ADDITIONAL_TOKEN", 0, 0x2000000, "return only; no further token is needed"),
    Flag("PROXY_BINDINGS", 0x4000000, 0, "behind a TLS terminator: the initiator must be bound, to what is not said"),
    Flag("ALLOW_MISSING_BINDINGS", 0x10000000, 0, "an initiator that says nothing about bindings is let in; "
         "the Digest pages call the same bit ASC_REQ_HTTP"),
)


def of(prefix: str) -> tuple[Flag, ...]:
    """The flags that exist with a prefix such as ISC_REQ_."""
    table = _ISC if prefix.startswith("ISC") else _ASC
    return tuple(flag for flag in table if number(prefix, flag))


def number(prefix: str, flag: Flag) -> int:
    return flag.req if "REQ" in prefix else flag.ret


def names(prefix: str) -> list[str]:
    return [flag.name for flag in of(prefix)]


def is_known(prefix: str, name: str) -> bool:
    return any(flag.name == name for flag in of(prefix))


def bits(prefix: str, wanted: Iterable[str]) -> int:
    """The mask of a list of names; KeyError for an unknown one."""
    known = {flag.name: number(prefix, flag) for flag in of(prefix)}
    mask = 0
    for name in wanted:
        mask |= known[name]
    return mask


def split(prefix: str, mask: int) -> list[str]:
    """The names in a mask, lowest bit first; bits without a name as hex."""
    found = []
    for bit in (1 << position for position in range(32) if mask >> position & 1):
        name = next((flag.name for flag in of(prefix) if number(prefix, flag) == bit), None)
        found.append(name or f"0x{bit:08x}")
    return found
