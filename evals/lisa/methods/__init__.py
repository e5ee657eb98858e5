"""The methods that are compared, behind one small port: decide an item, hear a report, refresh.

- base: no memory
- neighbours: nearest case, kNN vote, majority cluster, empirical-rate gate, last writer, upvotes
- rules: our memory, as abstractions that decide by themselves
- judged: methods in which a language model decides with what memory retrieves; only for whoever names a model

Flow: Said = Method.decide(Item); Reported -> Method.report; Method.refresh does what is not done while serving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from memory import Terms
from memory.encoders import Encoder

from .judged import AskedModel, judged
from .neighbours import NEAR, Clusters, Neighbours, last_writer, majority, upvotes
from .port import Base, Method, Rows, Said
from .rules import Rules

__all__ = [
    "EQUAL",
    "OURS",
    "AskedModel",
    "Base",
    "Clusters",
    "Method",
    "Neighbours",
    "Rows",
    "Rules",
    "Said",
    "judged",
    "last_writer",
    "majority",
    "offline",
    "upvotes",
]

EQUAL = Terms(missed_harm=1.0, false_block=1.0)
"""A missed harm and a false block cost the same: what balanced accuracy assumes. The product's Terms are 9 to 1."""

OURS = "ours"


def offline(rows: Rows, encoder: Encoder) -> Mapping[str, Callable[[], Method]]:
    """All methods that need no language model, by name, in the order of the tables. `rows` may be shared by runs of
    one stream: it only keeps what it encoded."""
    return {
        "base": Base,
        "nearest": lambda: Neighbours("nearest", rows, most=1),
        "kNN vote": lambda: Neighbours("kNN vote", rows, most=5),
        "majority cluster": lambda: Clusters("majority cluster", rows, majority),
        "upvotes": lambda: Clusters("upvotes", rows, upvotes),
        "last writer": lambda: Clusters("last writer", rows, last_writer),
        "rate gate": lambda: Neighbours("rate gate", rows, most=12, least=3, share=0.6, near=NEAR),
        OURS: lambda: Rules(OURS, Terms(), encoder),
        "ours, equal costs": lambda: Rules("ours, equal costs", EQUAL, encoder),
        "ours, no approvals": lambda: Rules("ours, no approvals", Terms(), encoder, approves=False),
    }
