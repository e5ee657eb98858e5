"""The compiler: a PolicySet becomes a Program that decides in about a microsecond, however many rules there are.

- Program    the policy as functions: `decide`, `decide_bare`, `shadow`, `ceiling`, `rewrite` (program)
- View       what one principal is bound by: its verdicts by tool, compiled on first use (views, binding)
- Layers     whose verdict counts, where a policy has several layers; each has a Voice (layers)
- Verdict    how the calls of one tool are decided (verdicts), and which errors are told (diagnosis, needs)
- Contest    a generated function: the answer of the lowest rank that matches (contest)
- Rank       a rule's place in the order of deciding; Level, the place of a priority, 0 for the highest
- Contender  a rule in a contest (contender); its Mode says what an error in it means
- Shape      the generated function that rules share which differ only in their values (shapes)
- Pending    a rule's function until it is first asked, and then written (shapes)
- Rails      the two expressions of a condition, where it is true and where it is false (rails, leaves, context, logic)
- Frame      a generated function while it is written: its locals and constants (frame, operands, runtime)
- Key, Table what finds the few rules that can match by a value of the call (keys, tables)
- Fault      why a condition is an error, and at which Spot (faults, context_faults, spots)
- Write      what one change of a rewrite does at one path of a call (rewrites)
- Test, Value  one condition or operand as a function, for what feeds a session (expressions)

Flow: rules that fit a tool (binding) -> ranks (verdicts) -> contest -> source (rails, signatures, schema, sets) ->
Python's own compiler (shapes.run). docs/adr/0003-compiled-decisions.md says why; tests/compile holds it to the
reference evaluator.
"""

from __future__ import annotations

from .binding import fits
from .expressions import Test, Value, compile_condition, compile_operand
from .program import Program, compile_policy
from .runtime import ABSENT

__all__ = ["ABSENT", "Program", "Test", "Value", "compile_condition", "compile_operand", "compile_policy", "fits"]
