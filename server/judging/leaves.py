"""The texts of a call, each with a place that may stand in a Record.

Names inside an argument are written by the model, so a place says only the argument and positions in lists: `items[2]`.
Names are texts that are looked into like values. A whole number is looked into as its digits: card numbers come so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from .personal import personal
from .secrets import secrets

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
ELSEWHERE: Final = "?"
"""The place in an argument whose name a Record had better not repeat."""

_UNSEEN: Final = frozenset({"Cf", "Mn", "Me", "Cc", "Co", "Cn"})


class Leaf(NamedTuple):
    place: str
    text: str


def leaves(arguments: Mapping[str, Any]) -> Iterator[Leaf]:
    """Every text, number and name in the arguments; iterative, since arguments nest 64 deep."""
    waiting: list[tuple[str, Any]] = []
    for name, value in arguments.items():
        yield Leaf("", name)
        waiting.append((name if _is_fit(name) else ELSEWHERE, value))
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str):
            yield Leaf(place, value)
        elif isinstance(value, Mapping):
            for name, inner in value.items():
                yield Leaf(place, name)
                waiting.append((place, inner))
        elif isinstance(value, list):
            waiting += [
                (f"{place}[{index}]" if place.count("[") < 4 else place, one) for index, one in enumerate(value)
            ]
        elif isinstance(value, int) and not isinstance(value, bool):
            yield Leaf(place, str(value))


def _is_fit(name: str) -> bool:
    """Whether a Record may repeat the name of an argument: a model can write a secret there too."""
    return _PLAIN.fullmatch(name) is not None and not any((*secrets(name), *personal(name)))


def readings(text: str) -> Iterator[str]:
    """The text, and where it differs the text as people and models read it: compatibility forms folded (NFKC, Unicode
    Standard Annex 15) and what nobody sees taken out, so that a zero-width space breaks no pattern."""
    yield text
    if text.isascii():
        return
    folded = unicodedata.normalize("NFKC", text)
    seen = "".join(one for one in folded if one in "\n\r\t" or unicodedata.category(one) not in _UNSEEN)
    if seen != text:
        yield seen
