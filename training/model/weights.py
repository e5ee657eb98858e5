"""Weights: a small Llama from scratch, or SmolLM2 from a folder or a GGUF file.

A GGUF load needs three repairs. Its tokenizer names `<|im_start|>` as end of text and no padding, so that a sampled
turn never ends; its configuration carries the quantisation, with which `save_pretrained` refuses; its padding side is
the right one, where a batch of prompts has to end together on the left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from ..example import DataError
from ..prompting import END, START


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of a Llama from scratch; 4 layers of 192 with 4 heads are about 2 million parameters."""

    layers: int = 4
    width: int = 192
    heads: int = 4
    inner: int = 512
    longest: int = 1024
    """Positions, in tokens."""


def tiny(shape: Shape, tokenizer: Any, seed: int) -> Any:
    """A Llama of `shape` over `tokenizer`, its weights drawn from `seed`; float32, on the CPU."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=shape.longest,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def load(place: str | Path) -> tuple[Any, Any]:
    """(model, tokenizer) of a folder of safetensors or of one `.gguf` file, offline. DataError if there is none, and
    for a tokenizer without the marks of ChatML."""
    place = Path(place)
    if not place.exists():
        raise DataError(f"no weights at `{place}`")
    if place.suffix != ".gguf":
        model = AutoModelForCausalLM.from_pretrained(place, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
    else:
        read = AutoModelForCausalLM.from_pretrained(place.parent, gguf_file=place.name, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(place.parent, gguf_file=place.name, local_files_only=True)
        config = {key: value for key, value in read.config.to_dict().items() if key != "quantization_config"}
        model = LlamaForCausalLM(LlamaConfig(**config))
        model.load_state_dict(read.state_dict())
    missing = [mark for mark in (START, END) if mark not in tokenizer.get_vocab()]
    if missing:
        raise DataError(f"the tokenizer of `{place}` does not know `{missing[0]}`, and prompts are of the ChatML form")
    tokenizer.eos_token = tokenizer.pad_token = END
    tokenizer.padding_side = "left"
    model.config.eos_token_id = model.config.pad_token_id = tokenizer.eos_token_id
    return model, tokenizer


def placed(model: Any, device: str) -> Any:
    """The model on `cpu`, on `cuda`, or with `auto` on the accelerator where there is one. DataError where one is asked
    for that is not there."""
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise DataError("the recipe asks for `cuda`, and torch sees no such device")
    return model.to("cuda" if there and device != "cpu" else "cpu")


def add_identifiers(model: Any, tokenizer: Any, identifiers: Iterable[str]) -> None:
    """Makes each identifier one token. A new one begins as the mean of all embeddings: it starts unremarkable."""
    known = tokenizer.get_vocab()
    new = sorted(set(identifiers) - known.keys())
    before = model.get_input_embeddings().weight.shape[0]
    tokenizer.add_tokens(new, special_tokens=True)
    if not new or len(tokenizer) <= before:
        return
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with torch.no_grad():
        weight = model.get_input_embeddings().weight
        weight[before:] = weight[:before].mean(0)
