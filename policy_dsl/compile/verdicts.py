"""From a tool's rules to its verdict: which ranks the rules have, and what holds an allow back.

The order of deciding (design, What decides, 2) as ranks, lower wins:

    for each priority, highest first:   forbids that hold, by id
                                        forbids that are an error, by id
                                        asks that hold, by id
                                        allows that hold, by id
    nothing:                            the default

Of the grants of one level and effect those that need a judge come after those that need none, and what is learned
after all that is written (docs/language.md).

A limit or a clearance that holds has a reason of its own. An allow that wins is held back, and becomes an ask, by a
require approval of its priority or a higher one that holds or is an error, else by an ask of such a priority that is an
error. Those are two contests of their own, asked only then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..ast import Effect, Rule
from ..facts import Facts
from ..outcome import NEEDS, Outcome, Reason, subject_to
from .contender import Contender, Ground, Mode
from .contest import Contest, contest
from .diagnosis import Tell, diagnosis

Decide = Callable[[Mapping[str, Any], Facts], Outcome]
Ruled = tuple[str, Rule]

NO_ALLOW = -1
"""The level of an answer that nothing can hold back."""


class Voice(NamedTuple):
    """What one layer says: `bare` is its outcome without the errors, None where it only restricts and has no objection;
    `tell` adds the errors. `source()` is for people."""

    bare: Callable[[Mapping[str, Any], Facts], Outcome | None]
    tell: Tell
    source: Callable[[], str]


class Verdict(NamedTuple):
    """How the calls of one tool are decided: `full`, or `bare` without the errors."""

    bare: Decide
    full: Decide
    voice: Voice


class _Answer(NamedTuple):
    """An outcome and the level of its priority, 0 for the highest. A layer that only restricts has no outcome where
    nothing holds, at a level below all its rules."""

    level: int
    outcome: Any


def verdict(rules: Sequence[Ruled], ground: Ground, otherwise: str | None) -> Verdict:
    """The verdict of the rules that fit one tool, given in order of id, on calls that may not fit the tool's schema."""
    misfit = Outcome("forbid", None, Reason.BAD_ARGUMENTS, otherwise)
    bare, parts = _bare(rules, ground, otherwise, misfit, restricts=False)
    full, tell = diagnosis(bare, rules, ground)
    return Verdict(bare, full, Voice(bare, tell, _source(parts)))


def voice(rules: Sequence[Ruled], ground: Ground, otherwise: str | None, *, restricts: bool) -> Voice:
    """What a lower layer says: its rules are only asked about calls that fit the tool's schema."""
    bare, parts = _bare(rules, ground, otherwise, None, restricts=restricts)
    return Voice(bare, diagnosis(bare, rules, ground)[1], _source(parts))


def _source(parts: Sequence[Contest]) -> Callable[[], str]:
    return lambda: "\n".join(part.source() for part in parts)


def _bare(
    rules: Sequence[Ruled], ground: Ground, otherwise: str | None, misfit: Outcome | None, *, restricts: bool
) -> tuple[Decide, list[Contest]]:
    levels = sorted({rule.priority for _, rule in rules}, reverse=True)
    by_level = [[ruled for ruled in rules if ruled[1].priority == priority] for priority in levels]
    contenders, answers = _decisive(by_level, otherwise)
    if restricts:
        answers[-1] = _Answer(len(levels), None)
    holding = [_holding(by_level, Effect.REQUIRE_APPROVAL, Mode.WITHHOLD), _holding(by_level, Effect.ASK, Mode.DOUBT)]
    if not any(listed for listed, _ in holding) or not any(answer.level != NO_ALLOW for answer in answers):
        won = contest("decide", contenders, [answer.outcome for answer in answers], ground, misfit)
        return won.ask, [won]
    won = contest("decide", contenders, answers, ground, misfit and _Answer(NO_ALLOW, misfit))
    held = [contest(name, *how, ground) for name, how in zip(("approval", "doubt"), holding, strict=True)]
    return _held_back(won.ask, held[0].ask, held[1].ask), [won, *held]


