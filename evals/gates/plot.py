"""One picture: how often a gate was ever open, by how often it was read, for an abstraction that must stay shut and for
a good one."""

from __future__ import annotations

from pathlib import Path

from .simulate import ever_open, opens
from .tables import ALPHA, GATES, PIECES

NAMES = {
    "beta": "Beta(1,1) bound",
    "clopper-pearson": "Clopper-Pearson bound",
    "eprocess": "e-process",
    "empirical": "share right >= threshold, three pieces",
}


def draw(path: Path, paths: int, seed: int) -> None:
    """Write an SVG that depends on nothing but the numbers: no date, no random ids, text as text.

    matplotlib is an extra of evals and heavy; only this function loads it.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    looks = range(1, PIECES + 1)
    with mpl.rc_context({"svg.hashsalt": "leastward", "svg.fonttype": "none", "font.size": 9}):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
        for axis, rate, title in zip(
            axes, (0.7, 0.9), ("must stay shut: theta = threshold = 0.7", "good: theta = 0.9"), strict=True
        ):
            for gate in GATES:
                opened = ever_open(opens(gate, 0.7, ALPHA, PIECES), rate, paths, seed)
                axis.plot(looks, opened.by, label=NAMES[gate])
            axis.axhline(ALPHA, color="grey", linewidth=0.8, linestyle=":")
            axis.set(title=title, xlabel="pieces of evidence, the gate read after each", ylim=(0, 1))
        axes[0].set_ylabel("share of paths ever open")
        axes[0].legend(frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)
