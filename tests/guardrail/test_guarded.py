"""guardrail/guarded.py and python_values.py: functions of the agent's own process as guarded tools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from guardrail import Decision, Guard, NotJson, Principal, Refused, Session, ToolCall, as_json, guarded, with_floats
from policy_dsl import compile_policy, parse, policy_set

POLICY = """language 1
allow pay(to, amount, note?) when to == "ann" and amount <= 10
require approval for pay when amount > 5
allow transfer(...)
allow after_it(x) when after succeeded transfer
rewrite mail set bcc = []
allow mail(to, bcc)
"""

Make = Callable[..., Any]


@pytest.fixture
def tool() -> Make:
    guard = Guard(compile_policy(policy_set([parse(POLICY)])))
    session = Session(Principal("t", "a"), plan=guard.plan)

    def made(function: Callable[..., Any], **settings: Any) -> Any:
        return guarded(guard, session, **settings)(function)

    return made


def test_the_function_runs_with_what_was_judged(tool: Make) -> None:
    ran: list[Any] = []

    def pay(to: str, amount: float, note: str | None = None) -> str:
        ran.append((to, amount, note))
        return "paid"

    guarded_pay = tool(pay)
    assert guarded_pay("ann", 2.5) == "paid"
    assert ran == [("ann", 2.5, None)]
    assert type(ran[0][1]) is float
    for arguments, effect, reason in (
        (("eve", 1), "forbid", "no-rule"),
        (("ann", 11), "forbid", "no-rule"),
        (("ann", 7), "ask", "rule"),
        (("ann", True), "forbid", "no-rule"),
    ):
        with pytest.raises(Refused) as caught:
            guarded_pay(*arguments)
        assert (caught.value.decision.effect, caught.value.decision.reason) == (effect, reason)
        assert caught.value.tool == "pay"
    assert len(ran) == 1


def test_what_looks_one_way_and_prints_another_is_what_it_prints(tool: Make) -> None:
    class Eve(str):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = str.__hash__

    def pay(to: str, amount: int) -> str:
        return to

    with pytest.raises(Refused):
        tool(pay)(Eve("eve"), 1)


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), {1: 2}, {"a": {1, 2}}, "\ud800", b"x"])
def test_what_is_no_json_is_refused(tool: Make, value: Any) -> None:
    with pytest.raises(Refused) as caught:
        tool(lambda x: x, tool="transfer")(value)
    assert caught.value.decision.reason == "bad-json-arguments"


def test_the_session_sees_the_answer_itself(tool: Make) -> None:
    answers: list[Any] = [ValueError("broken"), {"done": True}]

    def transfer() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    after = tool(lambda x: x, tool="after_it")
    transfers = tool(transfer)
    with pytest.raises(ValueError, match="broken"):
        transfers()
    with pytest.raises(Refused):
        after(1)
    assert transfers() == {"done": True}
    assert after(1) == 1


def test_a_rewrite_changes_what_the_function_gets(tool: Make) -> None:
    assert tool(lambda to, bcc: (to, bcc), tool="mail")("ann", ["eve"]) == ("ann", [])


def test_coroutines_are_guarded_too(tool: Make) -> None:
    async def pay(to: str, amount: int) -> str:
        return "paid"

    guarded_pay = tool(pay)
    assert asyncio.run(guarded_pay("ann", 1)) == "paid"
    with pytest.raises(Refused):
        asyncio.run(guarded_pay("eve", 1))


def test_nothing_runs_that_cannot_be_recorded(tool: Make) -> None:
    seen: list[tuple[ToolCall, Decision]] = []

    def failing(call: ToolCall, decision: Decision) -> None:
        seen.append((call, decision))
        raise OSError("no space left")

    def transfer(x: int) -> None:
        raise AssertionError("ran")

    with pytest.raises(OSError, match="no space"):
        tool(transfer, record=failing)(1)
    [(call, decision)] = seen
    assert (call.tool, call.arguments, decision.effect) == ("transfer", {"x": 1}, "allow")


def test_parameters_without_a_name_are_refused_at_once(tool: Make) -> None:
    def positional(x: int, /) -> None: ...
    def many(*x: int) -> None: ...

    for function in (positional, many):
        with pytest.raises(TypeError, match="`x` has no name"):
            tool(function)


def test_keywords_of_any_name_are_arguments(tool: Make) -> None:
    assert tool(lambda **rest: rest, tool="transfer")(a=1, b=[1.5]) == {"a": 1, "b": [1.5]}


def test_numbers_come_back_as_they_were() -> None:
    assert as_json({"a": (1, 2.5, True, None, "x")}) == {"a": [1, Decimal("2.5"), True, None, "x"]}
    for doubtful in (Decimal("NaN"), 10**30):  # JSON readers do not agree on a number of thirty digits
        with pytest.raises(NotJson):
            as_json({"a": doubtful})


def test_decimals_that_no_float_prints_stay() -> None:
    exact = Decimal("0.1000000000000000000001")
    assert with_floats({"a": [Decimal("0.1"), exact, 1]}) == {"a": [0.1, exact, 1]}
    assert type(with_floats(Decimal("0.1"))) is float
