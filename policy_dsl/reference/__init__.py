"""What a policy says to a call, spelled out plainly: slow, and made to be read beside docs/language.md.

The compiled program must answer as this does (tests/compile); the two share only `values` and `types.conforms`.

- Fault   why a test has no answer: a stable code, and the path of the value it stumbled on
- Truth   what a condition comes to: True, False or a Fault
- Found   a value and where it stands in the arguments

The connectives are strong Kleene: `and` is False if any part is, else the first Fault in the order written, else True;
`or` the other way round; `not` of a Fault is that Fault. A quantifier is the same over the elements in their order.

A Fault stands at the shortest path that already fails. `filter.dates[0]` without a `filter` is missing at `filter`;
where `filter` is a text, the wrong type is at `filter`. What is wrong about two operands together (types that differ,
a sum that is inexact) stands at the first argument among them. A value that holds, at any depth, something that the
strict parser cannot give (a float, a NaN) is of the wrong type wherever it is compared.

Flow: decide (levels) asks of each layer which rules apply (applies), what their conditions come to (conditions, of
operands and context, by kleene), and lets the highest level with an answer decide. Before it, rewrite (rewrites) may
make another call of it. What a session remembers is recomputed from all of its events (history).
"""

from __future__ import annotations

from .applies import hides
from .history import Event, Recollection
from .levels import askers, ceiling, decide, shadow
from .operands import Answer
from .rewrites import rewrite

__all__ = ["Answer", "Event", "Recollection", "askers", "ceiling", "decide", "hides", "rewrite", "shadow"]
