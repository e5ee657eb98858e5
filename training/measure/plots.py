"""Pictures of runs: how reward and right answers rose, and what every arm came to. Needs matplotlib (extra `evals`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from policy_dsl.knowledge import Share

from .results import MEASURES, Results


def curves(runs: Mapping[str, Sequence[str | Path]], measure: str, path: str | Path) -> None:
    """`measure` of `metrics.jsonl` files by step, a line for each name: the mean of its files, with their range."""
    figure, axes = _figure()
    for name, files in runs.items():
        lines = [[json.loads(line) for line in Path(file).read_text().splitlines()] for file in files]
        by_step: dict[int, list[float]] = {}
        for line in (one for of in lines for one in of if measure in one):
            by_step.setdefault(line["step"], []).append(line[measure])
        steps = sorted(by_step)
        means = [sum(by_step[step]) / len(by_step[step]) for step in steps]
        (drawn,) = axes.plot(steps, means, label=f"{name} (n = {len(files)})", linewidth=1.5)
        low, high = ([pick(by_step[step]) for step in steps] for pick in (min, max))
        axes.fill_between(steps, low, high, alpha=0.15, color=drawn.get_color())
    axes.set_xlabel("step")
    axes.set_ylabel(measure)
    axes.legend(frameon=False)
    _save(figure, path)


def bars(runs: Sequence[Results], arm: str, path: str | Path, measures: Sequence[str] = ("effect", "exact")) -> None:
    """A group of bars for each run, with Wilson's intervals over its cases."""
    figure, axes = _figure()
    width = 0.8 / len(measures)
    for place, name in enumerate(measures):
        found = [Share.counted(*MEASURES[name](run.arms[arm]["all"])) for run in runs]
        heights = [one.times / one.of for one in found]
        errors = [[max(0.0, h - one.low) for h, one in zip(heights, found, strict=True)]]
        errors += [[max(0.0, one.high - h) for h, one in zip(heights, found, strict=True)]]
        axes.bar([x + place * width for x in range(len(runs))], heights, width, yerr=errors, capsize=3, label=name)
    middle = (len(measures) - 1) * width / 2
    axes.set_xticks([x + middle for x in range(len(runs))], [run.name for run in runs], rotation=20, ha="right")
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("share of the test, 95 % interval")
    axes.legend(frameon=False)
    _save(figure, path)


def _figure() -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), dpi=120)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    return figure, axes


def _save(figure: Any, path: str | Path) -> None:
    from matplotlib import pyplot as plt

    figure.tight_layout()
    # Without a date in it the same numbers give the same file.
    figure.savefig(path, metadata={"Date": None} if Path(path).suffix == ".svg" else {"Software": None})
    plt.close(figure)
