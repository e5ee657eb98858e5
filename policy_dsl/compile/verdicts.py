"""From a tool's rules to its verdict: which ranks the rules have, and what holds an allow back.

The order of deciding (design, What decides, 2) as ranks, lower wins:

    for each priority, highest first:   forbids that hold, by id
                                        forbids that are an error, by id
                                        asks that hold, by id
                                        allows that hold, by id
    nothing:                            the default

An allow that wins is held back, and becomes an ask, by a require approval of its priority or a higher one that holds or
is an error, else by an ask of such a priority that is an error. Those are two contests of their own, asked only then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..ast import Effect, Rule
from ..facts import Facts
from ..outcome import Outcome, Reason
from .contender import Contender, Ground, Mode
from .contest import contest
from .diagnosis import diagnosis

Decide = Callable[[Mapping[str, Any], Facts], Outcome]
Ruled = tuple[str, Rule]

NO_ALLOW = -1
"""The level of an answer that nothing can hold back."""


class Verdict(NamedTuple):
    """How the calls of one tool are decided: `full`, or `bare` without the errors. `source()` is for people."""

    bare: Decide
    full: Decide
    source: Callable[[], str]


class _Answer(NamedTuple):
    """An outcome and the level of its priority, 0 for the highest."""

    level: int
    outcome: Outcome


def verdict(rules: Sequence[Ruled], ground: Ground, otherwise: str | None) -> Verdict:
    """The verdict of the rules that fit one tool, given in order of id."""
    levels = sorted({rule.priority for _, rule in rules}, reverse=True)
    by_level = [[ruled for ruled in rules if ruled[1].priority == priority] for priority in levels]
    misfit = Outcome("forbid", None, Reason.BAD_ARGUMENTS, otherwise)
    contenders, answers = _decisive(by_level, otherwise)
    holding = [_holding(by_level, Effect.REQUIRE_APPROVAL, Mode.WITHHOLD), _holding(by_level, Effect.ASK, Mode.DOUBT)]
    if not any(listed for listed, _ in holding) or not any(answer.level != NO_ALLOW for answer in answers):
        won = contest("decide", contenders, [answer.outcome for answer in answers], ground, misfit)
        bare, parts = won.ask, [won]
    else:
        won = contest("decide", contenders, answers, ground, _Answer(NO_ALLOW, misfit))
        held = [contest(name, *how, ground) for name, how in zip(("approval", "doubt"), holding, strict=True)]
        bare = _held_back(won.ask, held[0].ask, held[1].ask)
        parts = [won, *held]
    return Verdict(bare, diagnosis(bare, rules, ground), lambda: "\n".join(part.source() for part in parts))


def _decisive(by_level: Sequence[Sequence[Ruled]], otherwise: str | None) -> tuple[list[Contender], list[_Answer]]:
    contenders: list[Contender] = []
    answers: list[_Answer] = []
    for level, rules in enumerate(by_level):
        forbids = _of(rules, Effect.FORBID)
        for place, (id, rule) in enumerate(forbids):
            rank = len(answers) + place
            contenders.append(Contender(id, rule, Mode.WITHHOLD, rank, rank + len(forbids)))
        for reason in (Reason.RULE, Reason.RULE_ERROR) if forbids else ():
            answers += [_Answer(NO_ALLOW, _outcome("forbid", ruled, reason, otherwise)) for ruled in forbids]
        for effect in (Effect.ASK, Effect.ALLOW):
            for id, rule in _of(rules, effect):
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
    return Outcome(effect, id, reason, rule.message if rule.message is not None else otherwise)


def _held_back(
    decisive: Callable[..., _Answer], approval: Callable[..., _Answer | None], doubt: Callable[..., _Answer | None]
) -> Decide:
    def decide(a: Mapping[str, Any], facts: Facts) -> Outcome:
        level, outcome = decisive(a, facts)
        if level != NO_ALLOW:
            held = approval(a, facts)
            if held is not None and held.level <= level:
                return held.outcome
            held = doubt(a, facts)
            if held is not None and held.level <= level:
                return held.outcome
        return outcome

    return decide
