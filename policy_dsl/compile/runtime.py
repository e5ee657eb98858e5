"""What generated code may call: total functions on any value, which answer None where a test is an error.

ABSENT stands for what the call does not have, ASTRAY for what cannot be (a step into a text, the length of a number, an
inexact sum): neither is a JSON value, so no test of a type lets them through.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from decimal import Decimal
from typing import Any, Final

from ..facts import Facts
from ..types import conforms
from ..values import host, mail, number, path, shell, text, web
from ..values.number import InexactError, is_integer, is_multiple, is_number
from ..values.text import fold
from .signatures import is_flat

__all__ = [
    "ABSENT",
    "ASTRAY",
    "SCALARS",
    "add",
    "conforms",
    "contains",
    "dig",
    "ends_with",
    "equal",
    "exceeds",
    "fold",
    "from_source",
    "has_kind",
    "has_label",
    "is_flat",
    "is_integer",
    "is_json",
    "is_multiple",
    "length",
    "mail_at",
    "mail_under",
    "multiply",
    "number_of",
    "runs_none",
    "runs_one",
    "said",
    "seen",
    "starts_with",
    "subtract",
    "tally",
    "under",
    "web_at",
    "web_under",
]


class _Nothing:
    __slots__ = ("_word",)

    def __init__(self, word: str) -> None:
        self._word = word

    def __repr__(self) -> str:
        return self._word


ABSENT: Final = _Nothing("ABSENT")
ASTRAY: Final = _Nothing("ASTRAY")

_KINDS = frozenset({str, bool, type(None), list, dict})

SCALARS: Final = frozenset({str, bool, int, Decimal, type(None), _Nothing})
"""Types of what holds nothing inside."""


def has_kind(value: object) -> bool:
    """Whether the value has a JSON type, whatever it holds."""
    return type(value) in _KINDS or is_number(value)


def is_json(value: object) -> bool:
    """Whether the value is JSON at every depth: a float, which the strict parser never gives, is not."""
    if type(value) is list:
        return all(map(is_json, value))
    if type(value) is dict:
        return all(map(is_json, value.values()))
    return has_kind(value)


def dig(value: object, steps: tuple[str | int, ...]) -> object:
    """The value some steps further in."""
    for step in steps:
        if isinstance(step, int):
            if type(value) is not list:
                return ABSENT if value is ABSENT else ASTRAY
            value = value[step] if 0 <= step < len(value) else ABSENT
        else:
            if type(value) is not dict:
                return ABSENT if value is ABSENT else ASTRAY
            value = value.get(step, ABSENT)
    return value


def length(value: object) -> object:
    return len(value) if type(value) is str or type(value) is list or type(value) is dict else ASTRAY


_SMALL: Final = 10**18


def add(left: object, right: object) -> object:
    if type(left) is int and type(right) is int:
        total = left + right
        if -_SMALL < total < _SMALL:  # as counters do, in each decision
            return total
    return _exactly(number.add, left, right)


def subtract(left: object, right: object) -> object:
    return _exactly(number.sub, left, right)


def multiply(left: object, right: object) -> object:
    return _exactly(number.mul, left, right)


def _exactly(operation: Callable[[Any, Any], object], left: object, right: object) -> object:
    if not (is_number(left) and is_number(right)):
        return ASTRAY
    try:
        return operation(left, right)
    except InexactError:
        return ASTRAY


def number_of(value: object) -> object:
    if type(value) is not str:
        return ASTRAY
    found = number.read(value)
    return ASTRAY if found is None else found


def equal(left: object, right: object, ignore_case: bool, nfkc: bool) -> bool | None:
    """JSON equality of two values of one JSON type."""
    if not (is_json(left) and is_json(right) and _alike(left, right)):
        return None
    return _same(left, right, ignore_case, nfkc)


def _alike(left: object, right: object) -> bool:
    return type(left) is type(right) or (is_number(left) and is_number(right))


def _same(left: object, right: object, ignore_case: bool, nfkc: bool) -> bool:
    if type(left) is str and type(right) is str:
        return text.fold(left, ignore_case, nfkc) == text.fold(right, ignore_case, nfkc)
    if type(left) is list and type(right) is list:
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(_same(one, other, ignore_case, nfkc) for one, other in pairs)
    if type(left) is dict and type(right) is dict:
        return left.keys() == right.keys() and all(_same(left[n], right[n], ignore_case, nfkc) for n in left)
    return _alike(left, right) and left == right


def starts_with(whole: object, part: object, ignore_case: bool, nfkc: bool) -> bool | None:
    if type(whole) is not str or type(part) is not str:
        return None
    return text.fold(whole, ignore_case, nfkc).startswith(text.fold(part, ignore_case, nfkc))


def ends_with(whole: object, part: object, ignore_case: bool, nfkc: bool) -> bool | None:
    if type(whole) is not str or type(part) is not str:
        return None
    return text.fold(whole, ignore_case, nfkc).endswith(text.fold(part, ignore_case, nfkc))


def contains(whole: object, part: object, ignore_case: bool, nfkc: bool) -> bool | None:
    """Text in text, or an equal element in a list."""
    if type(whole) is str and type(part) is str:
        return text.fold(part, ignore_case, nfkc) in text.fold(whole, ignore_case, nfkc)
    if type(whole) is not list or not (is_json(whole) and is_json(part)):
        return None
    return any(_same(item, part, ignore_case, nfkc) for item in whole)


def mail_at(value: str, domains: Set[str]) -> bool:
    domain = mail.address_domain(value)
    return domain is not None and domain in domains


def mail_under(value: str, domains: Set[str]) -> bool:
    domain = mail.address_domain(value)
    return domain is not None and host.is_listed(domain, domains, subdomains=True)


def web_at(value: str, hosts: Set[str]) -> bool:
    found = web.https_host(value)
    return found is not None and found in hosts


def web_under(value: str, hosts: Set[str]) -> bool:
    found = web.https_host(value)
    return found is not None and host.is_listed(found, hosts, subdomains=True)


def under(value: str, roots: Set[str]) -> bool:
    return any(path.is_under(value, root) for root in roots)


def runs_one(value: str, programs: Set[str]) -> bool:
    program = shell.program_of(value)
    return program is not None and program in programs


def runs_none(value: str, programs: Set[str]) -> bool:
    found = shell.programs_of(value)
    return found is not None and programs.isdisjoint(found)


def said(value: object, words: tuple[str, ...]) -> bool | None:
    if type(value) is str or is_number(value):
        return text.said_by_user(value, words)
    return None


# --- the session ----------------------------------------------------------------------------------------------------


def _lacks(keys: tuple[object, ...]) -> bool:
    return any(key is ABSENT or key is ASTRAY for key in keys)


def tally(facts: Facts, tracker: int, keys: tuple[object, ...]) -> object:
    """Where a counter with keys stands; ASTRAY where a key is an error, or the session cannot tell."""
    if _lacks(keys):
        return ASTRAY
    found = facts.history.tally(tracker, keys, facts.now)
    return ASTRAY if type(found) is str else found


def seen(facts: Facts, tracker: int, keys: tuple[object, ...]) -> object:
    """True, False, or what is neither: None, or the session's own word for why."""
    return None if keys and _lacks(keys) else facts.history.seen(tracker, keys, facts.now)


def from_source(facts: Facts, value: object, source: int, loosely: bool) -> object:
    if type(value) is not str and not is_number(value):
        return None
    return facts.history.derived(value, source) if loosely else facts.history.in_results(value, source)


def has_label(facts: Facts, names: Set[str], compartment: str | None) -> bool:
    """Whether the session carries a label of one of the names, in the compartment if one is given."""
    return any(name in names and compartment in (None, of) for name, of in facts.history.labels)


def exceeds(facts: Facts, covered: Set[tuple[str, str | None]]) -> bool:
    """Whether the session carries a label that is not among the covered ones."""
    return not facts.history.labels <= covered
