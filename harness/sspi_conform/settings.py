# SPDX-License-Identifier: Apache-2.0
"""A case's settings: the defaults, the known dotted keys and what each may hold."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import flags
from .model import SIDES, ConformError
from .peer import misbehave
from .yamlfile import Section, did_you_mean

PACKAGES = ("NTLM", "Kerberos", "Negotiate")
MECHANISMS = ("NTLM", "Kerberos")
AUTHORITIES = ("winbind", "standalone", "file", "broken")
NEEDS = ("kdc", "winbind", "standalone", "tls", "pin", "failalloc", "ad", "trust")
# Keys of realm.accounts and what a scenario may say instead of one.
ACCOUNTS = ("normal", "second", "expired", "disabled", "locked", "password-expired", "no-preauth",
            "protected", "restricted",  # these two with needs: [ad]
            "partner",  # with needs: [trust]
            "wrong-password", "unknown-user", "foreign-domain", "anonymous", "default")
SERVICES = ("http", "host", "cifs", "ldap", "delegate", "front", "aes128", "aes256-sha384", "aes128-sha256", "rc4", "rekeyed", "no-pac",
            "partner")  # with needs: [trust]
# What is done to the ticket that an initiator finds in its cache: names of realm.ticket.
TICKETS = ("genuine", "other-clock", "expired", "just-over", "not-yet-valid", "fixed-times", "invalid", "no-pac",
           "pac-signature", "pac-altered", "pac-cut")
# Policies of a machine that a case may set for a side, and the values they may have.
POLICIES: Mapping[str, tuple[Any, ...]] = {"lm-level": (0, 1, 2, 3, 4, 5), "require-128": (True,),
                                           "block-outgoing": (True,), "block-incoming": (True,)}
_BINDINGS = ("none", "zero", "tls-server-end-point", "other-end-point")
_LIVE = ("tls-unique", "tls-exporter", "tls-server-end-point")  # of a live connection
_SIGNED_WITH = ("md5", "sha1", "sha256", "sha384", "sha512")
_ZONE = re.compile(r"[A-Z]{3,4}-?[0-9]{1,2}")
_PARAMETER = re.compile(r"parameters\.[a-z][a-z0-9_-]*")


def defaults() -> dict[str, Any]:
    """The settings of a scenario that says nothing, by dotted key."""
    return {
        "subject": "acceptor", "package": "NTLM", "mechanism": "NTLM", "authority": "winbind", "counterpart": "peer",
        "initiator.account": "normal", "initiator.target": "http", "initiator.flags": [],
        "initiator.bindings": "none", "initiator.data-rep": "native", "initiator.output": {"size": 65536},
        "acceptor.account": "default", "acceptor.flags": [], "acceptor.bindings": "none",
        "acceptor.data-rep": "native", "acceptor.output": {"size": 65536},
        "initiator.misbehave": {}, "acceptor.misbehave": {},
        "initiator.policy": {}, "acceptor.policy": {},
        "initiator.package-list": "auto", "acceptor.package-list": "auto",
        "initiator.ccache": "auto", "initiator.ticket": "genuine", "acceptor.keytab": "all",
        "initiator.zone": "UTC0", "acceptor.zone": "UTC0",
    }


def check_patch(patch: Section) -> None:
    """Refuse an unknown key or a value that its key cannot have."""
    for key, value in patch.items():
        plain = key.removesuffix("+")
        if _PARAMETER.fullmatch(plain):
            continue
        checks = _checks()
        if plain not in checks:
            raise ConformError(f"unknown setting '{key}'", patch.where(key), did_you_mean(plain, checks))
        if key != plain and not plain.endswith(".flags"):
            raise ConformError(f"'{key}': only flags can be added to", patch.where(key), f"Write {plain}: value.")
        complaint = checks[plain](value)
        if complaint:
            raise ConformError(f"setting '{key}': {complaint[0]}", patch.where(key), complaint[1])


def apply(settings: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with a patch laid over; `key+` adds to a list, everything else replaces."""
    result = dict(settings)
    for key, value in patch.items():
        if key.endswith("+"):
            plain = key[:-1]
            before = list(result.get(plain, []))
            result[plain] = before + [one for one in value if one not in before]
        else:
            result[key] = value
    return result


def nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """The form a case carries: {"initiator": {"flags": [...]}, ...}, both sides' package filled in."""
    result: dict[str, Any] = {"parameters": {}}
    for key, value in dotted.items():
        *folders, name = key.split(".", 1)
        target = result
        for folder in folders:
            target = target.setdefault(folder, {})
        target[name] = unmarked(value)
    for side in SIDES:
        result[side].setdefault("package", result["package"])
    return result


def differing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The dotted keys of a case whose value is not the default."""
    usual = nested(defaults() | {"package": settings["package"]})
    usual["package"] = defaults()["package"]
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and (key in (*SIDES, "parameters")):
            for name, inner in value.items():
                if usual.get(key, {}).get(name) != inner:
                    found[f"{key}.{name}"] = inner
        elif usual.get(key) != value:
            found[key] = value
    return found


def implied_needs(settings: Mapping[str, Any]) -> frozenset[str]:
    """The features a case needs through its settings."""
    needs = set()
    if settings["mechanism"] == "Kerberos":
        needs.add("kdc")
    elif settings["authority"] in ("winbind", "standalone"):
        needs.add(settings["authority"])
    if any(_is_live(bound) or str(bound).endswith("end-point") for bound in (settings[side]["bindings"] for side in SIDES)):
        needs.add("tls")
    return frozenset(needs)


Complaint = tuple[str, str] | None


def _checks() -> dict[str, Callable[[Any], Complaint]]:
    checks: dict[str, Callable[[Any], Complaint]] = {
        "subject": _one_of(SIDES), "package": _one_of(PACKAGES), "mechanism": _one_of(MECHANISMS),
        "counterpart": _one_of(("peer", "itself")),
        "authority": _one_of(AUTHORITIES), "initiator.target": _target,
        "initiator.package-list": _package_list, "acceptor.package-list": _package_list,
        "initiator.ccache": _one_of(("auto", "none", "present", "ended", "client-keytab")),
        "initiator.ticket": _one_of(TICKETS), "acceptor.keytab": _one_of(("all", *SERVICES)),
        "initiator.flags": _flag_list("ISC_REQ_"), "acceptor.flags": _flag_list("ASC_REQ_"),
    }
    for side in SIDES:
        checks |= {f"{side}.account": _one_of(ACCOUNTS), f"{side}.package": _one_of(PACKAGES),
                   f"{side}.bindings": check_bindings, f"{side}.data-rep": _one_of(("native", "network")),
                   f"{side}.output": check_output, f"{side}.misbehave": _misbehave,
                   f"{side}.policy": _policy, f"{side}.zone": _zone}
    return checks


def _one_of(options: Iterable[str]) -> Callable[[Any], Complaint]:
    options = tuple(options)

    def check(value: Any) -> Complaint:
        if value in options:
            return None
        return f"'{value}' is not allowed", did_you_mean(str(value), options)
    return check


def _target(value: Any) -> Complaint:
    if value is None or (isinstance(value, str) and value):
        return None
    return "it is no target", "Write a key of the realm's services (" + ", ".join(SERVICES) + "), an SPN or null."


def check_bindings(value: Any) -> Complaint:
    """Channel bindings: a name, {hex: application data}, {structure: the bytes of the whole buffer} or {tls: kind}."""
    if value in _BINDINGS or _is_live(value):
        return None
    if isinstance(value, dict) and list(value) in (["hex"], ["structure"]) and all(map(_is_hex, value.values())):
        return None
    return f"'{value}' is no channel binding", (
        f"Write one of {', '.join(_BINDINGS)}, {{hex: ...}}, {{structure: ...}} or {{tls: tls-unique}}.")


def _is_live(value: Any) -> bool:
    """What an end of a live TLS connection is bound to: {tls: kind}, with {certificate: hash} or {proxy: true}."""
    if not isinstance(value, dict) or value.get("tls") not in _LIVE or len(value) > 2:
        return False
    return all(key == "tls" or (key == "certificate" and one in _SIGNED_WITH) or (key == "proxy" and one is True)
               for key, one in value.items())


def check_output(value: Any) -> Complaint:
    """The output buffer: {size: n}, allocate or null."""
    if value is None or value == "allocate":
        return None
    if isinstance(value, dict) and list(value) == ["size"] and type(value["size"]) is int and value["size"] >= 0:
        return None
    return "it is no output buffer", "Write {size: n}, allocate or null."


def check_damage(value: Mapping[str, Any]) -> Complaint:
    """What happens to a message's token by position: {at: n, xor: hex}, {cut: n} or {rotate: n}."""
    keys = sorted(value)
    numbers = [value[key] for key in keys if key != "xor"]
    if keys in (["at", "xor"], ["cut"], ["rotate"]) and all(type(one) is int and one >= 0 for one in numbers) and (
            "xor" not in value or (_is_hex(value["xor"]) and str(value["xor"]))):
        return None
    return f"'{dict(value)}' is no damage", "Write {at: 4, xor: '0001'}, {cut: 16} or {rotate: 7}."


