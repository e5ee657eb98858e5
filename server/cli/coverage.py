"""What the tests of a policy leave out: rules that nothing fired, tests of values that always came to the same.

A *point* is one thing that some call has to show: for a rule that it matches; for each test in its conditions that it
is true, and that it is false or an error. Conditions are asked of the reference evaluator (anatomy), call by call
beside the Guard, so the compiled path is what it always is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from guardrail import Decision, Experience, Guard, Judgement, Session, ToolCall
from policy_dsl import And, Condition, IfThen, Not, Or, Program, Rule, spelling

from .anatomy import Anatomy, Question, dissect


@dataclass
class LeafCovered:
    """One test without connectives, and how often it came to what. A quantifier is one, whatever its list holds."""

    text: str
    line: int
    column: int
    true: int = 0
    false: int = 0
    error: int = 0

    @property
    def points(self) -> int:
        return (self.true > 0) + (self.false + self.error > 0)

    @property
    def gap(self) -> str:
        """What no call has shown, empty where nothing is missing."""
        if self.points == 2:
            return ""
        never = "asked" if self.points == 0 else "false" if self.true else "true"
        return f"{self.line}:{self.column} {self.text}: never {never}"


@dataclass
class RuleCovered:
    """A rule, and for how many calls its tools fitted, it matched, and it decided."""

    id: str
    effect: str
    line: int
    fits: int = 0
    matched: int = 0
    decided: int = 0
    leaves: list[LeafCovered] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every rule, in order of id. `points` of all points (`of`) were shown; a policy without rules is covered."""

    rules: tuple[RuleCovered, ...]

    @property
    def points(self) -> int:
        return sum((rule.matched > 0) + sum(leaf.points for leaf in rule.leaves) for rule in self.rules)

    @property
    def of(self) -> int:
        return sum(1 + 2 * len(rule.leaves) for rule in self.rules)

    @property
    def percent(self) -> float:
        return 100 * self.points / self.of if self.of else 100.0


class WatchedGuard(Guard):
    """A Guard that remembers what each rule came to. It decides as any other; a rule that stands for a limit or a
    clearance has no tests of its own, and the guards of counters are nobody's rules."""

    __slots__ = ("_leaves", "_rules")

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._rules: dict[str, RuleCovered] = {}
        self._leaves: dict[tuple[str, int], LeafCovered] = {}
        for id, rule in program.policy.rules.items():
            if rule.origin != "counter":
                self._rules[id] = RuleCovered(id, rule.effect.value, rule.span.line, leaves=list(self._watch(id, rule)))

    def decide(
        self,
        call: ToolCall,
        session: Session,
        decision_id: str = "",
        experience: Experience | None = None,
        judged: Judgement | None = None,
    ) -> Decision:
        decision = super().decide(call, session, decision_id, experience, judged)
        arguments = call.arguments if decision.arguments is None else decision.arguments
        for one in dissect(self.program.policy, Question(call.tool, call.server, arguments, session.facts)):
            if one.id in self._rules:
                self._note(one, decision.rule == one.id)
        return decision

    def coverage(self) -> Coverage:
        return Coverage(tuple(self._rules.values()))

    def _watch(self, id: str, rule: Rule) -> Iterator[LeafCovered]:
        written = (rule.when, rule.unless) if rule.origin == "written" else ()
        for condition in written:
            for leaf in _leaves(condition):
                covered = LeafCovered(spelling.condition(leaf), leaf.span.line, leaf.span.column)
                # Conditions are shared between rules that refer to each other: a rule and a node are one leaf.
                if self._leaves.setdefault((id, _key(leaf)), covered) is covered:
                    yield covered

    def _note(self, one: Anatomy, decided: bool) -> None:
        rule = self._rules[one.id]
        rule.fits += 1
        rule.matched += one.matches
        rule.decided += decided
        for part in one.parts:
            leaf = self._leaves.get((one.id, _key(part.condition)))
            if leaf is not None:
                leaf.true += part.truth.value is True
                leaf.false += part.truth.value is False
                leaf.error += part.truth.value is None


def _key(condition: Condition) -> int:
    """The node itself: two tests that are written alike are equal, and not the same."""
    return id(condition)


def _leaves(condition: Condition | None) -> Iterator[Condition]:
    match condition:
        case None:
            return
        case And(items) | Or(items):
            for item in items:
                yield from _leaves(item)
        case Not(item):
            yield from _leaves(item)
        case IfThen(test, then, otherwise):
            for part in (test, then, otherwise):
                yield from _leaves(part)
        case _:
            yield condition
