"""What a model has to beat: the commonest effect, and a decision tree.

The tree is told what no model is: the parsed fields of each case instead of a sentence, and which policy is meant as a
field of its own. It needs no policy either, only labelled cases, so it says how much of the task is mere look-up. The
arguments of a call are copied for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from policy_dsl import strict_json

from ..example import Example
from ..prompting import ANSWER, END, THINK
from .tree import Row, grow, told


class Majority:
    """Always the effect that most of the training cases have, with its commonest rule."""

    def __init__(self, train: Sequence[Example]) -> None:
        self.effect = Counter(one.effect for one in train).most_common(1)[0][0]
        rules = Counter(one.rule for one in train if one.effect == self.effect)
        self.rule = rules.most_common(1)[0][0]

    def __call__(self, examples: Sequence[Example]) -> list[str]:
        """One completion for each case."""
        return [_completion(self.effect, self.rule, one) for one in examples]


class TreeBaseline:
    """CART over the fields of the call, of the claims, and over what happened before."""

    def __init__(self, train: Sequence[Example], depth: int = 12) -> None:
        rows = [fields(one) for one in train]
        # A tree tells texts apart; which effect and rule one stands for is looked up.
        self._named = {f"{one.effect} {one.rule}": (one.effect, one.rule) for one in train}
        self._root = grow(rows, [f"{one.effect} {one.rule}" for one in train], depth)

    def __call__(self, examples: Sequence[Example]) -> list[str]:
        """One completion for each case."""
        return [_completion(*self._named[told(self._root, fields(one))], one) for one in examples]


def fields(example: Example) -> Row:
    """A case as named numbers and words; lists and objects stand as their JSON."""
    told = example.context.get("facts", {})
    named: dict[str, Any] = {"policy": example.policy, "tool": example.call.get("tool", "")}
    named |= example.call.get("args", {})
    named |= {name: value for name, value in told.items() if name != "claims"} | told.get("claims", {})
    named |= {f"{event['kind']} {event['tool']}": "yes" for event in example.context.get("given", [])}
    return {name: _plain(value) for name, value in named.items()}


def _plain(value: Any) -> int | float | str:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return value
    return strict_json.encode(value).decode()


def _completion(effect: str, rule: str | None, example: Example) -> str:
    call = None if effect == "forbid" else example.call
    answer = strict_json.encode({"call": call, "effect": effect, "rule": rule}).decode()
    return f"{THINK}{ANSWER}\n{answer}{END}"
