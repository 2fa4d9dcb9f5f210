# SPDX-License-Identifier: Apache-2.0
"""Exchanges as the page draws them: tokens and traces become legs with decoded trees."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..decode.text import Found
from ..decode.token_tree import Exchange, decode
from ..model import Case, Trace

_OTHER = {"initiator": "acceptor", "acceptor": "initiator"}
_INNER = ("mechToken", "responseToken")
_EXACT = 1 << 53  # beyond it the numbers of a page are not exact


def leg(sender: str, status: str, token: bytes | None, known: Exchange | None = None, **more: Any) -> dict[str, Any]:
    """One leg. `known` is what the tokens before it and secrets gave; without it nothing is verified."""
    found: dict[str, Any] = {"from": sender, "status": status, **more}
    if token:
        tree = tree_of(token, known or Exchange())
        found |= {"what": found.get("what") or _named(tree), "size": len(token), "tree": tree}
    return found


def legs_of(tokens: Iterable[tuple[str, str, bytes | None]], known: Exchange | None = None) -> list[dict[str, Any]]:
    """The legs of one exchange, from (sender, status, token)."""
    known = known or Exchange()
    return [leg(sender, status, token, known) for sender, status, token in tokens]


def tree_of(token: bytes, known: Exchange) -> dict[str, Any]:
    """The tree of a token as JSON."""
    node = decode(Found(token, ""), known)
    del node.children[:1]  # where it was found: the diagram shows that
    return _exact(node.json())


def _named(tree: Mapping[str, Any]) -> str:
    """`NegTokenInit: NTLM NEGOTIATE`."""
    inner = next((one for one in tree.get("fields", ()) if one["name"] in _INNER and "fields" in one), None)
    name = str(tree["name"]).rpartition(", ")[0]
    return f"{name}: {str(inner['value']).rpartition(', ')[0]}" if inner else name


def _exact(tree: dict[str, Any]) -> dict[str, Any]:
    value = tree.get("value")
    if type(value) is int and abs(value) > _EXACT:
        tree["value"] = str(value)
    for one in tree.get("fields", ()):
        _exact(one)
    return tree


def legs_of_trace(case: Case, trace: Trace, wrong: Mapping[str, str]) -> list[dict[str, Any]]:
    """What went over the wire in a case and what was called beside it, in its order.

    `wrong` are the paths that differ, each with a sentence: their legs are marked.
    """
    return _Drawing(case, trace, wrong).legs()


class _Drawing:
    """Legs from the observed paths of a trace: each group of paths is a leg, where its first path came up."""

    def __init__(self, case: Case, trace: Trace, wrong: Mapping[str, str]) -> None:
        self._case, self._observed, self._wrong = case, trace.observed, _reached(wrong, trace.observed)
        self._ended = trace.ended
        self._tokens: Mapping[str, str] = getattr(trace.observed, "tokens", {})
        self._known: dict[str, Exchange] = {}

    def legs(self) -> list[dict[str, Any]]:
        groups = dict.fromkeys(group for group in map(group_of, self._observed) if group)
        return [*(one for one in map(self._leg, groups) if one), *self._end()]

    def _end(self) -> list[dict[str, Any]]:
        """The call in which a side died, of which nothing was observed."""
        if self._ended is None or not self._ended.last_call or self._ended.side not in _OTHER:
            return []
        what = f"crash {self._ended.detail.partition(';')[0]}" if self._ended.kind == "crash" else self._ended.kind
        return [{"from": self._ended.side, "status": what, "call": self._ended.last_call, "mark": "bad"}]

    def _leg(self, group: str) -> dict[str, Any] | None:
        words = group.split(".")
        if words[0] in _OTHER:
            made = self._step(group) if words[-1] == "acquire" else self._token(group, words)
        elif words[0] in ("sign", "seal"):
            made = self._message(group, words)
        else:
            made = self._call(group, words)
        if made is not None:
            made |= self._mark(group)
        return made

    def _step(self, group: str) -> dict[str, Any] | None:
        return {"from": group.partition(".")[0], "status": self._observed.get(f"{group}.status", ""),
                "call": "AcquireCredentialsHandle"}

    def _token(self, group: str, words: list[str]) -> dict[str, Any]:
        exchange = "" if words[1] == "leg" else words[1]
        found = self._with_tree({"from": words[0], "status": self._observed.get(f"{group}.status", ""),
                                 "what": self._observed.get(f"{group}.token", "none")}, f"{group}.token", exchange)
        if exchange:
            found["exchange"] = exchange
        return found

    def _message(self, group: str, words: list[str]) -> dict[str, Any]:
        from ..matchers import side_of

        made, opened, token = (("make", "verify", "signature") if words[0] == "sign" else ("encrypt", "decrypt", "token"))
        sender = side_of(f"{group}.{made}.status", self._case) or "initiator"
        found = {"from": sender, "status": self._observed.get(f"{group}.{made}.status", ""),
                 "what": f"{'signed' if words[0] == 'sign' else 'sealed'}, {self._observed.get(f'{group}.{token}', 'nothing sent')}",
                 "received": self._observed.get(f"{group}.{opened}.status", "")}
        if f"{group}.{token}" not in self._observed:
            found["what"] = "none"
        return self._with_tree(found, f"{group}.{token}", words[1])

    def _call(self, group: str, words: list[str]) -> dict[str, Any] | None:
        from ..matchers import side_of

        status = self._observed.get(f"{group}.status")
        if status is None:
            return None
        side = side_of(f"{group}.status", self._case) or self._case.subject
        return {"from": side, "status": status, "call": " ".join(word for word in words if word != side)}

    def _with_tree(self, found: dict[str, Any], path: str, exchange: str) -> dict[str, Any]:
        token = bytes.fromhex(self._tokens.get(path, ""))
        if token:
            known = self._known.setdefault(exchange, Exchange())
            tree = tree_of(token, known)
            found |= {"size": len(token), "tree": tree}
            if found["what"].startswith("NegToken"):
                found["what"] = _named(tree)
        return found

    def _mark(self, group: str) -> dict[str, Any]:
        mine = {path: sentence for path, sentence in self._wrong.items() if path.startswith(f"{group}.")}
        if not mine:
            return {}
        fields = [path.rpartition(".")[2] for path in mine if ".token." in path or ".signature." in path]
        return {"mark": "bad", "note": "; ".join(mine.values())} | ({"differs": fields} if fields else {})


def _reached(wrong: Mapping[str, str], observed: Mapping[str, Any]) -> dict[str, str]:
    """The wrong paths, with the number of the leg for `last`."""
    found = {}
    for path, sentence in wrong.items():
        side, last, rest = path.partition(".last.")
        found[f"{side}.leg.{observed.get(f'{side}.legs', 0)}.{rest}" if last else path] = sentence
    return found


def group_of(path: str) -> str:
    """The leg or call that a path belongs to; empty when it is of the case as a whole."""
    words = path.split(".")
    if words[0] in _OTHER:
        if words[1] == "acquire":
            return ".".join(words[:2])
        if "leg" in words[1:3]:
            return ".".join(words[:words.index("leg") + 2])
        return ""
    if words[0] in ("sign", "seal", "call", "delete", "free"):
        return ".".join(words[:2])
    if words[0] == "query" and words[1] in _OTHER:
        return ".".join(words[:3])
    if words[0] == "onward" and words[-1] == "status":
        return path.removesuffix(".status")
    return ""
