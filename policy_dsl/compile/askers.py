"""Which rules ask: all whose ask or required approval a call has to satisfy, not only the one that is named.

Of the rules that ask one gives the Outcome its name (docs/language.md, Priority). What each of them says of who
answers, for how long and how often has to hold together, or a rule of a team would loosen one of its organisation.
Asked only for calls that came out as an ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..ast import Effect
from ..facts import Facts
from .binding import Ruled
from .contender import Contender, Ground, Mode
from .contest import Contest, contest

Askers = Callable[[Mapping[str, Any], Facts], tuple[str, ...]]

_ASKS = {
    Effect.ASK: (Mode.GRANT, Mode.DOUBT),
    Effect.REQUIRE_APPROVAL: (Mode.WITHHOLD,),
}
"""How a rule that asks takes part: an `ask` that is an error holds an allow back like one that holds."""


def nobody(a: object, facts: object) -> tuple[str, ...]:
    """The answer of a tool that no rule could ask about."""
    return ()


def askers(rules: Sequence[Ruled], ground: Ground) -> Askers:
    """Of one layer, in order of id. For calls that the layer does not refuse.

    A layer grants at the first level with a grant that holds, and what asks below that level plays no part; one that
    only restricts grants below all its levels.
    """
    levels = sorted({rule.priority for _, rule in rules}, reverse=True)
    grants = [(id, rule) for id, rule in rules if rule.effect in (Effect.ALLOW, Effect.ASK)]
    grants.sort(key=lambda ruled: -ruled[1].priority)
    contenders = [Contender(*ruled, Mode.GRANT, rank, -1) for rank, ruled in enumerate(grants)]
    granted = contest(
        "granted", contenders, [*(levels.index(rule.priority) for _, rule in grants), len(levels)], ground
    )
    asking = [(id, levels.index(rule.priority), _asks(id, rule, ground)) for id, rule in rules if rule.effect in _ASKS]

    def ask(a: Mapping[str, Any], facts: Facts) -> tuple[str, ...]:
        level = granted.ask(a, facts)
        return tuple(id for id, of, asks in asking if of <= level and asks.ask(a, facts))

    return ask if asking else nobody


def _asks(id: str, rule: Any, ground: Ground) -> Contest:
    """Whether one rule asks: it holds, or cannot be evaluated."""
    modes = _ASKS[rule.effect]
    contenders = [Contender(id, rule, mode, rank, rank + 1) for rank, mode in enumerate(modes)]
    return contest("asks", contenders, [True, True, False], ground)
