"""How state is written down: JSON text that gives back the same values, exact numbers and kinds of key included.

A number that not every reader of JSON would read the same (a decimal, an integer over 2**53) is written as
`{"n": "98.70"}`; no object of an export has that one member otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from ..values.number import is_number

VERSION: Final = 1
"""Of the format of exports and deltas. Another version is refused: what a session remembers is not guessed at."""

LONGEST_KEY: Final = 256
"""Characters of a text that a key holds as it is; a longer one is held by its SHA-256."""

ARGUMENTS_KEPT: Final = 16 * 1024
"""Bytes of a waiting call's arguments, as JSON. Of a longer call nothing is known when its answer comes: conditions on
it are errors, which make events doubtful and label answers."""

_EXACT: Final = 2**53


class StateError(ValueError):
    """An export or a delta that cannot be read."""


MALFORMED: Final = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What reading a tree of the wrong shape ends in."""


def write(kept: Mapping[str, Any]) -> bytes:
    return _ENCODE({"v": VERSION, **_plain(kept)})


def read(text: bytes) -> dict[str, Any]:
    """What `write` was given. Raises StateError."""
    try:
        tree = _full(_DECODE(text))
    except (msgspec.MsgspecError, ValueError, RecursionError, ArithmeticError) as error:
        raise StateError("the state cannot be read") from error
    if not isinstance(tree, dict) or tree.pop("v", None) != VERSION:
        raise StateError(f"the state is not of version {VERSION}")
    return tree


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return value if -_EXACT <= value <= _EXACT else {"n": str(value)}
    if kind is Decimal:
        return {"n": str(value)}
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value]


def _full(value: Any) -> Any:
    if type(value) is list:
        return [_full(part) for part in value]
    if type(value) is not dict:
        return value
    if value.keys() == {"n"}:
        return int(value["n"]) if value["n"].lstrip("-").isdecimal() else Decimal(value["n"])
    return {name: _full(part) for name, part in value.items()}


def is_short(arguments: Mapping[str, Any]) -> bool:
    """Whether a waiting call may keep its arguments."""
    return len(_ENCODE(arguments)) <= ARGUMENTS_KEPT


def frozen(value: Any) -> Any:
    """The value with every list in it as a tuple: keys come back as they were."""
    return tuple(frozen(part) for part in value) if isinstance(value, list | tuple) else value


def is_plain(value: object) -> bool:
    """Whether the value is its own key: a text that is not long."""
    return type(value) is str and len(value) <= LONGEST_KEY


def key(value: object) -> Hashable | None:
    """What stands for a scalar among keys: `true` is not 1, 1 is 1.0, "1" is neither. None for what is no scalar."""
    if type(value) is str:
        if len(value) <= LONGEST_KEY:
            return value
        return "text", hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
    if type(value) is bool or value is None:
        return (value,)
    return value if is_number(value) else None


def keys(values: Iterable[object]) -> tuple[Hashable, ...] | None:
    """The keys for some values; None where one of them is no scalar."""
    found = tuple([key(value) for value in values])
    return None if None in found else found


_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.decode
