"""The leaves about what is around a call, as rails: who acts, what time it is, and what happened before.

Those that can be no error (roles, labels) are one expression; the session's other answers are True, False, or else an
error, which is on neither rail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ast import FromSource, HasRole, Seen, SessionExceeds, SessionHas, TimeBetween, TimeWithin
from .leaves import answered, subject
from .logic import conjunction, negation
from .operands import Place
from .sets import Sets


def _plain(rail: bool, test: str) -> str:
    return test if rail else negation(test)


def _has_role(condition: HasRole, rail: bool, place: Place, sets: Sets) -> str:
    return f"{place.frame.constants.name(condition.role)} {'in' if rail else 'not in'} facts.roles"


def _time_between(condition: TimeBetween, rail: bool, place: Place, sets: Sets) -> str:
    return answered(rail, f"{place.frame.constants.name(sets.between(condition))}(facts.now)")


def _time_within(condition: TimeWithin, rail: bool, place: Place, sets: Sets) -> str:
    name = place.frame.constants.name
    started = "True" if condition.start is None else f"{name(condition.start)} <= facts.now"
    going_on = "True" if condition.end is None else f"facts.now < {name(condition.end)}"
    return conjunction(("facts.now != 0", _plain(rail, conjunction((started, going_on)))))


def _seen(condition: Seen, rail: bool, place: Place, sets: Sets) -> str:
    return answered(rail, f"seen(facts, {int(condition.tracker)}, {place.operands(condition.keys)})")


def _session_has(condition: SessionHas, rail: bool, place: Place, sets: Sets) -> str:
    names = place.frame.constants.name(sets.names_from(condition.label.name))
    compartment = condition.label.compartment
    within = "None" if compartment is None else place.frame.constants.name(compartment)
    return _plain(rail, f"has_label(facts, {names}, {within})")


def _session_exceeds(condition: SessionExceeds, rail: bool, place: Place, sets: Sets) -> str:
    return _plain(rail, f"exceeds(facts, {place.frame.constants.name(sets.covered(condition.clearance))})")


def _from_source(condition: FromSource, rail: bool, place: Place, sets: Sets) -> str:
    local = subject(condition.operand, place)
    return answered(rail, f"from_source(facts, {local}, {int(condition.source)}, {bool(condition.loosely)})")


CONTEXT_LEAVES: dict[type, Callable[[Any, bool, Place, Sets], str]] = {
    HasRole: _has_role,
    TimeBetween: _time_between,
    TimeWithin: _time_within,
    Seen: _seen,
    SessionHas: _session_has,
    SessionExceeds: _session_exceeds,
    FromSource: _from_source,
}
