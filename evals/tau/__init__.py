"""tau2-bench (arXiv 2506.07982) and tau-bench (arXiv 2406.12045): two policy documents as rules, against what their
authors would have done and what a model did.

- document: the natural-language policy that the agent of a domain is given; examples/tau holds it as rules
- truth: the calls that the authors say solve a task
- looking up: a read that the rules want before a write and that the truth leaves out; the harness adds it, because an
  agent may always look, and it must be allowed as well
- wrong write: a call that changes something, in a recorded dialogue, and equals no call of that task's truth
- dialogue: one recorded conversation of gpt-4o with a simulated user; 84 of the 200 reached the goal, 116 did not

What a recording cannot show: its messages and its calls are stored apart, so the user's words are all known from the
start, and it goes on after a refusal as if nothing had been refused.

Flow: material.py -> shop.py answers (truths only; dialogues carry their answers) -> measure.py -> report.py.
"""

from __future__ import annotations

from .material import Call, Dialogue, Task, Unreadable, read_dialogues, read_shop, read_tasks
from .measure import Dialogues, Domain, Measured, measure_dialogues, measure_truths
from .shop import Shop

__all__ = [
    "Call",
    "Dialogue",
    "Dialogues",
    "Domain",
    "Measured",
    "Shop",
    "Task",
    "Unreadable",
    "measure_dialogues",
    "measure_truths",
    "read_dialogues",
    "read_shop",
    "read_tasks",
]
