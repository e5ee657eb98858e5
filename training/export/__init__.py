"""A trained model as a folder that others serve: weights, tokenizer, and what it may be believed to know.

Words
- export       a folder: safetensors, tokenizer with its chat template, `internalization.json` (policy_dsl.knowledge)
- Measured     by identifier and name, how many answers of how many; shares get their intervals here
- adapter      beside merged weights, a LoRA alone, as peft loads it
- CHAT         the template that makes a served chat the very text that was trained on (prompting)

Flow: model, tokenizer, Data, Measured, thresholds -> `export` writes beside its place and renames -> `read_export`
compares every weight file with the hash that the claim gives, as what was measured holds for those bytes alone.
"""

from __future__ import annotations

from .folder import ADAPTER, CHAT, CLAIM, ExportError, Made, Measured, export, read_export

__all__ = ["ADAPTER", "CHAT", "CLAIM", "ExportError", "Made", "Measured", "export", "read_export"]
