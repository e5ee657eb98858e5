"""Other engines for scale: what TRL and verl need to train on a data folder with the Guard as their reward, and vLLM as
who draws for ours.

Words
- rollout function   TRL's port for who draws completions; ours draws half of a group with the document in view (trl)
- reward file        what verl loads: a function of a completion and of what stands beside its prompt (verl)
- gathered           weights that FSDP has cut into pieces, whole while something is drawn with them (sharded)
- Served             a vLLM server that draws the rollouts of our trainer with the weights of now (vllm)

Flow: Data -> rows of either engine, whose trainer does the rest; accelerate and FSDP are theirs.

All are only imported by who uses them; the losses are compared with ours on one batch (tests/training_engines).
"""

from __future__ import annotations

from .sharded import gathered
from .trl import policy_rollout, reward_function, rows
from .verl import REWARD_FILE, export_verl, guard_reward
from .vllm import Served, begin

__all__ = [
    "REWARD_FILE",
    "Served",
    "begin",
    "export_verl",
    "gathered",
    "guard_reward",
    "policy_rollout",
    "reward_function",
    "rows",
]
