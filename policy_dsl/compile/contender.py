"""A rule as it takes part in a contest: what makes it match, as Python expressions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ..ast import And, Condition, Constant, Not, Rule
from ..types import Object
from .frame import Frame, Known
from .logic import conjunction, negation
from .operands import Place
from .rails import write
from .sets import Sets
from .signatures import accepts, sure_scalars

if TYPE_CHECKING:
    from .shapes import Shapes


class Mode(Enum):
    """How a rule takes part, which is what an error in it means."""

    GRANT = "matches where its signature accepts and its condition is true"
    WITHHOLD = "matches unless its condition is false: where that is an error, with the rank for errors"
    DOUBT = "matches where its signature accepts and its condition is an error"


@dataclass(frozen=True, slots=True)
class Contender:
    """One rule in one contest. Lower ranks win. `on_error` is the rank of WITHHOLD where the condition is an error."""

    id: str
    rule: Rule
    mode: Mode
    rank: int
    on_error: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What all rules of one tool share: the sets, the shared functions, and what the tool's schema makes sure of."""

    sets: Sets
    shapes: Shapes
    declared: Object | None
    known: Known


def condition_of(rule: Rule) -> Condition:
    """`when` and not `unless`, as one condition."""
    if rule.unless is None:
        return Constant(True) if rule.when is None else rule.when
    return Not(rule.unless) if rule.when is None else And((rule.when, Not(rule.unless)))


def matches(contender: Contender, frame: Frame, ground: Ground, held: Condition | None = None) -> str:
    """The expression of a plain match; `held` is a part of the condition that is known to be true when it is asked."""
    rule = contender.rule
    condition = condition_of(rule)
    place = Place(frame)
    true = write(condition, True, place, ground.sets, held)
    if contender.mode is Mode.WITHHOLD:
        return true
    assert rule.signature is not None, f"`{contender.id}` has no signature"
    if contender.mode is Mode.GRANT:
        sure = sure_scalars(condition, ground.sets)
        return conjunction((true, accepts(rule.signature, frame, ground.declared, sure)))
    false = write(condition, False, place, ground.sets, held)
    signature = accepts(rule.signature, frame, ground.declared, frozenset())
    return conjunction((signature, negation(true), negation(false)))


def fails(contender: Contender, frame: Frame, ground: Ground, held: Condition | None = None) -> str:
    """Where a rule that withholds does not match: its condition is false, which an error is not."""
    return write(condition_of(contender.rule), False, Place(frame), ground.sets, held)
