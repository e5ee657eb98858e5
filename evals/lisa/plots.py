"""Two figures as SVG, byte-equal for equal numbers: gain against noise, and harm against noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .grid import FLIPS, Case, Key, Results
from .metrics import Spread, spreads

FIGURES = (
    ("memory-gain.svg", "above_base", "balanced accuracy above the base, points"),
    ("memory-harm.svg", "broken", "right base decisions broken, %"),
)
RATE = 0.3
"""The report rate that is drawn: the one at which every method has the most to work with."""


class NoPlots(Exception):
    """matplotlib is not installed, or there is nothing to draw."""


def draw(results: Results, cases: Sequence[Case], folder: Path) -> list[Path]:
    """Writes FIGURES into the folder and returns their paths."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise NoPlots("plots need matplotlib: install `leastward[evals]`") from error
    mpl.use("Agg")
    # Ids of shapes are random otherwise.
    mpl.rcParams["svg.hashsalt"] = "leastward"
    from matplotlib import pyplot as plt

    plain = {case.name: case for case in cases if case.is_plain and case.crowd.rate == RATE}
    table = {key: spreads(list(seeds.values())) for key, seeds in results.items() if key.case in plain}
    streams = list(dict.fromkeys(key.stream for key in table))
    if not streams:
        raise NoPlots(f"no cell of report rate {RATE:g} was run")
    methods = [method for method in dict.fromkeys(key.method for key in table) if method != "base"]
    written = []
    for name, metric, label in FIGURES:
        figure, axes = plt.subplots(1, len(streams), figsize=(3.2 * len(streams), 3.6), sharey=True, squeeze=False)
        for axis, stream in zip(axes[0], streams, strict=True):
            for method in methods:
                points = _points(table, plain, stream, method, metric)
                xs, ys = [x for x, _ in points], [100 * one.mean for _, one in points]
                bars = [
                    [100 * (one.mean - one.low) for _, one in points],
                    [100 * (one.high - one.mean) for _, one in points],
                ]
                width = 2.0 if method.startswith("ours") else 1.0
                axis.errorbar(xs, ys, yerr=bars, label=method, linewidth=width, capsize=2)
            axis.axhline(0, color="black", linewidth=0.5)
            axis.set_title(stream)
            axis.set_xlabel("share of flipped labels")
        axes[0][0].set_ylabel(label)
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=min(5, len(labels)), fontsize="small")
        figure.tight_layout(rect=(0, 0.14, 1, 1))
        path = folder / name
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
        written.append(path)
    return written


def _points(
    table: Mapping[Key, Mapping[str, Spread]], cases: Mapping[str, Case], stream: str, method: str, metric: str
) -> list[tuple[float, Spread]]:
    found = {cases[key.case].crowd.flips: row[metric] for key, row in table.items() if key[::2] == (stream, method)}
    return [(flips, found[flips]) for flips in FLIPS if flips in found]
