"""policy_dsl/compile/askers.py: all rules that ask about a call. The differential test compares both engines."""

from __future__ import annotations

import pytest

from policy_dsl import NOBODY, Program, compile_policy, parse, policy_set
from policy_dsl.reference import askers


def program_of(*texts: str) -> Program:
    files = [parse(f"language 1\n{text}", f"file{number}.lw") for number, text in enumerate(texts)]
    return compile_policy(policy_set(files))


ORGANISATION = """allow pay(amount) as pays
require approval for pay as large when amount > 100
require approval for pay as huge priority 1 when amount > 1000
require approval for pay as never-reached priority -1 when amount > 0
"""
CASES = (
    # (files, amount, who asks)
    ((ORGANISATION,), 200, ("large",)),
    ((ORGANISATION,), 2000, ("huge", "large")),
    ((ORGANISATION, "layer team\nrequire approval for pay as team-asks"), 200, ("large", "team-asks")),
    ((ORGANISATION, "layer team\nallow pay(amount) as fine\nask pay(amount) as ours"), 5, ("ours",)),
    (("ask pay(amount) as b\nask pay(amount) as a\nallow pay(amount) as c",), 5, ("a", "b")),
    (
        ("ask pay(amount) as low\nallow pay(amount) as high priority 1\nrequire approval for * as x priority 2",),
        5,
        ("x",),
    ),
    (('allow pay(amount) as ok\nrequire approval for pay as in-error when note == "x"',), 5, ("in-error",)),
    (('allow pay(amount) as ok\nask pay(amount, note?) as doubt when note == "x"',), 5, ("doubt",)),
    (("allow pay(amount) as ok\nshadow require approval for pay as s\nrequire approval for pay as r",), 5, ("r",)),
)


@pytest.mark.parametrize(("files", "amount", "asking"), CASES)
def test_who_asks(files: tuple[str, ...], amount: int, asking: tuple[str, ...]) -> None:
    program = program_of(*files)
    outcome = program.decide("pay", {"amount": amount})
    assert outcome.effect == "ask"
    assert outcome.rule in asking
    assert program.askers("pay", {"amount": amount}) == asking
    assert askers(program.policy, program.catalogue, "pay", {"amount": amount}, NOBODY) == asking


def test_what_memory_opens_is_asked_about_by_the_rules_above_it() -> None:
    program = program_of("learnable pay(amount) as more\nrequire approval for pay as large")
    assert program.ceiling is not None
    assert program.ceiling("pay", {"amount": 1}).effect == "ask"
    assert program.askers("pay", {"amount": 1}, opened=True) == ("large",)


def test_a_tool_that_nothing_asks_about() -> None:
    assert program_of("allow pay(amount) as ok").askers("pay", {"amount": 1}) == ()
