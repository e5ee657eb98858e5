"""Names inside a policy: what each use of one stands for, until nothing is left that only a reader can look up.

- Collected     what the files define together, by name, each with the file it stands in
- written out   a condition in which sets, groups, rules and macros have been replaced by what they stand for
- Substitution  arguments replaced by operands: a macro's parameters, an intent's fields
- Maps          which tools spell which intent, and the rules on an intent as one rule for each of them
- Memory        the trackers and sources that conditions ask: what the state engine has to keep
- sugar         limits, clearances and the guards of counters, as the forbids they stand for
- opened        a learned allow, as one rule inside each learnable that it fits (learned)

Flow: files -> imports -> Collected (collected) -> Names (sets, groups) -> Writing (conditions; macros) -> Maps
(intents) -> Memory (events) -> a PolicySet's parts (whole). Faults are told at the place of the use (faults).

INVARIANT: a resolved condition has at most MAX_NODES tests and connectives, 2 * MAX_DEPTH inside each other, so that
what is written in a few lines cannot take the engines exponentially long or exhaust their stack. A learned allow joins
two such conditions.
"""

from __future__ import annotations

from .bounds import MAX_DEPTH, MAX_NODES
from .faults import fault
from .imports import PACKAGE, place_of, target_of
from .sugar import limit_of
from .whole import Whole, resolve

__all__ = ["MAX_DEPTH", "MAX_NODES", "PACKAGE", "Whole", "fault", "limit_of", "place_of", "resolve", "target_of"]
