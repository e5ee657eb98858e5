"""Cases of generated policies and of one's own, every one labelled by the engine (CC-Gen, arXiv 2510.11588, without a
model in the loop).

- Knobs       how hard a generated policy is, as numbers: environment, tasks, workflow, query
- Grown       a generated policy: trees of tests over the fields of a small world (world, trees)
- Leaf, path  one rule, and the way through the tree to it; Route is a leaf made ready to be drawn from
- region      the cell of the space of fields that a case lies in; one in five is for the test alone
- Engine      the Guard as the one who labels; Labelled is its answer, Tracer tells how it came to it
- World       circumstances built so that a condition comes out as wished: for one's own policies
- probe       a test set that asks something else: override, substitution, referral, unseen paths

Flow: knobs, seed -> trees.grow -> text of the language -> Engine -> sampling (both sides of every threshold) -> label,
thought, question -> Example; with documents, corpus and probes it is a Data (dataset). Or: policy files -> own.py ->
satisfying (a World for each rule, each test turned round) -> label -> Data.
"""

from __future__ import annotations

from .asking import Engine, Labelled
from .dataset import of_knobs
from .knobs import Knobs
from .own import of_policies
from .tracing import Tracer

__all__ = ["Engine", "Knobs", "Labelled", "Tracer", "of_knobs", "of_policies"]
