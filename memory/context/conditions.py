"""A Condition as the language says it: one test of an attribute is one or two tests of the call.

`condition_of(c, policy)` is true of a call exactly where `c` holds for its Context, as long as the Context has room for
all attributes of the call (tests/memory/test_context_property.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from policy_dsl import (
    And,
    Argument,
    Compare,
    Condition,
    FromUser,
    HasRole,
    IsType,
    JsonType,
    Label,
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
    parse_json,
)
from policy_dsl import StrictJsonError as BadJson
from policy_dsl.ast import Scalar

from ..model import Condition as Tests
from .kinds import DECADES, LENGTHS, names_of
from .places import parsed
from .target import Target, target_of
from .vocabulary import OutsideVocabulary, Vocabulary


class Asked(NamedTuple):
    """One test of an attribute on its way to the language: what stands after the kind in its name, and the values."""

    rest: str
    values: tuple[str, ...]
    target: Target
    words: Vocabulary


def condition_of(tests: Tests, policy: PolicySet | Vocabulary) -> Condition | None:
    """`tests` on the arguments and the facts, as a tree of the language; None where every call of the tool passes.

    Raises OutsideVocabulary for a test that no call can pass, or that is none of ours.
    """
    target = target_of(tests.tool)
    words = policy if isinstance(policy, Vocabulary) else Vocabulary(policy)
    parts: list[Condition] = []
    for attribute, values in tests.tests:
        kind, _, rest = attribute.partition(" ")
        spell = _ALONE.get(attribute) or (_KINDS.get(kind) if rest else None)
        if spell is None or not values:
            raise OutsideVocabulary(f"there is no attribute `{attribute}`")
        parts += spell(Asked(rest, values, target, words))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _arg(asked: Asked) -> Sequence[Condition]:
    at = _argument(asked.rest)
    values = [_scalar(text) for text in asked.values]
    listed = tuple(value for value in values if value is not None)
    tests: list[Condition] = [Compare("==", at, Literal(None))] * (None in values)  # null is in no set
    if len(listed) == 1:
        tests.append(Compare("==", at, Literal(listed[0])))
    elif listed:
        tests.append(Member(at, SetLiteral(listed)))
    return tests if len(tests) == 1 else [Or(tuple(tests))]


def _has(asked: Asked) -> Sequence[Condition]:
    at = _argument(asked.rest)
    there, lacking = _truths(asked)
    known = len(at.path) == 1 and at.path[0] in asked.words.names(asked.target.server, asked.target.tool)
    if there and lacking and known:
        return []
    if lacking and not there and not known:
        raise OutsideVocabulary(f"nothing says that `{asked.rest}` is an argument of `{asked.target.tool}`")
    return [Presence("has" if there else "missing", at)]


def _domain(asked: Asked) -> Sequence[Condition]:
    return [Member(_argument(asked.rest), MailSet(SetLiteral(asked.values), False))]


def _host(asked: Asked) -> Sequence[Condition]:
    return [Member(_argument(asked.rest), WebSet(SetLiteral(asked.values), False))]


def _folder(asked: Asked) -> Sequence[Condition]:
    return [Under(_argument(asked.rest), SetLiteral(asked.values))]


def _range(asked: Asked) -> Sequence[Condition]:
    return _between(_argument(asked.rest), DECADES, asked)


def _length(asked: Asked) -> Sequence[Condition]:
    at = _argument(asked.rest)
    return [IsType(at, JsonType.LIST), *_between(LengthOf(at), LENGTHS, asked)]


def _in(asked: Asked) -> Sequence[Condition]:
    name, _, rest = asked.rest.partition(" ")
    at = _argument(rest)
    if name not in asked.words.policy.sets:
        raise OutsideVocabulary(f"the policy has no set `{name}`")
    return _either(Member(at, SetName(name)), asked, may_deny=(name, at.path) in asked.words.asked)


def _user(asked: Asked) -> Sequence[Condition]:
    return _either(FromUser(_argument(asked.rest)), asked)


def _label(asked: Asked) -> Sequence[Condition]:
    name, _, compartment = asked.rest.removesuffix(")").partition("(")
    label = Label(name, compartment or None)
    if label not in asked.words.labels:
        raise OutsideVocabulary(f"the policy has no label `{asked.rest}`")
    has, lacks = _truths(asked)
    if has and lacks:
        return []
    return [SessionHas(label) if has else Not(SessionHas(label))]


def _role(asked: Asked) -> Sequence[Condition]:
    if asked.values != ("true",):
        raise OutsideVocabulary(f"that a role is lacking is no attribute: `{asked.rest}`")
    return [HasRole(asked.rest)]


def _agent(asked: Asked) -> Sequence[Condition]:
    return _named(PrincipalPart("agent"), asked)


def _principal_user(asked: Asked) -> Sequence[Condition]:
    return _named(PrincipalPart("user"), asked)


_KINDS: Final[dict[str, Callable[[Asked], Sequence[Condition]]]] = {
    "arg": _arg,
    "has": _has,
    "domain": _domain,
    "host": _host,
    "folder": _folder,
    "length": _length,
    "range": _range,
    "in": _in,
    "user": _user,
    "label": _label,
    "role": _role,
}
_ALONE: Final[dict[str, Callable[[Asked], Sequence[Condition]]]] = {"agent": _agent, "user": _principal_user}
"""Attributes whose name is one word."""


def _argument(rest: str) -> Argument:
    place = parsed(rest)
    if place is None:
        raise OutsideVocabulary(f"`{rest}` is no place in a call")
    return Argument(place)


def _scalar(text: str) -> Scalar:
    try:
        value = parse_json(text.encode(), numbers="kept")
    except (BadJson, UnicodeEncodeError) as error:
        raise OutsideVocabulary(f"`{text}` is no value") from error
    if isinstance(value, list | dict):
        raise OutsideVocabulary(f"`{text}` is no single value")
    return value


def _truths(asked: Asked) -> tuple[bool, bool]:
    if not set(asked.values) <= {"true", "false"}:
        raise OutsideVocabulary(f"`{asked.rest}` is either true or false")
    return "true" in asked.values, "false" in asked.values


def _either(test: Condition, asked: Asked, may_deny: bool = True) -> Sequence[Condition]:
    """A test that is true, false, or (for both values) answered at all."""
    yes, no = _truths(asked)
    if no and not may_deny:
        if not yes:
            raise OutsideVocabulary(f"the policy never asks about `{asked.rest}`")
        no = False
    return [Or((test, Not(test)))] if yes and no else [test if yes else Not(test)]


def _named(part: Operand, asked: Asked) -> Sequence[Condition]:
    if len(asked.values) == 1:
        return [Compare("==", part, Literal(asked.values[0]))]
    return [Member(part, SetLiteral(asked.values))]


def _between(value: Operand, bounds: Sequence[int], asked: Asked) -> list[Condition]:
    """Ranges that touch are one; what remains apart is joined by `or`."""
    names = names_of(bounds)
    if not set(asked.values) <= set(names):
        raise OutsideVocabulary(f"`{asked.rest}` has no such range")
    places = sorted(names.index(name) for name in asked.values)
    spans: list[list[int]] = []
    for place in places:
        if spans and spans[-1][1] == place:
            spans[-1][1] = place + 1
        else:
            spans.append([place, place + 1])
    parts = [_span(value, bounds, first, last) for first, last in spans]
    if len(parts) == 1:
        return parts[0]
    return [Or(tuple(part[0] if len(part) == 1 else And(tuple(part)) for part in parts))]


def _span(value: Operand, bounds: Sequence[int], first: int, last: int) -> list[Condition]:
    """From the range `first` on and before the range `last`, both as places in the names of the ranges."""
    tests: list[Condition] = []
    if first > 0:
        tests.append(Compare(">=", value, Literal(bounds[first - 1])))
    if last <= len(bounds):
        tests.append(Compare("<", value, Literal(bounds[last - 1])))
    return tests or [Or((Compare("<", value, Literal(0)), Compare(">=", value, Literal(0))))]
