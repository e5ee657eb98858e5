"""Whole experiments: which data, which arms of training, how often, and what is measured of each.

Words
- Plan    data, a model and arms, with the seeds of each (plans); `cpu` shows learning in minutes on two cores, `gpu` is
          the scaled-down replication of training.md, `smoke` is either in seconds
- arm     stages in a row; one that begins as another begins reuses what that one trained (running)
- step    what one command of at most ten minutes does; a step that was cut off goes on where it was (running)

Flow: Plan -> data -> recipes -> stages, each resumable -> measured -> results JSON -> tables and plots.

`cpu.sh` and `gpu.sh` are the commands; LOG.md says what was run when, failures included.
"""

from __future__ import annotations

from .plans import PLANS, Plan, smoke
from .running import carry_out, summed_up

__all__ = ["PLANS", "Plan", "carry_out", "smoke", "summed_up"]
