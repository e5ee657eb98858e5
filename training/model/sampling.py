"""Batched sampling with a key-value cache: prompts padded on the left, log-probability of every token out.

A row that has ended keeps drawing the padding token until all have, and whether all have is looked at every 16 tokens
only: each look makes the CPU wait for the accelerator. What a row draws after its end is masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from .prefix import attending, common, own_cache, read_once

_LOOK: Final = 16


@dataclass(frozen=True, slots=True)
class Sampled:
    """Completions of a batch. `tokens` [B, T] int64; `mask` [B, T] true up to and with the end of the turn; `logprobs`
    [B, T] float32, of the distribution that was drawn from; greedy ones are those of temperature 1."""

    tokens: Tensor
    mask: Tensor
    logprobs: Tensor


@torch.no_grad()
def sample(
    model: Any, tokenizer: Any, prompts: list[list[int]], longest: int, temperature: float, generator: torch.Generator
) -> Sampled:
    """Draws up to `longest` tokens after each prompt (token ids); temperature 0 takes the likeliest. What all prompts
    begin with is read and kept once (prefix), so whoever shows documents asks about one of them at a time."""
    begun = common(prompts)
    if not begun:
        return _drawn(model, tokenizer, prompts, longest, temperature, generator, 0, {})
    shared = read_once(model, prompts[0][:begun])
    rest = [row[begun:] for row in prompts]
    with attending(model):
        return _drawn(model, tokenizer, rest, longest, temperature, generator, begun, {"shared": shared})


def _drawn(
    model: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    longest: int,
    temperature: float,
    generator: torch.Generator,
    begun: int,
    shared: Mapping[str, Any],
) -> Sampled:
    device = model.get_input_embeddings().weight.device
    end = tokenizer.eos_token_id
    width = max(map(len, prompts))
    ids = torch.tensor([[end] * (width - len(row)) + row for row in prompts], device=device)
    attention = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=device)
    positions = begun + (attention.cumsum(1) - 1).clamp(min=0)
    alive = torch.ones(len(prompts), dtype=torch.bool, device=device)
    cache: Any = own_cache() if shared else None
    tokens, masks, logprobs = [], [], []
    for place in range(longest):
        out = model(
            input_ids=ids,
            attention_mask=attention,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **shared,
        )
        cache = out.past_key_values
        logits = out.logits[:, -1].float()
        scaled = torch.log_softmax(logits / temperature if temperature else logits, -1)
        drawn = torch.multinomial(scaled.exp(), 1, generator=generator) if temperature else scaled.argmax(-1, True)
        drawn = torch.where(alive[:, None], drawn, end)
        tokens.append(drawn)
        masks.append(alive[:, None])
        logprobs.append(scaled.gather(1, drawn))
        alive = alive & (drawn[:, 0] != end)
        if place % _LOOK == _LOOK - 1 and not bool(alive.any()):
            break
        ids, positions = drawn, positions[:, -1:] + 1
        attention = torch.cat([attention, torch.ones_like(drawn)], 1)
    return Sampled(torch.cat(tokens, 1), torch.cat(masks, 1), torch.cat(logprobs, 1))