def _decisive(by_level: Sequence[Sequence[Ruled]], otherwise: str | None) -> tuple[list[Contender], list[_Answer]]:
    contenders: list[Contender] = []
    answers: list[_Answer] = []
    for level, rules in enumerate(by_level):
        forbids = _of(rules, Effect.FORBID)
        for place, (id, rule) in enumerate(forbids):
            rank = len(answers) + place
            contenders.append(Contender(id, rule, Mode.WITHHOLD, rank, rank + len(forbids)))
        for reason in (Reason.RULE, Reason.RULE_ERROR) if forbids else ():
            answers += [
                _Answer(NO_ALLOW, _outcome("forbid", ruled, _reason(ruled[1], reason), otherwise)) for ruled in forbids
            ]
        for effect in (Effect.ASK, Effect.ALLOW):
            for id, rule in sorted(_of(rules, effect), key=_need_of_judge):
                contenders.append(Contender(id, rule, Mode.GRANT, len(answers), -1))
                allows = effect is Effect.ALLOW
                outcome = _outcome("allow" if allows else "ask", (id, rule), Reason.RULE, None)
                answers.append(_Answer(level if allows else NO_ALLOW, outcome))
    return contenders, [*answers, _Answer(NO_ALLOW, Outcome("forbid", None, Reason.NO_RULE, otherwise))]


def _holding(
    by_level: Sequence[Sequence[Ruled]], effect: Effect, mode: Mode
) -> tuple[list[Contender], list[_Answer | None]]:
    """The contest of what holds an allow back: highest priority first, those that hold before those in error."""
    contenders: list[Contender] = []
    answers: list[_Answer | None] = []
    for level, rules in enumerate(by_level):
        holding = _of(rules, effect)
        for place, (id, rule) in enumerate(holding):
            rank = len(answers) + place
            contenders.append(Contender(id, rule, mode, rank, rank + len(holding) if mode is Mode.WITHHOLD else -1))
        for reason in (Reason.RULE, Reason.RULE_ERROR) if mode is Mode.WITHHOLD else (Reason.RULE_ERROR,):
            answers += [_Answer(level, _outcome("ask", ruled, reason, None)) for ruled in holding]
    return contenders, [*answers, None]


def _of(rules: Sequence[Ruled], effect: Effect) -> list[Ruled]:
    return [(id, rule) for id, rule in rules if rule.effect is effect]


def _outcome(effect: Any, ruled: Ruled, reason: Reason, otherwise: str | None) -> Outcome:
    id, rule = ruled
    message = rule.message if rule.message is not None else otherwise
    return Outcome(effect, id, reason, message, subject=rule.subject)


def _need_of_judge(ruled: Ruled) -> int:
    """Where a grant stands among those of its level; sorting keeps the order of ids."""
    rule = ruled[1]
    return NEEDS[rule.subject] if rule.is_written else len(NEEDS)


def _reason(rule: Rule, reason: Reason) -> Reason:
    """A limit or a clearance that holds has a reason of its own; one that is an error is an error like any other."""
    return _OWN_REASONS.get(rule.origin, reason) if reason is Reason.RULE else reason


_OWN_REASONS = {"limit": Reason.LIMIT, "clearance": Reason.CLEARANCE}


def _held_back(
    decisive: Callable[..., _Answer], approval: Callable[..., _Answer | None], doubt: Callable[..., _Answer | None]
) -> Decide:
    def decide(a: Mapping[str, Any], facts: Facts) -> Any:
        level, outcome = decisive(a, facts)
        if level != NO_ALLOW:
            held = approval(a, facts)
            if held is not None and held.level <= level:
                return subject_to(held.outcome, None if outcome is None else outcome.subject)
            held = doubt(a, facts)
            if held is not None and held.level <= level:
                return subject_to(held.outcome, None if outcome is None else outcome.subject)
        return outcome

    return decide
