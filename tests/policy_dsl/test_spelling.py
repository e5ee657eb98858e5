"""One spelling for each word of the tree; test_format.py holds that each is read back as the same tree."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from policy_dsl import (
    Argument,
    Compare,
    Condition,
    Element,
    GroupName,
    Literal,
    Not,
    Rule,
    ToolPattern,
    parse,
    spelling,
)
from policy_dsl.ast import FromSource, IntentName, Seen, Tally, TimeWithin


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (0, "0"),
        (-5, "-5"),
        (2026, "2026"),
        (12345, "12_345"),
        (-1234567, "-1_234_567"),
        (Decimal("98.70"), "98.70"),
        (Decimal("1E+5"), "100_000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("-12345.678901"), "-12_345.678901"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        ("", '""'),
        ('a"b\\c/d\n', '"a\\"b\\\\c/d\\n"'),
        ("é日😀", '"é日😀"'),
        ("\u202e\x7f\U000e0041", '"\\u202e\\u007f\\udb40\\udc41"'),
    ],
)
def test_values(value: Any, spelled: str) -> None:
    assert spelling.scalar(value) == spelled


@pytest.mark.parametrize(
    ("tool", "spelled"),
    [
        (ToolPattern(None, "get_*"), "get_*"),
        (ToolPattern("files", "read"), "files/read"),
        (ToolPattern(None, "odd tool"), '"odd tool"'),
        (ToolPattern(None, "a/b"), '"a/b"'),
        (ToolPattern("odd server", "read"), '"odd server"/read'),
        (ToolPattern("s", "odd tool"), 's/"odd tool"'),
        (ToolPattern(None, "reading", quoted=True), '"reading"'),
        (ToolPattern("s", "reading", quoted=True), "s/reading"),
        (GroupName("reading"), "reading"),
        (IntentName("payment"), "intent payment"),
        (ToolPattern(None, "intent"), '"intent"'),
        (ToolPattern("s", "intent"), "s/intent"),
    ],
)
def test_tools(tool: ToolPattern | GroupName | IntentName, spelled: str) -> None:
    assert spelling.tool(tool) == spelled


@pytest.mark.parametrize(
    ("path", "bound", "spelled"),
    [
        (Argument(("amount",)), (), "amount"),
        (Argument(("time",)), (), ".time"),
        (Argument(("message",)), (), "message"),
        (Argument(("i",)), ("i",), ".i"),
        (Argument(("odd name", 0, "a-b", "c d")), (), '."odd name"[0].a-b."c d"'),
        (Element("i", ("time",)), ("i",), "i.time"),
    ],
)
def test_paths(path: Argument | Element, bound: tuple[str, ...], spelled: str) -> None:
    assert spelling.path(path, bound) == spelled


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("((a == 1))", "a == 1"),
        ("(a == 1 and b == 2) and c == 3", "(a == 1 and b == 2) and c == 3"),
        ("not (a in s)", "a not in s"),
        ("not (a == 1)", "not (a == 1)"),
        ("not (not (a in s))", "not (a not in s)"),
        ("not (has a)", "not has a"),
        ("not (rule)", "not rule"),
        ("not (a is text)", "a is not text"),
        ("not (a runs one of s)", "not (a runs one of s)"),
        ("each of a (it in s)", "each of a in s"),
        ("each of a (it not in s)", "each of a not in s"),
        ("each of a (s2 == it)", "each of a (s2 == it)"),
        ("each of a as b (b in s)", "each of a as b (b in s)"),
        ("each of a (it.x in s)", "each of a (it.x in s)"),
        ("a + (b - c) == 1", "a + (b - c) == 1"),
        ("(a + b) - c == 1", "a + b - c == 1"),
        ("a + (b * c) == 1", "a + b * c == 1"),
        ("(a - b) * c == 1", "(a - b) * c == 1"),
        ("a * (b * c) == 1", "a * (b * c) == 1"),
        ('a under { "/x" }', 'a under "/x"'),
        ('a == "x" ignoring case after nfkc', 'a == "x" ignoring case after nfkc'),
        ("a matches /x\\/y/", "a matches /x\\/y/"),
        ("a in 1000 .. 10000", "a in 1000 .. 10_000"),
        ("not (a contains /x/)", "a not contains /x/"),
        ('not (a like "x*" ignoring case)', 'a not like "x*" ignoring case'),
        ("not (a is multiple of 0.10)", "a is not multiple of 0.10"),
        ("not (a from results of {t})", "a not from results of t"),
        ("not (a derived from label s(c))", "a not derived from label s(c)"),
        ("not (a derived from results of {t, u})", "a not derived from results of { t, u }"),
        ("not (small(a, (b)))", "not small(a, b)"),
        ("not (session has s)", "not session has s"),
        ("not (session exceeds {s,})", "not session exceeds { s }"),
        ('not (principal has role "r")', 'not principal has role "r"'),
        ("not (after released f)", "not (after released f)"),
        ('not (time on {monday} in "UTC")', 'not (time on { monday } in "UTC")'),
        ("not (if a then b)", "not (if a then b)"),
        ("(if a then (b)) or c", "(if a then b) or c"),
        ("if (a) then (b and c) else (if d then e)", "if a then b and c else if d then e"),
        ("if (if a then b) then (if c then d)", "if (if a then b) then (if c then d)"),
        ("number of (a) == 1", "number of a == 1"),
        ("number of (a + b) * c == 1", "number of (a + b) * c == 1"),
        ("counter n[(a), b] == 1", "counter n[a, b] == 1"),
        (
            "just  after released {f} until refused g(a==1) within 1 minutes",
            "just after released f until refused g(a == 1) within 1 minute",
        ),
        ("each of xs (after released f(.it == 1))", "each of xs (after released f(.it == 1))"),
        ("each of xs from results of t", "each of xs from results of t"),
        ('each of xs (it not like "x")', 'each of xs not like "x"'),
    ],
)
def test_conditions(written: str, spelled: str) -> None:
    (rule,) = parse(f"language 1\nforbid f when {written}").statements
    assert isinstance(rule, Rule)
    assert rule.when is not None
    assert spelling.condition(rule.when) == spelled


@pytest.mark.parametrize(
    ("node", "spelled"),
    [
        (Seen(3), "after #3"),
        (Seen(3, (Argument(("a",)),)), "after #3[a]"),
        (Compare("==", Tally(1, (Argument(("a",)),)), Literal(2)), "counter #1[a] == 2"),
        (FromSource(Argument(("a",)), 2, False), "a from results #2"),
        (Not(FromSource(Argument(("a",)), 2, True)), "a not derived from results #2"),
        (TimeWithin(None, 5), "time within .. 5"),
    ],
)
def test_what_a_policy_set_holds_is_spelled_for_a_reader(node: Condition, spelled: str) -> None:
    assert spelling.condition(node) == spelled
