"""Trackers and sources: what conditions on the session come to, and that equal questions are one.

Names resolve/{memory,events,tree}.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_dsl import (
    Argument,
    Duration,
    Not,
    PolicySet,
    ResultValue,
    Seen,
    SetLiteral,
    Sliding,
    Tally,
    ToolPattern,
    parse,
    policy_set,
)
from policy_dsl.resolve.tree import inside


def _policy(text: str, name: str = "a.lw") -> PolicySet:
    return policy_set([parse(f"language 1\n{text}", name)])


def _ids(text: str) -> list[str]:
    return [tracker.id for tracker in _policy(text).trackers]


MAP = 'intent payment 1 from {} {{ asset = "EUR", amount = {}, to = {}, rail = "sepa" }}\n'


def test_a_key_is_kept_with_the_event_and_asked_with_this_call() -> None:
    policy = _policy(
        "allow f(a, b) as r\n  when just after succeeded g(kind == 1 and result.id == call.a and owner == call.b.name)"
    )
    assert policy.rules["r"].when == Seen(0, (Argument(("a",)), Argument(("b", "name"))))
    [feed] = policy.trackers[0].feeds
    assert feed.keys == (ResultValue(("id",)), Argument(("owner",)))
    assert feed.condition is not None
    assert policy.trackers[0].measure == "previous"


def test_before_is_not_after() -> None:
    policy = _policy("forbid f as r when before released g within 10 minutes\nforbid f as q when after released g")
    assert policy.rules["r"].when == Not(Seen(1))
    assert policy.trackers[1].window == Sliding(Duration(10, "minute"))
    assert [tracker.measure for tracker in policy.trackers] == ["last", "last"]


def test_what_resets_is_kept_by_the_same_keys_in_the_same_order() -> None:
    policy = _policy(
        "allow f(a, b) as r\n  when after released g(x == call.a and y == call.b)\n"
        "    until released h(v == call.b and u == call.a)\n"
        "allow k(a) as q when after released g(x == call.a) until released h"
    )
    both, all_keys = policy.trackers[1], policy.trackers[0]
    assert both.feeds[0].keys == (Argument(("x",)), Argument(("y",)))
    assert both.resets[0].keys == (Argument(("u",)), Argument(("v",)))
    assert all_keys.resets[0].keys == ()


def test_equal_questions_are_one_tracker() -> None:
    policy = _policy(
        "group gs = { g, h }\n"
        "forbid f as a when after released { h, g }(x in known)\n"
        'forbid f as b when before released gs(x in { "s" })\n'
        "counter n = count of released f per session\ncounter m = count of released f per session\n"
        "forbid f as c when counter n + counter m > 5\n"
        'set known = { "s" }'
    )
    assert len(policy.trackers) == 2
    assert {part.tracker for part in inside(policy.rules["c"].when) if isinstance(part, Tally)} == {0}


def test_an_id_outlives_what_does_not_touch_it() -> None:
    base = "counter n = sum(amount) of released f(x in s) by to per agent within 7 days\nset s = { 1.50 }"
    renamed = "allow g()\n\ncounter other = sum(amount) of released { f }(x in t) by to per agent within 7 days\n"
    assert _ids(base) == _ids(renamed + "set t = { 1.5 }") == _ids(base + "\nforbid f when counter n[to] > 5")


@pytest.mark.parametrize(
    "text",
    [
        "counter n = sum(amount) of released f(x in s) by to per agent within 8 days\nset s = { 1.5 }",
        "counter n = sum(amount) of released f(x in s) by to per agent within 7 days\nset s = { 2 }",
        "counter n = sum(amount) of released f(x in s) per agent within 7 days\nset s = { 1.5 }",
        "counter n = sum(amount) of released f(x in s) by to per user within 7 days\nset s = { 1.5 }",
        "counter n = max(amount) of released f(x in s) by to per agent within 7 days\nset s = { 1.5 }",
        "counter n = sum(amount) of requested f(x in s) by to per agent within 7 days\nset s = { 1.5 }",
        "counter n = sum(amount) of released s/f(x in s) by to per agent within 7 days\nset s = { 1.5 }",
        'counter n = sum(amount) of released f(x in s) by to per agent within 7 days\nset s = { "1.5" }',
        "counter n = sum(amount) of released f(x in s) by to per agent within 7 days since refused g\nset s = { 1.5 }",
        'for role "r" { counter n = sum(amount) of released f(x in s) by to per agent within 7 days }\nset s = { 1.5 }',
    ],
)
def test_an_id_changes_with_the_question(text: str) -> None:
    base = "counter n = sum(amount) of released f(x in s) by to per agent within 7 days\nset s = { 1.5 }"
    assert _ids(base) != _ids(text)


def test_the_set_of_an_event_is_written_out() -> None:
    """The state engine tests events without the policy's sets at hand, and another set is another question."""
    policy = _policy('set s = { "a", t }\nset t = { "b" }\nforbid f when after released g(x in s)')
    assert SetLiteral(("a", "b")) in list(inside(policy.trackers[0].feeds[0].condition))


def test_an_event_of_an_intent_has_one_feed_for_each_tool() -> None:
    policy = _policy(
        MAP.format("send", "amount", "iban")
        + MAP.format("charge", "number of cents * 0.01", "shop.id")
        + "forbid intent payment as r when before released { login, intent payment }(to == call.to and amount > 5)"
    )
    assert [sorted(tool.tool for tool in feed.tools) for feed in policy.trackers[0].feeds] == [
        ["login"],
        ["charge"],
        ["send"],
    ]
    assert [feed.keys for feed in policy.trackers[0].feeds] == [
        (Argument(("to",)),),
        (Argument(("shop", "id")),),
        (Argument(("iban",)),),
    ]
    assert policy.rules["r/charge"].when == Not(Seen(0, (Argument(("shop", "id")),)))
    assert policy.rules["r/send"].when == Not(Seen(0, (Argument(("iban",)),)))


def test_a_written_value_of_this_call_is_no_key() -> None:
    """`rail` is the same in every call of this tool, so the earlier call is compared with it once and for all."""
    policy = _policy(
        MAP.format("send", "amount", "iban") + "forbid intent payment as r when after released g(kind == call.rail)"
    )
    assert policy.rules["r/send"].when == Seen(0)
    assert policy.trackers[0].feeds[0].keys == ()
    assert policy.trackers[0].feeds[0].condition is not None


def test_sources() -> None:
    policy = _policy(
        "label results of h as secret\ngroup gs = { b, a }\n"
        "allow f(x) as r when x from results of gs or x from results of { a, b }\n"
        "forbid f when x derived from untrusted or x derived from label secret or x derived from results of a"
    )
    tools = (ToolPattern(None, "a"), ToolPattern(None, "b"))
    assert {(source.tools, source.label is None, source.untrusted) for source in policy.sources} == {
        (tools, True, False),
        ((), True, True),
        ((), False, False),
        (tools[:1], True, False),
    }


def test_the_order_of_files_changes_no_place() -> None:
    files = [
        parse("language 1\nforbid f when after released g", "b.lw"),
        parse("language 1\nforbid f when after released h\ncounter n = count of released k per session", "a.lw"),
    ]
    assert policy_set(files).trackers == policy_set(files[::-1]).trackers
    assert len(policy_set(files).trackers) == 3
    assert Path(files[0].path).stem == "b"
