"""Three-valued conditions as pairs of two-valued Python expressions (dual-rail logic).

For every condition C there are two expressions: its `true` rail holds exactly where C is true, its `false` rail exactly
where C is false; where C is an error neither holds. Strong Kleene logic then needs no third value at run time:

    true(A and B)  = true(A) and true(B)       false(A and B) = false(A) or false(B)
    true(A or B)   = true(A) or true(B)        false(A or B)  = false(A) and false(B)
    true(not A)    = false(A)                  false(not A)   = true(A)
    true(each xs)  = xs and all(true(body))    false(each xs) = any(false(body))
    true(any xs)   = any(true(body))           false(any xs)  = all(false(body))

`if A then B else C` is `(not A or B) and (A or C)`; both rails of A are asked on both of its own.

(Fitting, "Kleene's three valued logics and their children", 1994, section 2, writes the same pairs.) An allow asks its
true rail, a forbid whether its false rail fails to hold, so that an error forbids. Most leaves are one comparison on
the rail that is asked. Nothing in an expression raises on any value: types are tested before values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ast import And, Condition, Constant, IfThen, Not, Or, Quantified
from .context import CONTEXT_LEAVES
from .leaves import LEAVES
from .logic import conjunction, disjunction
from .operands import Place
from .sets import Sets


def write(condition: Condition, rail: bool, place: Place, sets: Sets, held: Condition | None = None) -> str:
    """One rail of `condition` at `place`; what it needs is added to the frame of `place`.

    `held` is a part of the condition, that very object, of which the asker knows that it is true.
    """
    if condition is held:
        return str(rail)
    return _WRITERS[type(condition)](condition, rail, place, sets, held)


def _and(condition: And, rail: bool, place: Place, sets: Sets, held: Condition | None) -> str:
    join = conjunction if rail else disjunction
    return join([write(item, rail, place, sets, held) for item in condition.items])


def _or(condition: Or, rail: bool, place: Place, sets: Sets, held: Condition | None) -> str:
    join = disjunction if rail else conjunction
    return join([write(item, rail, place, sets, held) for item in condition.items])


def _not(condition: Not, rail: bool, place: Place, sets: Sets, held: Condition | None) -> str:
    return write(condition.item, not rail, place, sets, held)


def _constant(condition: Constant, rail: bool, place: Place, sets: Sets, held: Condition | None) -> str:
    return str(condition.value is rail)


def _quantified(condition: Quantified, rail: bool, place: Place, sets: Sets, held: Condition | None) -> str:
    source = place.operand(condition.source)
    inner = place.inside(condition.name)
    body = write(condition.body, rail, inner, sets, held)
    each = condition.kind == "each"
    fold = "all" if each is rail else "any"
    some = f" and len({source}) > 0" if each and rail else ""
    loop = f"for {inner.elements[condition.name]} in {source}{inner.fetches()}"
    return f"type({source}) is list{some} and {fold}({body} {loop})"


def _if_then(condition: IfThen, rail: bool, place: Place, sets: Sets, held: Condition | None) -> str:
    true, false = _tested(condition.test, place, sets, held)
    then = write(condition.then, rail, place, sets, held)
    otherwise = str(rail) if condition.otherwise is None else write(condition.otherwise, rail, place, sets, held)
    if rail:
        return conjunction((disjunction((false, then)), disjunction((true, otherwise))))
    return disjunction((conjunction((true, then)), conjunction((false, otherwise))))


def _tested(test: Condition, place: Place, sets: Sets, held: Condition | None) -> tuple[str, str]:
    """Both rails of a test, as names where they are long: each `if` inside the test of another would double them."""
    found = place.tests.get(id(test))
    if found is None:
        true, false = (write(test, rail, place, sets, held) for rail in (True, False))
        if len(true) + len(false) > LONG:
            true, false = (place.bind(one, inside=True) for one in (true, false))
        found = place.tests[id(test)] = true, false
    return found


LONG = 200
"""Characters of the rails of a test that are written more than once."""


def _leaf(condition: Any, rail: bool, place: Place, sets: Sets, held: Condition | None) -> str:
    return _LEAVES[type(condition)](condition, rail, place, sets)


_LEAVES = {**LEAVES, **CONTEXT_LEAVES}

_WRITERS: dict[type, Callable[[Any, bool, Place, Sets, Condition | None], str]] = {
    And: _and,
    Or: _or,
    Not: _not,
    Constant: _constant,
    IfThen: _if_then,
    Quantified: _quantified,
    **dict.fromkeys(_LEAVES, _leaf),
}
