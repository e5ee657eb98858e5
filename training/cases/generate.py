"""Data of generated policies: every label, rule id and thought comes from the engine.

Flow: knobs and seed -> policies (trees) -> for each wanted case an effect, a path and a place at or off a threshold ->
values (sampling) -> the Guard's Decision (asking) -> thought (tracing) and question (wording) -> Example. The sets are
balanced over effects, and within an effect over paths.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any, Final, Literal

from policy_dsl import strict_json

from ..example import DataError, Example
from .asked import Asked
from .knobs import Knobs
from .sampling import Route, Values, is_held_out
from .trees import EFFECTS, Leaf
from .wording import question
from .world import EVENT, VERIFY

LANGUAGE: Final = 1
_TRIES: Final = 400
"""Draws for one case before the space of cases is held to be used up."""

_BOUNDARY: Final = 0.4
"""Share of cases that are put at a threshold on purpose."""

Split = Literal["train", "test"]


def cases(
    paths: Sequence[tuple[Asked, Leaf]], knobs: Knobs, seed: int, wanted: int, split: Split, kind: str = ""
) -> Iterator[Example]:
    """`wanted` different cases, balanced over effects and paths. A case of the split `test` lies in a region that no
    case of the split `train` lies in."""
    rng = random.Random(strict_json.encode([seed, split, kind]))  # noqa: S311  # data, no secret
    turns = _turns(paths)
    taken: set[tuple[Any, ...]] = set()
    for number in range(wanted):
        for _ in range(_TRIES):
            asked, route = next(turns)
            values = route.draw(rng, boundary=rng.random() < _BOUNDARY)
            key = (asked.identifier, route.leaf.tool, *values.values())
            if key not in taken and is_held_out(route.region(values), seed) is (split == "test"):
                break
        else:
            raise DataError(f"the policies have no more than {number} different cases for `{split}`; turn a knob up")
        taken.add(key)
        yield case(rng, asked, route, values, knobs, split, f"{kind or split}-{seed}-{number}")


def _turns(paths: Sequence[tuple[Asked, Leaf]]) -> Iterator[tuple[Asked, Route]]:
    """The paths of each effect in turn, the effects in turn."""
    by_effect = {
        effect: [(asked, Route(asked.grown, leaf)) for asked, leaf in paths if leaf.effect == effect]
        for effect in EFFECTS
    }
    turns = [cycle(listed) for listed in by_effect.values() if listed]
    while turns:
        for turn in turns:
            yield next(turn)


def case(
    rng: random.Random, asked: Asked, route: Route, values: Values, knobs: Knobs, split: Split, id: str
) -> Example:
    """One Example: the values told as a question, and what the engine says to them."""
    leaf = route.leaf
    arguments = {field.name: values[field] for field in route.arguments}
    text, words = question(rng, asked.grown, leaf.tool, values, knobs.query)
    call = {"tool": leaf.tool, "args": arguments}
    context = _context(route, values, words)
    label, facts = asked.engine.label_with_facts(call, context)
    if asked.judge:
        context["policy"] = asked.judge
    return Example(
        id=id,
        policy=asked.identifier,
        question=text,
        thought=asked.tracer.thought(call, facts, label),
        answer=label.answer(),
        effect=label.effect,
        rule=label.rule,
        level=f"L{leaf.depth}",
        depth=leaf.depth,
        path=leaf.path,
        boundary=route.at_boundary(values),
        split=split,
        call=call,
        context=context,
        note=asked.note,
    )


def _context(route: Route, values: Values, words: str) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if route.claims:
        context["facts"] = {"claims": {field.name: values[field] for field in route.claims}}
    if route.has_event and values[EVENT] == "yes":
        context["given"] = [{"kind": "succeeded", "tool": VERIFY, "args": {}}]
    if words:
        context["user"] = [words]
    return context
