"""Single conditions and operands as functions, for who asks outside of a decision: rewrites, and what feeds a session.

Each is a function of the call's arguments, the facts and, for a call that has been answered, the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..ast import Condition, Operand, PolicySet, ValueSet
from ..facts import NOBODY
from .frame import Constants, Frame
from .operands import Place
from .rails import write
from .sets import Sets
from .shapes import run

Test = Callable[..., bool | None]
"""`test(arguments, facts=NOBODY, result=ABSENT)`: True, False, or None for an error."""

Value = Callable[..., Any]
"""`value(arguments, facts=NOBODY, result=ABSENT)`: a JSON value, or ABSENT for an error. A list or an object is the
call's own, not a copy."""


def compile_condition(condition: Condition, within: PolicySet | Sets | Mapping[str, ValueSet]) -> Test:
    """The condition as a function; `within` holds the sets (and the levels) that it names."""
    frame = Frame(Constants(spelled=True), {}, answered=True)
    place, sets = Place(frame), _sets(within)
    true, false = (write(condition, rail, place, sets) for rail in (True, False))
    test: Test = _function(frame, f"True if {true} else False if {false} else None")
    return test


def compile_operand(operand: Operand) -> Value:
    """The operand as a function."""
    frame = Frame(Constants(spelled=True), {}, answered=True)
    local = Place(frame).operand(operand)
    value: Value = _function(frame, f"ABSENT if (value := {local}) is ASTRAY else value")
    return value


def _function(frame: Frame, answer: str) -> Any:
    lines = "".join(f"    {line}\n" for line in (*frame.fresh(), f"return {answer}"))
    nobody = frame.constants.name(NOBODY)
    return run(f"def ask(a, facts={nobody}, result=ABSENT):\n{lines}", "ask", frame.constants.values)


def _sets(within: PolicySet | Sets | Mapping[str, ValueSet]) -> Sets:
    if isinstance(within, Sets):
        return within
    return Sets(within.sets, within.levels) if isinstance(within, PolicySet) else Sets(within)
