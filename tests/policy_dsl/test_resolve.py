"""What names stand for: members, patterns and conditions, written out and bounded."""

from __future__ import annotations

import pytest

from policy_dsl import (
    And,
    Argument,
    BundleError,
    Compare,
    Constant,
    Literal,
    MailSet,
    Member,
    Not,
    PolicySet,
    RangeSet,
    SetLiteral,
    SetName,
    parse,
    policy_set,
)
from policy_dsl.resolve import MAX_DEPTH, MAX_NODES


def _policy(*texts: str) -> PolicySet:
    return policy_set([parse(f"language 1\n{text}", f"f{n}.lw") for n, text in enumerate(texts)])


def _is(name: str, value: int) -> Compare:
    return Compare("==", Argument((name,)), Literal(value))


def test_sets_take_over_members_across_files() -> None:
    policy = _policy('set a = { "x", b, "y" }\nset alias = a\nset low = 1 .. 5', 'set b = { "z", "x" }')
    assert policy.sets["a"] == SetLiteral(("x", "y", "z")) == policy.sets["alias"]
    assert policy.sets["low"] == RangeSet(1, 5)


def test_members_of_other_types_stay_apart() -> None:
    """In Python 1 == True == 1.0; in the language only the numbers are equal."""
    policy = _policy("set a = { 1, b }\nset b = { true, 1.0, 1.50, 1.5 }")
    literal = policy.sets["a"]
    assert isinstance(literal, SetLiteral)
    assert [repr(item) for item in literal.items] == ["1", "True", "Decimal('1.50')"]


def test_domains_are_written_out() -> None:
    policy = _policy('set m = mail under domains\nset domains = { "a.example", more }\nset more = { "b.example" }')
    assert policy.sets["m"] == MailSet(SetLiteral(("a.example", "b.example")), True)


def test_a_named_set_stays_a_name_in_a_rule_and_braces_are_written_out() -> None:
    policy = _policy('set s = { "a" }\nallow f(x) as r when x in s and x in { "b", s }')
    when = policy.rules["r"].when
    assert isinstance(when, And)
    assert [item.within for item in when.items if isinstance(item, Member)] == [SetName("s"), SetLiteral(("b", "a"))]


def test_groups_are_replaced_by_their_members() -> None:
    policy = _policy(
        'group g = { get_*, h, "odd" }\nallow { g, x }(...) as r\nforbid "h" as q', "group h = { srv/y, x }"
    )
    assert [(p.server, p.tool) for p in policy.rules["r"].tools] == [
        (None, "get_*"),
        ("srv", "y"),
        (None, "x"),
        (None, "odd"),
    ]
    assert [p.tool for p in policy.rules["q"].tools] == ["h"], "a name in quotes is a tool"


def test_members_of_a_group_stand_where_the_rule_names_it() -> None:
    """A finding about them must point into the rule's own file."""
    policy = _policy("allow h(...) as r", "\n\n\ngroup h = { x }")
    assert policy.rules["r"].tools[0].span.line == 2


def test_a_rules_name_is_its_when_and_not_its_unless() -> None:
    policy = _policy(
        "allow f(a) as both when a == 1 unless b == 2\nallow f(a) as only when a == 1\nallow f(a) as but unless b == 2",
        "allow f(a) as plain\nask f(a) as r1 when both\nask f(a) as r2 when only\n"
        "ask f(a) as r3 when but\nask f(a) as r4 unless plain",
    )
    a, b = _is("a", 1), _is("b", 2)
    assert policy.rules["r1"].when == And((a, Not(b)))
    assert policy.rules["r2"].when == a
    assert policy.rules["r3"].when == Not(b)
    assert policy.rules["r4"].unless == Constant(True)


def test_a_written_out_condition_stands_where_the_name_stood() -> None:
    policy = _policy("allow f(a) as x when a == 1 and each of b as c (c == 2)", "\n\nask f(a) as y when\n x")
    when = policy.rules["y"].when
    assert when is not None
    assert when.span.line == 5
    assert isinstance(when, And)
    assert {item.span.line for item in when.items} == {5}


def test_few_lines_cannot_make_a_condition_exponentially_long() -> None:
    doubling = "\n".join(f"forbid f as r{n} when r{n - 1} and not r{n - 1}" for n in range(1, 60))
    with pytest.raises(BundleError) as caught:
        _policy(f"forbid f as r0 when a == 1\n{doubling}")
    assert caught.value.message == f"the condition has more than {MAX_NODES} tests, written out"


def test_names_cannot_nest_without_end() -> None:
    chain = "\n".join(f"forbid f as r{n} when not r{n - 1}" for n in range(1, 3 * MAX_DEPTH))
    with pytest.raises(BundleError) as caught:
        _policy(f"forbid f as r0 when a == 1\n{chain}")
    assert caught.value.code == "too-deep"
    sets = "\n".join(f"set s{n} = {{ s{n + 1} }}" for n in range(3 * MAX_DEPTH))
    with pytest.raises(BundleError) as caught:
        _policy(f"{sets}\nset s{3 * MAX_DEPTH} = {{ 1 }}")
    assert caught.value.code == "too-deep"


def test_no_shorter_chain_is_refused() -> None:
    chain = "\n".join(f"forbid f as r{n} when not r{n - 1}" for n in range(1, 12))
    assert len(_policy(f"forbid f as r0 when a == 1\n{chain}").rules) == 12