def _package_list(value: Any) -> Complaint:
    if value is None or (isinstance(value, str) and value):
        return None
    return "it is no package list", "Write auto, null or a list such as '!Kerberos'."


def _misbehave(value: Any) -> Complaint:
    if not isinstance(value, dict):
        return "it is no mapping", "Write {name of the misbehaviour: how}, such as {channel-bindings-av: omit}."
    for name, one in value.items():
        if name not in misbehave.TABLE:
            return f"unknown misbehaviour '{name}'", did_you_mean(str(name), misbehave.TABLE)
        if one not in misbehave.TABLE[name]:
            return f"misbehaviour '{name}' cannot be '{one}'", did_you_mean(str(one), misbehave.TABLE[name])
    return None


def _zone(value: Any) -> Complaint:
    if isinstance(value, str) and _ZONE.fullmatch(value):
        return None
    return f"'{value}' is no time zone", "Write it as POSIX's TZ: UTC0, EST5, JST-9."


def _policy(value: Any) -> Complaint:
    if not isinstance(value, dict):
        return "it is no mapping", "Write {name of the policy: value}, such as {lm-level: 2}."
    for name, one in value.items():
        if name not in POLICIES:
            return f"unknown policy '{name}'", did_you_mean(str(name), POLICIES)
        if one not in POLICIES[name] or isinstance(one, bool) != isinstance(POLICIES[name][0], bool):
            return f"policy '{name}' cannot be {one}", f"Write one of {', '.join(map(str, POLICIES[name]))}."
    return None


def _flag_list(prefix: str) -> Callable[[Any], Complaint]:
    def check(value: Any) -> Complaint:
        if not isinstance(value, list):
            return "flags are a list", "Write [INTEGRITY, CONNECTION]."
        for name in value:
            if not isinstance(name, str) or not flags.is_known(prefix, name):
                return (f"unknown flag '{name}'",
                        did_you_mean(str(name).removeprefix(prefix), flags.names(prefix)))
        return None
    return check


def _is_hex(text: Any) -> bool:
    return isinstance(text, (str, int)) and re.fullmatch(r"(?:[0-9a-fA-F]{2})*", str(text)) is not None


def unmarked(value: Any) -> Any:
    """A value without the marks of the file it was read from."""
    if isinstance(value, dict):
        return {key: unmarked(one) for key, one in value.items()}
    if isinstance(value, list):
        return [unmarked(one) for one in value]
    return value
