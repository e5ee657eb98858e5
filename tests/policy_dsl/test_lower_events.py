"""Parse tree to what a condition asks about the session and the clock."""

from __future__ import annotations

from typing import Any

import pytest

from policy_dsl import And, Argument, Compare, Not, Or, ParseError, Rule, ToolPattern, parse
from policy_dsl.ast import (
    CallValue,
    Duration,
    Event,
    EventKind,
    Happened,
    HasRole,
    IntentName,
    Label,
    ResultValue,
    SessionExceeds,
    SessionHas,
    TimeBetween,
)

F, G = (ToolPattern(None, "f"),), (ToolPattern(None, "g"),)
RELEASED, SUCCEEDED = EventKind.RELEASED, EventKind.SUCCEEDED
A = Argument(("a",))


def _when(written: str) -> Any:
    (rule,) = parse(f"language 1\nforbid f when {written}").statements
    assert isinstance(rule, Rule)
    return rule.when


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ("after released f", Happened("after", Event(RELEASED, F))),
        ("before released f", Happened("before", Event(RELEASED, F))),
        ("just\n after released f", Happened("just after", Event(RELEASED, F))),
        (
            "after requested { f, intent payment }",
            Happened("after", Event(EventKind.REQUESTED, (*F, IntentName("payment")))),
        ),
        (
            "after released f until failed g within 1 week",
            Happened("after", Event(RELEASED, F), Event(EventKind.FAILED, G), Duration(1, "week")),
        ),
        (
            "after refused f within 10 minutes",
            Happened("after", Event(EventKind.REFUSED, F), None, Duration(10, "minute")),
        ),
        (
            "after released f(a == call.b.c)",
            Happened("after", Event(RELEASED, F, Compare("==", A, CallValue(("b", "c"))))),
        ),
        (
            "after released f((a == call.b))",
            Happened("after", Event(RELEASED, F, Compare("==", A, CallValue(("b",))))),
        ),
        (
            "just after succeeded f(result.id == call.id and a == call.a)",
            Happened(
                "just after",
                Event(
                    SUCCEEDED,
                    F,
                    And((Compare("==", ResultValue(("id",)), CallValue(("id",))), Compare("==", A, CallValue(("a",))))),
                ),
            ),
        ),
        (
            "not (after released f) or after released g",
            Or((Not(Happened("after", Event(RELEASED, F))), Happened("after", Event(RELEASED, G)))),
        ),
        ("session has secret(hr)", SessionHas(Label("secret", "hr"))),
        ("not session has untrusted", Not(SessionHas(Label("untrusted")))),
        ("session exceeds { a, b(c), }", SessionExceeds((Label("a"), Label("b", "c")))),
        ('principal has role "admin"', HasRole("admin")),
        ('time between 22:00 and 06:30 in "UTC"', TimeBetween(1320, 390, (), "UTC")),
        ('time between 00:00 and 23:59 on { sunday, monday } in "x"', TimeBetween(0, 1439, (6, 0), "x")),
        ('time on { friday } in "UTC"', TimeBetween(None, None, (4,), "UTC")),
    ],
)
def test_a_question_becomes(written: str, condition: Any) -> None:
    assert repr(_when(written)) == repr(condition)


def test_what_an_event_hides_is_seen_again_behind_it() -> None:
    when = _when("each of xs as x (after released f(a == call.a) and x == 1)")
    assert repr(when.body.items[1].left) == "Element(name='x', path=())"


def test_names_in_an_event_are_the_earlier_calls_own() -> None:
    """`it` would be the element of the call being decided, and an argument of the earlier one: it is neither."""
    for written in ("each of xs (after released f(it == 1))", "each of xs as x (after released f(has x.y))"):
        with pytest.raises(ParseError) as caught:
            _when(written)
        assert caught.value.code == "hidden-name"
    assert _when("each of xs (after released f(.it == 1))").body.event.condition.left == Argument(("it",))
