"""Results of one or more runs: a JSON file, the tables of docs/training-results.md, and the shares that `export` takes.

Every share has Wilson's 95 % interval over the cases of one run. Seeds are runs of their own; a table gives their mean
with the least and the greatest, since three seeds carry no interval that means anything.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from policy_dsl.knowledge import Share

from ..example import DataError
from .arms import ARMS
from .cost import Cost
from .counting import Counts
from .kept import Kept

FORMAT: Final = "leastward/training-results/1"


class Results(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What was measured of one model. `arms` goes by arm and then by group (counting); `made` says of what: the data's
    hash, the recipe's stages, the seed, parameters, seconds. `kept` has `before` and `after` where both were read."""

    format: str = FORMAT
    name: str
    made: dict[str, Any]
    arms: dict[str, dict[str, Counts]]
    cost: dict[str, Cost] = {}
    kept: dict[str, Kept] = {}


def read_results(path: str | Path) -> Results:
    """DataError where the file is none."""
    try:
        found = msgspec.json.decode(Path(path).read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(f"`{path}` holds no results: {error}") from error
    if found.format != FORMAT:
        raise DataError(f"`{path}` is of another format, `{found.format}`")
    return found


MEASURES: Final[Mapping[str, Callable[[Counts], tuple[int, int]]]] = {
    "effect": lambda c: (c.effect, c.asked),
    "rule": lambda c: (c.rule, c.asked),
    "exact": lambda c: (c.exact, c.asked),
    "false-allow": lambda c: (c.false_allow, c.withheld),
    "false-deny": lambda c: (c.false_deny, c.granted),
}
"""(times, of) of each share."""


def shares(results: Results, arm: str = "identifier") -> dict[str, dict[str, tuple[int, int]]]:
    """By policy identifier and name: what `export` takes as measured."""
    groups = results.arms.get(arm, {})
    return {
        group.removeprefix("policy "): {name: measure(counts) for name, measure in MEASURES.items()}
        for group, counts in groups.items()
        if group.startswith("policy ")
    }


def tables(runs: Sequence[Results]) -> str:
    """Markdown: arms by run, then levels and depths, then what it costs, then what was kept; empty tables left out."""
    parts = [_arms(runs), _groups(runs), _cost(runs), _kept(runs)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _arms(runs: Sequence[Results]) -> str:
    says = {arm.name: arm.says for arm in ARMS}
    head = ["model", "asked with", "n", "form", *MEASURES]
    rows = []
    for names, of in _by_name(runs):
        for arm in dict.fromkeys(arm for run in of for arm in run.arms):
            counts = [run.arms[arm]["all"] for run in of if arm in run.arms]
            form = _told([(one.form, one.asked) for one in counts])
            told = [_told([measure(one) for one in counts]) for measure in MEASURES.values()]
            rows.append([names, says.get(arm, arm), str(counts[0].asked), form, *told])
    return _table(head, rows)


def _groups(runs: Sequence[Results]) -> str:
    head = ["model", "group", "n", *MEASURES]
    rows = []
    for names, of in _by_name(runs):
        groups = dict.fromkeys(group for run in of for group in run.arms.get("identifier", {}))
        for group in groups:
            if group == "all" or group.startswith("policy "):
                continue
            counts = [run.arms["identifier"][group] for run in of if group in run.arms.get("identifier", {})]
            told = [_told([measure(one) for one in counts]) for measure in MEASURES.values()]
            rows.append([names, group, str(counts[0].asked), *told])
    return _table(head, rows)


def _cost(runs: Sequence[Results]) -> str:
    batches = sorted({batch for run in runs for cost in run.cost.values() for batch in cost.prefill_ms}, key=int)
    head = ["model", "view", "prompt tokens", *(f"prefill ms, batch {batch}" for batch in batches)]
    head += [f"tokens/s, batch {batch}" for batch in batches]
    rows = []
    for names, of in _by_name(runs):
        for view, cost in next((run.cost for run in of if run.cost), {}).items():
            times = ["{:.1f} ({:.1f} to {:.1f})".format(*cost.prefill_ms[batch]) for batch in batches]
            rates = [f"{cost.tokens_per_s[batch]:,.0f}" for batch in batches]
            rows.append([names, view, f"{cost.prompt_tokens:.0f}", *times, *rates])
    return _table(head, rows)


def _kept(runs: Sequence[Results]) -> str:
    rows = [
        [run.name, when, f"{one.perplexity:.2f}", f"{one.tokens:,}", f"{one.right} of {one.questions}"]
        for run in runs
        for when, one in run.kept.items()
    ]
    return _table(["model", "when", "perplexity of general text", "tokens", "easy questions"], rows)


def _by_name(runs: Sequence[Results]) -> list[tuple[str, list[Results]]]:
    named: dict[str, list[Results]] = {}
    for run in runs:
        named.setdefault(run.name, []).append(run)
    return list(named.items())


def _told(counted: Sequence[tuple[int, int]]) -> str:
    """One run: the share with its interval. Several: their mean with the least and the greatest."""
    found = [Share.counted(times, of) for times, of in counted if of]
    if not found:
        return "-"
    if len(found) == 1:
        (one,) = found
        return f"{one.times / one.of:.1%} [{one.low * 100:.1f}, {one.high * 100:.1f}]"
    values = [one.times / one.of for one in found]
    return f"{statistics.mean(values):.1%} ({min(values) * 100:.1f} to {max(values) * 100:.1f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---", "---", *("---:" for _ in head[2:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
