"""The table of attributes that a value of a call has: which values there are, by the value's JSON type.

Each kind is a function from a Leaf to the value of one attribute, or None where it has none. What each attribute is as
a condition of the language stands in conditions.py, in the same order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec

from policy_dsl import Facts
from policy_dsl.values import mail, number, path, text, web

from .places import Place
from .vocabulary import Test, Vocabulary

MOST_TEXT: Final = 64
"""Characters of a text that is an attribute's value; what is longer is read as free text."""

MOST_NUMBER: Final = 64
"""Characters of a number written out."""

DECADES: Final[tuple[int, ...]] = (0, *(10**power for power in range(16)))
LENGTHS: Final[tuple[int, ...]] = (0, 1, 2, 10, 100, 1_000)
"""Where ranges of numbers, and of lengths of lists, begin: each is from its bound on and below the next."""


class Leaf(NamedTuple):
    """A value of the call that is no object, its place and how that is spelled, and what else can be known of it."""

    place: Place
    spelled: str
    value: Any
    facts: Facts
    words: Vocabulary


Kind = tuple[str, Callable[[Leaf], str | None]]


def names_of(bounds: Sequence[int]) -> tuple[str, ...]:
    """`..0`, `0..1`, `1..10` and so on, the last without an end."""
    ends = ["", *map(str, bounds), ""]
    return tuple(f"{low}..{high}" for low, high in pairwise(ends))


_DECADE_NAMES: Final = names_of(DECADES)
_LENGTH_NAMES: Final = names_of(LENGTHS)


def json_text(value: str) -> str | None:
    """A short text as JSON writes it; None for a long one, and for one that no JSON text can be (a lone surrogate)."""
    if len(value) > MOST_TEXT:
        return None
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:
        return None


_encode: Final = msgspec.json.Encoder().encode


def number_text(value: int | Decimal) -> str | None:
    """Equal numbers have equal texts: `1`, `1.0` and `1E+0` are all `1`. None where that would be long."""
    if type(value) is int:
        return str(value) if value.bit_length() <= 3 * MOST_NUMBER else None
    assert isinstance(value, Decimal)
    if not -MOST_NUMBER <= value.adjusted() <= MOST_NUMBER or len(value.as_tuple().digits) > MOST_NUMBER:
        return None
    written = f"{value:f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    written = "0" if written == "-0" else written
    return written if len(written) <= MOST_NUMBER else None


def _exactly(leaf: Leaf) -> str | None:
    value = leaf.value
    if value is None or type(value) is bool:
        return {None: "null", True: "true", False: "false"}[value]
    return json_text(value) if type(value) is str else number_text(value)


def _domain(leaf: Leaf) -> str | None:
    domain = mail.address_domain(leaf.value) if "@" in leaf.value else None
    return domain if domain is not None and len(domain) <= MOST_TEXT else None


def _host(leaf: Leaf) -> str | None:
    found = web.https_host(leaf.value) if leaf.value[:8].lower() == "https://" else None
    return found if found is not None and len(found) <= MOST_TEXT else None


def _folder(leaf: Leaf) -> str | None:
    """The first directory of an absolute, plain path, or the file that stands in the root."""
    if not leaf.value.startswith("/"):
        return None
    first = leaf.value.split("/", 2)[1]
    if not first or len(first) > MOST_TEXT or json_text(first) is None:
        return None
    return f"/{first}" if path.is_under(leaf.value, f"/{first}") else None


def _range(leaf: Leaf) -> str:
    return _DECADE_NAMES[bisect_right(DECADES, leaf.value)]


def _length(leaf: Leaf) -> str:
    return _LENGTH_NAMES[bisect_right(LENGTHS, len(leaf.value))]


def _user(leaf: Leaf) -> str:
    said = leaf.facts.user_words
    return "true" if said and text.said_by_user(leaf.value, said) else "false"


BY_TYPE: Final[dict[type, tuple[Kind, ...]]] = {
    str: (("arg", _exactly), ("domain", _domain), ("host", _host), ("folder", _folder), ("user", _user)),
    int: (("arg", _exactly), ("range", _range), ("user", _user)),
    Decimal: (("arg", _exactly), ("range", _range), ("user", _user)),
    bool: (("arg", _exactly),),
    type(None): (("arg", _exactly),),
    list: (("length", _length),),
}
"""By the value's own type: the attributes that it may have, `has` and `in` apart. Objects have only `has`."""


def sets_of(leaf: Leaf, tests: dict[str, Test]) -> list[tuple[str, str]]:
    """The sets that a value is in, and those it is not in although the policy asks about them at this place."""
    found = []
    for name, test in tests.items():
        within = test({"value": leaf.value})
        if within is True:
            found.append((f"in {name} {leaf.spelled}", "true"))
        elif within is False and (name, leaf.place) in leaf.words.asked:
            found.append((f"in {name} {leaf.spelled}", "false"))
    return found


def is_value(value: object) -> bool:
    """Whether it is a scalar of the language: no float, no number without an end."""
    return type(value) is not Decimal or number.is_number(value)
