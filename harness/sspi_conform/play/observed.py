# SPDX-License-Identifier: Apache-2.0
"""The observed paths of a case. What costs time and is rarely asked for is worked out when it is read."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Observed(dict[str, Any]):
    """Paths and values, as a dict.

    Beside what is stored it answers `<side>.last.*` (the last leg of that side) and `<...>.token.<field>`
    (decoded from the bytes on demand). Iterating shows what is stored; `every()` shows all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[str, str] = {}  # path of a token -> its bytes in hex

    def __missing__(self, path: str) -> Any:
        value = self._worked_out(path)
        if value is None:
            raise KeyError(path)
        return value

    def get(self, path: str, default: Any = None) -> Any:  # type: ignore[override]
        """The value of a path, stored or worked out."""
        try:
            return self[path]
        except KeyError:
            return default

    def __contains__(self, path: object) -> bool:
        return super().__contains__(path) or (isinstance(path, str) and self._worked_out(path) is not None)

    def every(self) -> Iterator[tuple[str, Any]]:
        """All paths in the order they came up, each token followed by its fields."""
        for path, value in self.items():
            yield path, value
            if path in self.tokens:
                for name, field in _decode(path, self.tokens[path]).items():
                    yield f"{path}.{name}", field

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (dict(self), self.tokens)

    def _worked_out(self, path: str) -> Any:
        side, dot, rest = path.partition(".last.")
        if dot:
            legs = dict.get(self, f"{side}.legs")
            if legs is None:
                return None
            path = f"{side}.leg.{legs}.{rest}"
            if super().__contains__(path):
                return super().__getitem__(path)
        for word in (".token", ".signature"):
            before, dot, field = path.partition(f"{word}.")
            token = self.tokens.get(before + word) if dot else None
            if token is not None:
                return _decode(before, token).get(field)
        return None


def _restore(values: dict[str, Any], tokens: dict[str, str]) -> Observed:
    observed = Observed()
    observed.update(values)
    observed.tokens = tokens
    return observed


def _decode(path: str, token: str) -> dict[str, Any]:
    from .. import tokens  # not needed to play a case, and costs time to import

    read = tokens.message_fields if path.startswith(("sign.", "seal.")) else tokens.fields
    try:
        return read(bytes.fromhex(token))
    except tokens.TokenError as problem:
        return {"error": str(problem)}


class Kinds:
    """Classifies tokens by their first bytes, remembering what it saw: most begin alike."""

    def __init__(self) -> None:
        self._ntlm = {"4e544c4d53535000" + number.to_bytes(4, "little").hex(): f"NTLM {name}"
                      for number, name in ((1, "NEGOTIATE"), (2, "CHALLENGE"), (3, "AUTHENTICATE"))}

    def of(self, token: str | None) -> str:
        """The kind of a token given in hex."""
        if not token:
            return "none"
        kind = self._ntlm.get(token[:24])
        if kind is not None:
            return kind
        from .. import tokens

        return tokens.kind(bytes.fromhex(token))
