"""Parse tree to counters and to what results are worth."""

from __future__ import annotations

from typing import Any

import pytest

from policy_dsl import Argument, Compare, Literal, ParseError, ToolPattern, parse
from policy_dsl.ast import (
    Calendar,
    CounterDefinition,
    Event,
    EventKind,
    IntentName,
    Label,
    LabelResults,
    Levels,
    RedactResults,
    ResultValue,
    TrustResults,
)

F, G = (ToolPattern(None, "f"),), (ToolPattern(None, "g"),)
A, B = Argument(("a",)), Argument(("b",))
ONE = Literal(1)


@pytest.mark.parametrize(
    ("written", "statement"),
    [
        (
            "counter n = count of released f per session",
            CounterDefinition("n", "count", None, Event(EventKind.RELEASED, F), (), "session", None),
        ),
        (
            "counter n = sum(a) of succeeded intent p(b == 1) by a, b per user"
            ' each month in "UTC" since failed g(a == 1)',
            CounterDefinition(
                "n",
                "sum",
                A,
                Event(EventKind.SUCCEEDED, (IntentName("p"),), Compare("==", B, ONE)),
                (A, B),
                "user",
                Calendar("month", "UTC"),
                Event(EventKind.FAILED, G, Compare("==", A, ONE)),
            ),
        ),
        (
            "counter n = distinct(a) of refused f per session",
            CounterDefinition("n", "distinct", A, Event(EventKind.REFUSED, F), (), "session", None),
        ),
        (
            "counter n = max(a) of requested f per session",
            CounterDefinition("n", "max", A, Event(EventKind.REQUESTED, F), (), "session", None),
        ),
        ("levels a < b < c", Levels(("a", "b", "c"))),
        ("levels a", Levels(("a",))),
        ("label results of f as s", LabelResults(F, None, Label("s"))),
        (
            "label results of { f, g }(a == 1) as s(c) when result.x == 1",
            LabelResults((*F, *G), Compare("==", A, ONE), Label("s", "c"), Compare("==", ResultValue(("x",)), ONE)),
        ),
        ("trust results of f", TrustResults(F, False)),
        ("trust claimed results of f, g", TrustResults((*F, *G), True)),
        ('redact results of f, g matching /[0-9]+/ with "#"', RedactResults((*F, *G), "[0-9]+", "#")),
    ],
)
def test_a_sentence_becomes(written: str, statement: Any) -> None:
    (parsed,) = parse(f"language 1\n{written}").statements
    assert repr(parsed) == repr(statement)


def test_the_answer_is_forgotten_behind_a_label() -> None:
    with pytest.raises(ParseError) as caught:
        parse("language 1\nlabel results of f as s when result == 1\nforbid f when result == 1")
    assert (caught.value.code, caught.value.span.line) == ("result-here", 3)


@pytest.mark.parametrize("owner", ["agent", "user", "tenant"])
def test_only_a_session_ends_by_itself(owner: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(f"language 1\ncounter n = count of released f per {owner}")
    assert caught.value.code == "no-window"
    parse(f"language 1\ncounter n = count of released f per {owner} ever")
