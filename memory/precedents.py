"""The nearest earlier cases: what people are shown beside a decision, and what a judge is given as examples.

Nearest by the metric of support.py. Two lists are merged, one by attributes and one by words (an Index), until no case
that was not looked at can be nearer (the threshold algorithm of Fagin, Lotem and Naor 2003); with an exact index the
answer is exact.

`as_data` is how memory reaches a judge that is a model: a tree of JSON with a closed set of keys, in which everything
that somebody outside wrote is a string value, bounded in length and without invisible characters. It is data to weigh
and never instructions; nothing of a report can become a key, a rule, or prose of ours.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from .encoders import Encoder, Rows
from .metric import DIGITS, Attributes, joined
from .model import COUNTING, Abstraction, Case, Condition, Context, Label, State
from .vectors import ExactIndex, Index, rebuilt

MOST_CHARACTERS = 400
"""Of each text in `as_data`; what a person would quote of a report."""
MOST_ITEMS = 32
"""Attributes of a case, tests of a condition, values of a test; more are cut off and counted in `left_out`."""
_FIRST_LOOK = 64
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Precedent:
    """An earlier case, what it should have come to, and how far it is (0 equal, 1 nothing in common)."""

    case: Case
    label: Label
    distance: float


class Precedents:
    """Cases with a label, by tool. `make` makes an index of rows of so many numbers."""

    def __init__(
        self,
        cases: Iterable[Case],
        labels: Mapping[str, Label],
        encoder: Encoder,
        make: Callable[[int], Index] = ExactIndex,
    ) -> None:
        by_tool: dict[str, list[Case]] = defaultdict(list)
        for case in cases:
            if case.id in labels:
                by_tool[case.context.tool].append(case)
        self._labels, self._encoder = labels, encoder
        self._tools = {tool: _OfTool(some, labels, encoder, make) for tool, some in by_tool.items()}

    def nearest(self, context: Context, k: int, label: Label | None = None) -> list[Precedent]:
        """The `k` nearest cases of the same tool, nearest first, ties by id; with `label`, of those only."""
        if k < 1:
            raise ValueError(f"k must be at least 1, not `{k}`")
        cases = self._tools.get(context.tool)
        if cases is None:
            return []
        row = self._encoder.encode([context.words])[0]
        return [Precedent(case, self._labels[case.id], far) for case, far in cases.nearest(context, row, k, label)]


class _OfTool:
    """The cases of one tool: their attributes as a table, their words in an index."""

    def __init__(
        self, cases: Sequence[Case], labels: Mapping[str, Label], encoder: Encoder, make: Callable[[int], Index]
    ) -> None:
        self._cases = cases
        self._places = {case.id: at for at, case in enumerate(cases)}
        self._label = {
            label: np.array([labels[case.id] == label for case in cases], dtype=np.bool_) for label in get_args(Label)
        }
        self._attributes = Attributes([case.context for case in cases])
        self._saying: dict[str, list[int]] = defaultdict(list)
        for at, case in enumerate(cases):
            self._saying[case.context.words].append(at)
        self._index = rebuilt(cases, encoder, make)

    def nearest(self, context: Context, row: Rows, k: int, label: Label | None) -> list[tuple[Case, float]]:
        shares = self._attributes.shares(context)
        equal = self._saying.get(context.words, [])
        wanted = np.ones(len(self._cases), dtype=np.bool_) if label is None else self._label[label]
        look = max(_FIRST_LOOK, 4 * k)
        while True:
            near = self._index.search(row, look, lambda id: bool(wanted[self._places[id]]))
            places = [self._places[id] for id, _ in near]
            words = np.full(len(self._cases), _far(near[-1][1]) if near else 0.0, dtype=np.float32)
            words[places] = [_far(cosine) for _, cosine in near]
            words[equal] = 0.0
            distances = np.round(joined(shares, words), DIGITS)
            seen = np.zeros(len(self._cases), dtype=np.bool_)
            seen[places] = seen[equal] = True
            unseen = distances[wanted & ~seen]
            order = sorted(np.flatnonzero(wanted & seen).tolist(), key=lambda at: (distances[at], self._cases[at].id))[
                :k
            ]
            if len(near) < look or (len(order) == k and distances[order[-1]] < unseen.min(initial=np.inf)):
                return [(self._cases[at], round(float(distances[at]), DIGITS)) for at in order]
            look *= 4


def labels_of(state: State) -> dict[str, Label]:
    """What each case should have come to: what an auditor said, else what most weight of accepted reports says; a case
    on which the weights are even has none."""
    said: dict[str, dict[Label, float]] = defaultdict(lambda: {"allow": 0.0, "forbid": 0.0})
    for report in state.reports:
        if report.standing in COUNTING:
            said[report.decision][report.label] += report.weight
    found: dict[str, Label] = {}
    for id, weights in said.items():
        if weights["allow"] != weights["forbid"]:
            found[id] = "allow" if weights["allow"] > weights["forbid"] else "forbid"
    return {id: label for id, label in {**found, **state.audited}.items() if id in state.cases}


def as_data(abstractions: Sequence[Abstraction], precedents: Sequence[Precedent]) -> dict[str, Any]:
    """Learned rules and earlier cases as a tree of JSON, for a judge that is a model."""
    return {
        "rules": [_rule(abstraction) for abstraction in abstractions],
        "cases": [_case(precedent) for precedent in precedents],
    }


def _rule(abstraction: Abstraction) -> dict[str, Any]:
    reading = abstraction.reading
    return {
        "id": _text(abstraction.id),
        "label": abstraction.label,
        "phase": abstraction.phase,
        "condition": _condition(abstraction.condition),
        "exceptions": [_text(id) for id in abstraction.exceptions],
        "evidence": None
        if reading is None
        else {
            "confirming": round(reading.confirming, 2),
            "against": round(reading.against, 2),
            "reporters": reading.reporters,
            "bound": round(reading.bound, 4),
            "threshold": round(reading.threshold, 4),
            "open": reading.open,
        },
    }


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "tool": _text(condition.tool),
        "tests": [
            {
                "attribute": _text(name),
                "values": [_text(value) for value in values[:MOST_ITEMS]],
                "left_out": max(0, len(values) - MOST_ITEMS),
            }
            for name, values in condition.tests[:MOST_ITEMS]
        ],
        "left_out": max(0, len(condition.tests) - MOST_ITEMS),
    }


def _case(precedent: Precedent) -> dict[str, Any]:
    context = precedent.case.context
    return {
        "id": _text(precedent.case.id),
        "label": precedent.label,
        "distance": precedent.distance,
        "decided": precedent.case.effect,
        "tool": _text(context.tool),
        "attributes": [
            {"attribute": _text(name), "value": _text(value)} for name, value in context.attributes[:MOST_ITEMS]
        ],
        "left_out": max(0, len(context.attributes) - MOST_ITEMS),
        "words": _text(context.words),
    }


def _text(text: str) -> str:
    """At most MOST_CHARACTERS characters, all of which a reader sees (CVE-2021-42574)."""
    shown = "".join(_visible(character) for character in text[: MOST_CHARACTERS + 1])
    return shown if len(shown) <= MOST_CHARACTERS else f"{shown[: MOST_CHARACTERS - 3]}..."


def _visible(character: str) -> str:
    return f"\\u{{{ord(character):x}}}" if unicodedata.category(character) in _UNSEEN else character


def _far(cosine: float) -> float:
    return (1.0 - cosine) / 2.0
