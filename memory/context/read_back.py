"""Conditions of the language back to tests of attributes: a person's edit, or a file of learned rules that is read.

A condition is taken where it is a conjunction of tests that attributes have; everything else is refused with what to
write instead. Two tests of one attribute are both to hold, so their values are intersected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from policy_dsl import (
    EXACT,
    And,
    Argument,
    Compare,
    Condition,
    FromUser,
    HasRole,
    IsType,
    JsonType,
    LengthOf,
    Literal,
    MailSet,
    Member,
    Not,
    Operand,
    Or,
    PolicySet,
    Presence,
    PrincipalPart,
    SessionHas,
    SetLiteral,
    SetName,
    Under,
    WebSet,
    quoted,
    spelling,
)
from policy_dsl.ast import Scalar
from policy_dsl.values import host

from ..model import Condition as Tests
from .kinds import DECADES, LENGTHS, json_text, names_of, number_text
from .places import place_of, spelled
from .target import target_of
from .vocabulary import OutsideVocabulary, Vocabulary

Said = tuple[str, frozenset[str]]
"""One attribute and the values that it may have."""

_BOTH: Final = frozenset({"true", "false"})
_BOUNDS: Final[dict[str, Sequence[int]]] = {"range": DECADES, "length": LENGTHS}


def read_back(condition: Condition | None, tool: str, policy: PolicySet | Vocabulary) -> Tests:
    """The tests of attributes that `condition` says about calls of `tool`, as a Context names it. None has no tests.

    Raises OutsideVocabulary where it says something that memory does not look at, or that no call fulfils.
    """
    target = target_of(tool)
    words = policy if isinstance(policy, Vocabulary) else Vocabulary(policy)
    known = frozenset(words.names(target.server, target.tool))
    found: dict[str, frozenset[str]] = {}
    for attribute, values in [] if condition is None else _of(condition, words, known):
        both = found.get(attribute, values) & values
        if not both:
            raise OutsideVocabulary(f"no call fulfils both tests of `{attribute}`")
        found[attribute] = both
    return Tests(tool, tuple((name, tuple(sorted(found[name]))) for name in sorted(found)))


def _of(condition: Condition, words: Vocabulary, known: frozenset[str]) -> list[Said]:
    parts = _flat(condition)
    bounded, rest = _bounds(parts)
    said = [_range(kind, operand, tests) for (kind, operand), tests in bounded.items()]
    lists = {operand for kind, operand in bounded if kind == "length"}
    for part in rest:
        if isinstance(part, IsType) and part.operand in lists:
            continue  # `length` is of lists, and says so where it is written out
        if isinstance(part, Not) and part.item in _absences(parts):
            continue  # keeps `x == null` from being an error where there is no x
        said.append(_one(part, words, known))
    return said


def _absences(parts: Sequence[Condition]) -> list[Condition]:
    """Of the arguments that are compared with null, alone or among other values."""
    items = [item for part in parts for item in (part.items if isinstance(part, Or) else (part,))]
    return [
        Presence("absent", item.left)
        for item in items
        if isinstance(item, Compare) and item.right == Literal(None) and isinstance(item.left, Argument)
    ]


def _flat(condition: Condition) -> list[Condition]:
    if isinstance(condition, And):
        return [part for item in condition.items for part in _flat(item)]
    return [condition]


def _one(node: Condition, words: Vocabulary, known: frozenset[str]) -> Said:
    if isinstance(node, Or):
        return _alternatives(node, words, known)
    positive, denied = (node.item, True) if isinstance(node, Not) else (node, False)
    for reads in _READERS:
        found = reads(positive, denied, words, known)
        if found is not None:
            return found
    raise _outside(node)


def _alternatives(node: Or, words: Vocabulary, known: frozenset[str]) -> Said:
    """`or` is taken between tests of one attribute."""
    said = [one for item in node.items for one in _of(item, words, known)]
    names = {attribute for attribute, _ in said}
    if len(names) != 1 or len(said) != len(node.items):
        raise OutsideVocabulary(
            f"{quoted(spelling.condition(node))} chooses between tests of different things",
            "make a rule of each side, or test one thing only",
        )
    return names.pop(), frozenset(value for _, values in said for value in values)


# --- ranges -----------------------------------------------------------------------------------------------------------

Bounded = dict[tuple[str, Argument], list[Compare]]


def _bounds(parts: Sequence[Condition]) -> tuple[Bounded, list[Condition]]:
    """Comparisons by order, by what they compare; and the other tests."""
    bounded: Bounded = {}
    rest: list[Condition] = []
    for part in parts:
        if isinstance(part, Compare) and part.op not in ("==", "!="):
            if isinstance(part.left, Argument):
                bounded.setdefault(("range", part.left), []).append(part)
                continue
            if isinstance(part.left, LengthOf) and isinstance(part.left.operand, Argument):
                if not any(one == IsType(part.left.operand, JsonType.LIST) for one in parts):
                    at = spelling.operand(part.left.operand, ())
                    raise OutsideVocabulary(
                        f"`length of {at}` may be that of a text", f"write `{at} is list and length of {at} ...`"
                    )
                bounded.setdefault(("length", part.left.operand), []).append(part)
                continue
        rest.append(part)
    return bounded, rest


def _range(kind: str, operand: Argument, tests: Sequence[Compare]) -> Said:
    bounds = _BOUNDS[kind]
    low, high = 0, len(bounds) + 1
    for test in tests:
        limit = test.right.value if isinstance(test.right, Literal) else None
        if test.op not in (">=", "<") or type(limit) not in (int, Decimal) or limit not in bounds:
            listed = ", ".join(map(spelling.number, bounds[:7]))
            raise OutsideVocabulary(
                f"{quoted(spelling.condition(test))} is not a bound that memory keeps",
                f"compare with `>=` or `<` and one of {listed} ...",
            )
        place = bounds.index(int(limit)) + 1  # type: ignore[arg-type]  # a number, by the line above
        low, high = (max(low, place), high) if test.op == ">=" else (low, min(high, place))
    names = frozenset(names_of(bounds)[low:high])
    if not names:
        raise OutsideVocabulary(f"no number is in the range of `{spelling.operand(operand, ())}`")
    return f"{kind} {_place(operand)}", names


# --- single tests -----------------------------------------------------------------------------------------------------


def _equal(node: Condition, denied: bool, words: Vocabulary, known: frozenset[str]) -> Said | None:
    if denied or not isinstance(node, Compare) or node.op != "==" or node.text != EXACT:
        return None
    return _values(node.left, (node.right.value,)) if isinstance(node.right, Literal) else None


def _listed(node: Condition, denied: bool, words: Vocabulary, known: frozenset[str]) -> Said | None:
    if denied or not isinstance(node, Member) or not isinstance(node.within, SetLiteral) or node.text != EXACT:
        return None
    return _values(node.operand, node.within.items) if node.within.items and not node.within.names else None


def _values(operand: Operand, values: Sequence[Scalar]) -> Said | None:
    if isinstance(operand, PrincipalPart) and operand.part in ("agent", "user"):
        names = [value for value in values if type(value) is str]
        return (operand.part, frozenset(names)) if len(names) == len(values) else None
    if not isinstance(operand, Argument):
        return None
    texts = [_text(value) for value in values]
    return f"arg {_place(operand)}", frozenset(texts)


def _text(value: Scalar) -> str:
    if value is None or type(value) is bool:
        return {None: "null", True: "true", False: "false"}[value]
    text = json_text(value) if type(value) is str else number_text(value)  # type: ignore[arg-type]  # a number
    if text is None:
        raise OutsideVocabulary(
            f"{quoted(spelling.scalar(value))} is longer than what memory compares", "ask about its domain or its set"
        )
    return text


def _domains(node: Condition, denied: bool, words: Vocabulary, known: frozenset[str]) -> Said | None:
    if denied or not isinstance(node, Member) or not isinstance(node.operand, Argument):
        return None
    within = node.within
    if isinstance(within, MailSet) and not within.subdomains and isinstance(within.domains, SetLiteral):
        return f"domain {_place(node.operand)}", _hosts(within.domains)
    if isinstance(within, WebSet) and not within.subdomains and isinstance(within.hosts, SetLiteral):
        return f"host {_place(node.operand)}", _hosts(within.hosts)
    return None


def _hosts(listed: SetLiteral) -> frozenset[str]:
    found = [host.canonical(item) if isinstance(item, str) else None for item in listed.items]
    hosts = frozenset(one for one in found if one is not None)
    if listed.names or not hosts or len(hosts) < len(set(listed.items)):
        raise OutsideVocabulary("a set of host names is written out in small letters, name by name")
    return hosts


def _folder(node: Condition, denied: bool, words: Vocabulary, known: frozenset[str]) -> Said | None:
    if denied or not isinstance(node, Under) or not isinstance(node.operand, Argument):
        return None
    roots = node.roots.items if isinstance(node.roots, SetLiteral) and not node.roots.names else ()
    first = [
        root for root in roots if isinstance(root, str) and root.startswith("/") and root.count("/") == 1 < len(root)
    ]
    if not roots or len(first) < len(roots):
        raise OutsideVocabulary("memory knows only the first directory of a path", 'write `under "/first"`')
    return f"folder {_place(node.operand)}", frozenset(first)


def _in_set(node: Condition, denied: bool, words: Vocabulary, known: frozenset[str]) -> Said | None:
    if not isinstance(node, Member) or not isinstance(node.operand, Argument) or not isinstance(node.within, SetName):
        return None
    name, place = node.within.name, place_of(node.operand)
    if node.text != EXACT or name not in words.policy.sets:
        return None
    if denied and (name, place) not in words.asked:
        raise OutsideVocabulary(
            f"memory does not look whether `{spelling.operand(node.operand, ())}` is not in `{name}`",
            "only where a rule of the policy asks about that set",
        )
    return f"in {name} {_place(node.operand)}", frozenset({"false" if denied else "true"})


def _presence(node: Condition, denied: bool, words: Vocabulary, known: frozenset[str]) -> Said | None:
    if not isinstance(node, Presence) or node.kind == "absent" or not isinstance(node.operand, Argument):
        return None
    there = (node.kind == "has") is not denied
    path = node.operand.path
    if not there and not (len(path) == 1 and path[0] in known):
        raise OutsideVocabulary(
            f"nothing says that `{spelling.operand(node.operand, ())}` is an argument of the tool",
            "only what a tool's schema or a signature names can be found lacking",
        )
    return f"has {_place(node.operand)}", frozenset({"true" if there else "false"})


def _from_user(node: Condition, denied: bool, words: Vocabulary, known: frozenset[str]) -> Said | None:
    if not isinstance(node, FromUser) or not isinstance(node.operand, Argument):
        return None
    return f"user {_place(node.operand)}", frozenset({"false" if denied else "true"})


def _label(node: Condition, denied: bool, words: Vocabulary, known: frozenset[str]) -> Said | None:
    if not isinstance(node, SessionHas) or node.label not in words.labels:
        return None
    return f"label {spelling.label(node.label)}", frozenset({"false" if denied else "true"})


def _role(node: Condition, denied: bool, words: Vocabulary, known: frozenset[str]) -> Said | None:
    return (f"role {node.role}", frozenset({"true"})) if isinstance(node, HasRole) and not denied else None


_READERS: Final[tuple[Callable[[Condition, bool, Vocabulary, frozenset[str]], Said | None], ...]] = (
    _equal,
    _listed,
    _domains,
    _folder,
    _in_set,
    _presence,
    _from_user,
    _label,
    _role,
)


def _place(operand: Argument) -> str:
    place = place_of(operand)
    if place is None:
        raise OutsideVocabulary(
            f"`{spelling.operand(operand, ())}` is a position in a list, which memory does not read"
        )
    return spelled(place)


def _outside(node: Condition) -> OutsideVocabulary:
    return OutsideVocabulary(
        f"memory does not look at {quoted(spelling.condition(node))}",
        "docs/memory.md lists what a learned rule can ask about",
    )
