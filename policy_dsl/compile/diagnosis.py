"""Which errors stand in an Outcome: the full decision, on top of the bare one.

Errors are looked for only where they changed the outcome, and only in rules that can have one: a rule whose every test
is of a plain argument or of the time cannot err while those arguments have the right types and the time is known, which
one expression checks for all rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..ast import Effect, Rule
from ..facts import Facts
from ..outcome import Outcome, Reason, RuleError
from .contender import Contender, Ground, Mode, condition_of
from .faults import Judge, judge
from .frame import Constants, Frame
from .logic import conjunction
from .needs import Need, needs
from .operands import Place
from .shapes import Ask, run
from .spots import Fault

Decide = Callable[[Mapping[str, Any], Facts], Outcome]
Tell = Callable[[Outcome, Mapping[str, Any], Facts], Outcome]
Ruled = tuple[str, Rule]

# Names of this module: looking a member up on its enumeration costs as much as the rest of the full decision.
_RULE, _BAD_ARGUMENTS, _NO_RULE = Reason.RULE, Reason.BAD_ARGUMENTS, Reason.NO_RULE

_WITH_ERRORS = (_NO_RULE, Reason.RULE_ERROR)


def diagnosis(bare: Decide, rules: Sequence[Ruled], ground: Ground) -> tuple[Decide, Tell]:
    """`bare` with the errors filled in, and how an outcome of it is filled in."""
    doctor = _Doctor(rules, ground)
    calm: Callable[..., bool] | None = None

    def decide(a: Mapping[str, Any], facts: Facts) -> Outcome:
        nonlocal calm
        outcome = bare(a, facts)
        reason = outcome.reason
        if reason is _RULE or reason is _BAD_ARGUMENTS:
            return outcome
        if calm is None:
            calm = doctor.calm  # written on first use: most tools never need it
        if reason is _NO_RULE and calm(a, facts):
            return outcome
        return doctor.told(outcome, a, facts)

    return decide, doctor.told


class _Doctor:
    """Knows the rules of one tool and why each of them could err."""

    def __init__(self, rules: Sequence[Ruled], ground: Ground) -> None:
        self._rules = dict(rules)
        self._ground = ground
        self._doubts: dict[str, Ask] = {}
        self._judges: dict[str, Judge] = {}

    @cached_property
    def _needs(self) -> dict[str, frozenset[Need] | None]:
        """What each grant needs so that it cannot be an error."""
        grants = ((id, rule) for id, rule in self._rules.items() if rule.effect in (Effect.ALLOW, Effect.ASK))
        return {id: needs(condition_of(rule), self._ground.sets) for id, rule in grants}

    @cached_property
    def _all_needs(self) -> list[Need]:
        return list(dict.fromkeys(need for found in self._needs.values() for need in found or ()))

    @cached_property
    def _checks(self) -> tuple[Callable[..., bool], Callable[..., tuple[bool, ...]]]:
        return _checks(self._all_needs, self._ground, wary=None in self._needs.values())

    @property
    def calm(self) -> Callable[..., bool]:
        """Whether surely no grant is an error in a call."""
        return self._checks[0]

    def told(self, outcome: Outcome, a: Mapping[str, Any], facts: Facts) -> Outcome:
        """The outcome with the errors that had a part in it."""
        if outcome.reason not in _WITH_ERRORS or (outcome.reason is _NO_RULE and self.calm(a, facts)):
            return outcome
        return replace(outcome, errors=self.errors(outcome, a, facts))

    def errors(self, outcome: Outcome, a: Mapping[str, Any], facts: Facts) -> tuple[RuleError, ...]:
        """The errors that made the outcome: of the deciding rule and those beside it, or of the grants that failed."""
        if outcome.rule is None:
            return self._faults(self._suspects(a, facts), a, facts)
        by = self._rules[outcome.rule]
        beside = [id for id, rule in self._rules.items() if (rule.effect, rule.priority) == (by.effect, by.priority)]
        return self._faults(beside, a, facts)

    def _suspects(self, a: Mapping[str, Any], facts: Facts) -> Iterable[str]:
        """The grants that can be an error for these arguments, in order of id."""
        unmet = frozenset(need for need, met in zip(self._all_needs, self._checks[1](a, facts), strict=True) if not met)
        return [id for id, found in self._needs.items() if found is None or not unmet.isdisjoint(found)]

    def _faults(self, suspects: Iterable[str], a: Mapping[str, Any], facts: Facts) -> tuple[RuleError, ...]:
        found = ((id, self._fault(id, a, facts)) for id in suspects)
        return tuple(RuleError(id, fault.code, fault.place) for id, fault in found if fault is not None)

    def _fault(self, id: str, a: Mapping[str, Any], facts: Facts) -> Fault | None:
        rule = self._rules[id]
        if rule.signature is not None:
            if id not in self._doubts:
                self._doubts[id], _ = self._ground.shapes.make(Contender(id, rule, Mode.DOUBT, 1, 1), self._ground, 0)
            if not self._doubts[id](a, facts):
                return None
        if id not in self._judges:
            self._judges[id] = judge(condition_of(rule), self._ground.sets)
        judged = self._judges[id](a, facts)
        return judged if isinstance(judged, Fault) else None


_HAS_DATE = "0 < facts.now < 100_000_000_000_000_000"
"""A time that every zone has a date for: up to the year 5138."""


def _checks(
    all_needs: Sequence[Need], ground: Ground, *, wary: bool
) -> tuple[Callable[..., bool], Callable[..., tuple[bool, ...]]]:
    """Two functions of a call: whether surely no grant is an error, and for each need whether it is met.

    `wary`: some grant needs more than types of arguments, so nothing is sure.
    """
    frame = Frame(Constants(spelled=True), ground.known)
    place = Place(frame)
    tests = []
    for kind, argument in all_needs:
        if kind == "clock":
            tests.append(_HAS_DATE)
        else:
            local = frame.argument(argument)
            tests.append(place.is_text(local) if kind == "text" else place.is_number(local))
    head = "".join(f"    {line}\n" for line in frame.fresh())
    calm = "False" if wary else conjunction(tests)
    met = "".join(f"{test}, " for test in tests)
    return (
        run(f"def calm(a, facts):\n{head}    return {calm}\n", "calm", ()),
        run(f"def met(a, facts):\n{head}    return ({met})\n", "met", ()),
    )
