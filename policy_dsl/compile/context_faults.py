"""Why a leaf about what is around a call is an error: the closures of faults.py for the leaves of context.py."""

from __future__ import annotations

from collections.abc import Callable

from ..ast import Condition, FromSource, HasRole, Operand, Seen, SessionExceeds, SessionHas, TimeBetween, TimeWithin
from . import runtime
from .sets import Sets
from .spots import SESSION, Call, Fault, key_values, read, typed

_Ask = Callable[[Call], bool | Fault]
_NO_CLOCK = Fault("unknown-time", "time")


def context_ask(condition: Condition, sets: Sets) -> _Ask:
    """The leaf as a function of a call."""
    match condition:
        case HasRole(role):
            return lambda call: role in call.facts.roles
        case TimeBetween():
            between = sets.between(condition)
            return lambda call: _NO_CLOCK if (answer := between(call.facts.now)) is None else answer
        case TimeWithin(start, end):
            return lambda call: _within(call.facts.now, start, end)
        case Seen(tracker, keys):
            return _seen(tracker, keys)
        case SessionHas(label):
            names = sets.names_from(label.name)
            return lambda call: runtime.has_label(call.facts, names, label.compartment)
        case SessionExceeds(clearance):
            covered = sets.covered(clearance)
            return lambda call: runtime.exceeds(call.facts, covered)
        case FromSource(operand, source, loosely):
            return _from_source(operand, source, loosely)
    raise TypeError(f"no condition of a policy set: {condition}")


def _within(now: int, start: int | None, end: int | None) -> bool | Fault:
    if now == 0:
        return _NO_CLOCK
    return (start is None or start <= now) and (end is None or now < end)


def _seen(tracker: int, keys: tuple[Operand, ...]) -> _Ask:
    readings = [read(key) for key in keys]

    def ask(call: Call) -> bool | Fault:
        values = key_values(readings, call)
        if isinstance(values, Fault):
            return values
        answer = call.facts.history.seen(tracker, values, call.facts.now)
        return Fault(answer, SESSION) if isinstance(answer, str) else answer

    return ask


def _from_source(operand: Operand, source: int, loosely: bool) -> _Ask:
    reading = typed(operand, "text or number")

    def ask(call: Call) -> bool | Fault:
        spot = reading(call)
        if isinstance(spot, Fault):
            return spot
        history = call.facts.history
        answer = history.derived(spot.value, source) if loosely else history.in_results(spot.value, source)
        return Fault(answer, SESSION) if isinstance(answer, str) else answer

    return ask
