"""The model side of training: words to numbers, weights, checkpoints, sampling. Needs torch and transformers.

Words
- tokenizer   one word, digit or mark per token, learned from a data folder (tokenizer); SmolLM2 brings its own
- tiny        a Llama of a few million parameters, from scratch (weights)
- LoRA        thin matrices beside frozen ones, saved as peft lays them out (lora)
- checkpoint  one file that is whole or absent, with all that a resumed run needs (checkpoint)
- prefix      what all prompts of a batch begin with, kept once (prefix)
- Sampled     completions with the log-probability of each token (sampling)

Flow: tokenizer, then tiny or load -> a stage trains it, saving checkpoints -> sample.
"""

from __future__ import annotations

from .checkpoint import CheckpointError, latest, reached, restore, save
from .lora import add_lora, merge_lora, plain, save_adapter
from .sampling import Sampled, sample
from .tokenizer import word_tokenizer
from .weights import Shape, add_identifiers, load, placed, tiny

__all__ = [
    "CheckpointError",
    "Sampled",
    "Shape",
    "add_identifiers",
    "add_lora",
    "latest",
    "load",
    "merge_lora",
    "placed",
    "plain",
    "reached",
    "restore",
    "sample",
    "save",
    "save_adapter",
    "tiny",
    "word_tokenizer",
]
