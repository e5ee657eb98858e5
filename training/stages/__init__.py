"""Ways to train, and the one loop that runs them. Needs torch and transformers only.

Words
- Stage    what to learn from: for a step number and its generator, the updates of that step (loop)
- update   losses whose gradients are added before one optimiser step (gradient accumulation)
- loss     a pure function of tensors (losses)
- draw     who draws completions: the model itself, or a server that is given its weights (grpo)

Flow: Texts (cpt, sft), or Rollouts (grpo, policy_rollout), or Distillation -> run -> metrics.jsonl and a checkpoint.
"""

from __future__ import annotations

from .distillation import Distillation
from .grpo import GRPO, Draw, Rollouts, draw_here
from .loop import Interrupted, OutOfMemory, Running, Stage, run
from .texts import Texts, cpt, sft

__all__ = [
    "GRPO",
    "Distillation",
    "Draw",
    "Interrupted",
    "OutOfMemory",
    "Rollouts",
    "Running",
    "Stage",
    "Texts",
    "cpt",
    "draw_here",
    "run",
    "sft",
]
