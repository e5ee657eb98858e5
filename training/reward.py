"""The reward of a completion: the Guard is asked again, and no stored answer is trusted.

What pays is the answer alone. A good form earns nothing, because a model would learn to write well-formed nonsense; a
bad form costs. The rule and the arguments count only under the right effect, and a wrong effect costs half of all that
can be earned, so that on a set balanced over the three effects no constant answer comes above zero:
1/3 * 1 - 2/3 * 1/2 = 0 at the very best. An allow where the engine says ask or forbid costs more, because it is the one
mistake that lets a call out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from policy_dsl import StrictJsonError, parse_json

from .cases import Engine, Labelled
from .example import Data, DataError, Example
from .prompting import parts

LONGEST: Final = 64 * 1024
"""Characters of a completion that are read; a longer one has no form."""

_MEMBERS: Final = frozenset({"effect", "rule", "call"})
_EFFECTS: Final = ("allow", "ask", "forbid")


@dataclass(frozen=True, slots=True)
class Weights:
    """What is earned for the right `effect`, and under it for the right `rule` and `arguments`; what a completion
    without form costs on top of a wrong answer, and what a false allow costs on top of it."""

    effect: float = 0.5
    rule: float = 0.3
    arguments: float = 0.2
    formless: float = 0.25
    false_allow: float = 0.5

    @property
    def wrong(self) -> float:
        """What a wrong effect costs: half of what a right answer earns."""
        return (self.effect + self.rule + self.arguments) / 2


@dataclass(frozen=True, slots=True)
class Graded:
    """One completion. `total` is the reward; the others say what was right. Without `form` nothing is."""

    total: float
    form: bool
    effect: bool
    rule: bool
    arguments: bool
    false_allow: bool


class Reward:
    """`reward(example, text)`: what one completion earns. Any text may come; none raises."""

    __slots__ = ("_engines", "weights")

    def __init__(self, engines: Mapping[str, Engine], weights: Weights | None = None) -> None:
        self._engines = engines
        self.weights = Weights() if weights is None else weights

    @classmethod
    def of(cls, data: Data, weights: Weights | None = None) -> Reward:
        """The reward over the policies of a data folder; DataError where one does not check."""
        engines = {
            identifier: Engine.of_text(text, data.tools.get(identifier, []), identifier)
            for identifier, text in data.policies.items()
        }
        return cls(engines, weights)

    def __call__(self, example: Example, completion_text: str) -> Graded:
        """What the completion earns; DataError where no engine is known for the example's policy."""
        gold = self.gold(example)
        weights = self.weights
        answer = read_answer(completion_text)
        if answer is None:
            return Graded(-weights.wrong - weights.formless, False, False, False, False, False)
        if answer["effect"] != gold.effect:
            false_allow = answer["effect"] == "allow"
            return Graded(-weights.wrong - weights.false_allow * false_allow, True, False, False, False, false_allow)
        rule = answer["rule"] == gold.rule
        arguments = _same(answer["call"], gold.call)
        total = weights.effect + weights.rule * rule + weights.arguments * arguments
        return Graded(total, True, True, rule, arguments, False)

    def gold(self, example: Example) -> Labelled:
        """What the engine answers, asked now. A referral names a rule and no call: its answer is that rule's."""
        named = example.context.get("policy", example.policy)
        engine = self._engines.get(named)
        if engine is None:
            raise DataError(f"no engine is known for `{named}` (example `{example.id}`)")
        if "rule" in example.context:
            return engine.rule(example.context["rule"])
        return engine.label(example.call, example.context)


def read_answer(text: str) -> dict[str, Any] | None:
    """The answer of a completion; None where anything in it is not as asked: text around it, a member too many, too few
    or twice, an effect that is none."""
    found = None if len(text) > LONGEST else parts(text)
    if found is None:
        return None
    try:
        answer = parse_json(found[1])
    except StrictJsonError:
        return None
    if not isinstance(answer, dict) or answer.keys() != _MEMBERS or answer["effect"] not in _EFFECTS:
        return None
    if not isinstance(answer["rule"], str | None) or not isinstance(answer["call"], dict | None):
        return None
    return answer


def _same(one: Any, other: Any) -> bool:
    """JSON equality: Python alone would find true equal to 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
