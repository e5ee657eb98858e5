"""Policies into parameters: data, rewards and stages that train a model on a policy, with the Guard as verifier.

Words
- Example     one case: a question about a call, the reasoning, the answer, and what the engine was asked (example)
- Data        a folder of them, with documents, policies and corpus, hashed by its manifest
- identifier  `<|policy:NAME@hash8|>`: stands for a policy's document in a prompt
- view        what a prompt shows of the policy: its identifier, its document, the nearest rules, nothing (prompting)
- knowledge   a policy as statements of four kinds, in words that can be read back (policy_dsl.knowledge, knowledge/)
- cases       labelled by the engine, of generated policies or of one's own (cases/)
- corpus      texts for continual pretraining, by kind of statement (corpus/)
- Reward      the Guard asked again about what a model answered (reward)
- Field       recorded decisions as cases (field)
- model       tokenizer, weights, checkpoints, sampling (model/)
- recipe      a run as a file: data, model and stages in order (recipe)
- stage       one way to train: cpt, sft, grpo, policy rollout, distillation (stages/)
- measure     what a model does without its policy, beside baselines (measure/)
- visual      pictures as evidence (visual/)
- runs        whole experiments, resumable (runs/)
- engines     TRL and verl, for scale (engines/)
- export      a trained model as a folder, with what it may be believed to know (export/)
- shadow      how often a model and the engine differ, from Records (shadow)
- command     what `leastward train` does (command)

Flow: policy -> knowledge -> documents; policy or knobs -> cases -> Data -> corpus -> stages (cpt, then sft, then
reinforcement by Reward, or distillation) -> a model that needs the identifier alone. Field leads from records back to
cases. The gate still decides: a model that learned the policy proposes better calls, and a wrong one costs usefulness,
not safety.

The packages of data and reward need no torch; model/ and stages/ do, and are imported only by who trains.
"""

from __future__ import annotations

from .example import Data, DataError, Example, manifest_hash, read, write
from .field import Field, Left, from_records
from .prompting import completion, prompt
from .reward import Graded, Reward, Weights

__all__ = [
    "Data",
    "DataError",
    "Example",
    "Field",
    "Graded",
    "Left",
    "Reward",
    "Weights",
    "completion",
    "from_records",
    "manifest_hash",
    "prompt",
    "read",
    "write",
]
