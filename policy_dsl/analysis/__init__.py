"""Does NEW grant a call that OLD did not? Proved with z3, or shown by a call. Behind the extra `analysis`.

Words
- party          one policy in a comparison: its rules with names resolved; a *stand* is its rules on one tool
- level          `allow` (outright) or `grant` (allowed, or asked about); each is asked about by itself
- world          one unknown call with all it may be asked about: arguments, who acts, session, time
- rail           the formula for where a condition is true, or for where it is false; on an error neither holds
- view           what a rule reads out of a text and z3 cannot: chosen freely, corrected by lemmas
- witness        an element of a list that a query may speak of
- refinement     a rule added to a query because a replayed model showed that it matters

Flow: two PolicySets -> `meet` (parties) -> tools by class of name (names) -> for each tool, direction and level the
grants that no rule covers at sight (demands) -> a query (search) over a world (world, tree, views) written by rails
-> a model -> a call replayed in both engines (replay) -> refined until it is a counterexample, a proof, or unknown.

Three answers. *proved*: no call, principal or session state exists; the encoding may have too many worlds, never too
few. *counterexample*: a call on which the reference evaluator and the compiled Program gave the outcomes told.
*unknown*: neither, with the reason; it counts as widening. What is compared is one decision in equal circumstances:
that an earlier call was released under one policy and refused under the other is a different circumstance.
"""

from __future__ import annotations

from .answers import Answer, Comparison, Counterexample, Direction, Shown, SolverMissing, ToolComparison
from .compare import compare

__all__ = [
    "Answer",
    "Comparison",
    "Counterexample",
    "Direction",
    "Shown",
    "SolverMissing",
    "ToolComparison",
    "compare",
]
