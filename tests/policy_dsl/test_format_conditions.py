"""The layout of conditions: any condition has a text that parses to it, and long ones are broken where they join."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import format, parse
from policy_dsl.ast import (
    EXACT,
    And,
    Argument,
    Arithmetic,
    CallValue,
    Claim,
    Compare,
    Condition,
    CounterValue,
    DerivedFrom,
    Duration,
    Effect,
    Element,
    Event,
    EventKind,
    FromResults,
    FromUser,
    GroupDefinition,
    GroupName,
    Happened,
    HasRole,
    Holds,
    IfThen,
    IntentName,
    IsType,
    JsonType,
    Label,
    LengthOf,
    Like,
    ListLiteral,
    Literal,
    Macro,
    MacroUse,
    MailSet,
    Matches,
    Member,
    MultipleOf,
    Not,
    NumberOf,
    Or,
    PolicyFile,
    Presence,
    PrincipalPart,
    Quantified,
    RangeSet,
    ResultValue,
    Rule,
    RuleRef,
    Runs,
    SessionExceeds,
    SessionHas,
    SetLiteral,
    SetName,
    TextOptions,
    TimeBetween,
    ToolPattern,
    Under,
    WebSet,
)
from policy_dsl.format import canonical
from policy_dsl.words import NOT_NAMES

# --- any tree -------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
bare = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}(-[A-Za-z0-9_]{1,3}){0,2}", fullmatch=True)
names = bare.filter(lambda name: name not in NOT_NAMES and name != "it")
keys = st.one_of(bare, texts)
whole = st.one_of(st.integers(-5, 5), st.integers(-(10**12), 10**12))
decimals = st.decimals(min_value=-(10**6), max_value=10**6, places=4, allow_nan=False, allow_infinity=False)
numbers = st.one_of(whole, decimals)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
options = st.sampled_from([EXACT, TextOptions(True), TextOptions(False, True), TextOptions(True, True)])
steps = st.lists(st.one_of(keys, st.integers(0, 99)), max_size=3).map(tuple)


@dataclass(frozen=True)
class Place:
    """What the place of a condition says about names: elements around, those an event hides, and what it may ask."""

    bound: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    past: bool = False
    answered: bool = False

    def inside(self, name: str) -> Place:
        return replace(self, bound=(*self.bound, name))

    def event(self, kind: EventKind) -> Place:
        return Place((), (*self.bound, *self.hidden), True, kind is EventKind.SUCCEEDED)


HERE_ONLY = Place()


@cache
def arguments(place: Place) -> st.SearchStrategy[Argument | Element]:
    plain = st.builds(lambda first, rest: Argument((first, *rest)), keys, steps)
    return st.one_of(plain, st.builds(Element, st.sampled_from(place.bound), steps)) if place.bound else plain


@cache
def operands(place: Place = HERE_ONLY) -> st.SearchStrategy[Any]:
    leaves = [
        st.builds(Literal, scalars),
        st.builds(ListLiteral, st.lists(st.builds(Literal, scalars), max_size=3).map(tuple)),
        arguments(place),
        st.builds(LengthOf, arguments(place)),
        st.builds(NumberOf, arguments(place)),
        st.builds(Claim, nonempty),
        st.builds(PrincipalPart, st.sampled_from(["tenant", "agent", "user"])),
    ]
    if place.answered:
        leaves.append(st.builds(ResultValue, steps))
    if not place.past:
        leaves.append(st.builds(CounterValue, names, st.lists(arguments(place), max_size=2).map(tuple)))
    sums = st.sampled_from(["+", "-", "*"])
    return st.recursive(
        st.one_of(leaves),
        lambda inner: st.one_of(st.builds(Arithmetic, sums, inner, inner), st.builds(NumberOf, inner)),
        max_leaves=5,
    )


members = scalars.filter(lambda value: value is not None)


def literal_sets(values: st.SearchStrategy[Any]) -> st.SearchStrategy[SetLiteral]:
    return st.builds(
        SetLiteral, st.lists(values, max_size=4).map(tuple), st.lists(names, max_size=2).map(tuple)
    ).filter(lambda made: bool(made.items or made.names))


named_sets = st.builds(SetName, names)
text_sets = st.one_of(literal_sets(texts), named_sets)
ranges = st.tuples(numbers, numbers).map(lambda pair: RangeSet(min(pair), max(pair)))
value_sets = st.one_of(
    literal_sets(members), named_sets, ranges, st.builds(MailSet, text_sets, st.booleans()),
    st.builds(WebSet, text_sets, st.booleans()),
)  # fmt: skip
patterns = st.sampled_from(["a", "[a-z]+/", "(x|y)*", r"\.\\", '"#', ".*"])


nonempty = texts.filter(bool)
tool_words = st.one_of(st.from_regex(r"[a-z0-9_*][a-z0-9_*.-]{0,6}", fullmatch=True), nonempty, st.just("intent"))
tools = st.builds(ToolPattern, st.one_of(st.none(), nonempty.filter(lambda name: "*" not in name)), tool_words)
GROUP = "the-group"
named_tools = st.one_of(tools.filter(lambda tool: tool.tool != GROUP), st.just(GroupName(GROUP)))
tool_lists = st.lists(named_tools, min_size=1, max_size=4).map(tuple)
target_lists = st.lists(st.one_of(named_tools, st.builds(IntentName, names)), min_size=1, max_size=4).map(tuple)
labels = st.builds(Label, names, st.one_of(st.none(), names))
durations = st.builds(Duration, st.integers(1, 100_000), st.sampled_from(["second", "minute", "hour", "day", "week"]))
zones = st.sampled_from(["UTC", "Europe/Berlin"])
days = st.lists(st.integers(0, 6), max_size=7, unique=True).map(tuple)
minutes = st.integers(0, 1439)
times = st.one_of(
    st.builds(TimeBetween, minutes, minutes, days, zones).filter(lambda time: time.start != time.end),
    st.builds(TimeBetween, st.none(), st.none(), days.filter(bool), zones),
)


@st.composite
def member_tests(draw: st.DrawFn, place: Place) -> Member:
    within = draw(value_sets)
    may = isinstance(within, SetLiteral | SetName)
    return Member(draw(operands(place)), within, draw(options) if may else EXACT)


@st.composite
def comparisons(draw: st.DrawFn, place: Place) -> Compare:
    op = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    how = draw(options) if op in ("==", "!=") else EXACT
    return Compare(op, draw(operands(place)), draw(operands(place)), how)


@st.composite
def events(draw: st.DrawFn, place: Place = HERE_ONLY, compares: bool = False) -> Event:
    kind = draw(st.sampled_from(list(EventKind)))
    inner = place.event(kind)
    condition = draw(st.one_of(st.none(), conditions(inner, 1)))
    if compares and draw(st.booleans()):
        compared = Compare("==", draw(operands(inner)), draw(st.builds(CallValue, st.builds(lambda k: (k,), keys))))
        further = draw(st.lists(conditions(inner, 0), max_size=2))
        condition = And((*further, compared)) if further else compared
    return Event(kind, draw(target_lists), condition)


@st.composite
def happenings(draw: st.DrawFn, place: Place) -> Happened:
    return Happened(
        draw(st.sampled_from(["after", "before", "just after"])),
        draw(events(place, True)),
        draw(st.one_of(st.none(), events(place, True))),
        draw(st.one_of(st.none(), durations)),
    )


@cache
def leaf_tests(place: Place) -> st.SearchStrategy[Any]:
    values = operands(place)
    tests: list[st.SearchStrategy[Any]] = [
        comparisons(place),
        member_tests(place),
        st.builds(Matches, values, patterns, st.booleans()),
        st.builds(Like, values, nonempty, options),
        st.builds(Holds, st.sampled_from(["starts with", "ends with", "contains"]), values, values, options),
        st.builds(Under, values, text_sets),
        st.builds(Runs, st.sampled_from(["one of", "none of"]), values, text_sets),
        st.builds(IsType, values, st.sampled_from(list(JsonType))),
        st.builds(MultipleOf, values, numbers.filter(lambda step: step > 0)),
        st.builds(Presence, st.sampled_from(["has", "missing", "absent"]), arguments(place)),
        st.builds(FromUser, values),
        st.builds(FromResults, values, tool_lists),
        st.builds(DerivedFrom, values, st.one_of(st.just("untrusted"), labels, tool_lists)),
        st.builds(HasRole, nonempty),
        st.builds(SessionHas, labels),
        st.builds(SessionExceeds, st.lists(labels, min_size=1, max_size=3, unique=True).map(tuple)),
        times,
        st.builds(MacroUse, names, st.lists(values, min_size=1, max_size=3).map(tuple)),
        st.builds(RuleRef, names.filter(lambda name: name not in (*place.bound, *place.hidden))),
    ]
    return st.one_of(tests)


@st.composite
def conditions(draw: st.DrawFn, place: Place = HERE_ONLY, depth: int = 3) -> Condition:
    kinds = ["leaf", "leaf", "and", "or", "not", "each", "if", *["event"] * (not place.past)]
    kind = draw(st.sampled_from(kinds)) if depth else "leaf"
    if kind == "leaf":
        return draw(leaf_tests(place))
    if kind == "event":
        return draw(happenings(place))
    if kind == "not":
        return Not(draw(conditions(place, depth - 1)))
    if kind == "if":
        parts = [draw(conditions(place, depth - 1)) for _ in range(2)]
        return IfThen(*parts, draw(st.one_of(st.none(), conditions(place, depth - 1))))
    if kind == "each":
        taken = (*place.bound, *place.hidden)
        name = draw(st.one_of(st.just("it"), names).filter(lambda new: new not in taken))
        inner = place.inside(name)
        body = draw(st.one_of(conditions(inner, depth - 1), _about(name, inner)))
        return Quantified(draw(st.sampled_from(["each", "any"])), draw(arguments(place)), name, body)
    items = tuple(draw(st.lists(conditions(place, depth - 1), min_size=2, max_size=4)))
    return And(items) if kind == "and" else Or(items)


def _about(name: str, place: Place) -> st.SearchStrategy[Condition]:
    """A test of the element itself, which has a short form where the element has no name."""
    test = st.builds(Member, st.just(Element(name)), value_sets)
    return st.one_of(
        test, st.builds(Not, test), st.builds(Compare, st.just("=="), st.just(Element(name)), operands(place))
    )


@st.composite
def macros(draw: st.DrawFn) -> Macro:
    parameters = draw(st.sampled_from([(), ("the-first",), ("the-first", "the-second")]))
    given = [IsType(Argument((parameter,)), JsonType.TEXT) for parameter in parameters]
    body = draw(conditions(depth=2))
    return Macro(draw(names), parameters, And((*given, body)) if given else body)


group = GroupDefinition(GROUP, (ToolPattern(None, "x"),))


@settings(print_blob=True, deadline=None, max_examples=40)
@given(conditions(), macros())
def test_any_condition_has_a_text(as_read: Callable[[Any], Any], condition: Condition, macro: Macro) -> None:
    rule = Rule(Effect.FORBID, (ToolPattern(None, "f"),), None, condition, None)
    file = PolicyFile("<policy>", 1, (group, rule, macro), "")
    text = format(file)
    parsed = parse(text)
    assert repr(parsed.statements) == repr(as_read(file.statements)), text
    assert format(parsed) == text
    assert canonical(parsed) == canonical(file)


# --- layout ---------------------------------------------------------------------------------------------------------

A = "the_name_of_the_first_argument == 1"


@pytest.mark.parametrize(
    ("written", "laid"),
    [
        (f"if {A} then {A} else {A}", f"if {A}\n       then {A}\n       else {A}"),
        (
            f"if {A} and {A} and {A} then {A} or {A} or {A}",
            f"if {A}\n          and {A}\n          and {A}\n       then {A}\n            or {A}\n            or {A}",
        ),
        (
            f"if (if {A} and {A} and {A} then a) then b",
            f"if (\n         if {A}\n            and {A}\n            and {A}\n         then a\n       )\n"
            "       then b",
        ),
        (
            f"after released f({A} and {A} and {A}) until refused g within 1 day",
            f"after released f({A}\n                    and {A}\n                    and {A})"
            " until refused g within 1 day",
        ),
        (
            f"after released f({A} and {A}) until refused gggggggggggggggggggggggg within 1 day",
            f"after released f(\n    {A}\n    and {A}\n  ) until refused gggggggggggggggggggggggg within 1 day",
        ),
        (
            f"(if {A} then {A}) and not small(x, 500)",
            f"(if {A} then {A})\n   and not small(x, 500)",
        ),
        ("if a == 1 # one\n then b == 2", "if a == 1  # one\n       then b == 2"),
        (
            "after released f(a == 1 # one\n and b == 2)",
            "after released f(a == 1  # one\n                    and b == 2)",
        ),
    ],
)
def test_a_condition_is_broken_where_it_joins(written: str, laid: str) -> None:
    text = format(parse(f"language 1\nforbid f when {written}"))
    assert text == f"language 1\nforbid f\n  when {laid}\n"
    assert format(parse(text)) == text
