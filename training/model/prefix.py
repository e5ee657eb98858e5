"""A beginning that all prompts of a batch share, read once and kept once: the policy's document, above all.

What a batch of rollouts is asked with a document in view differs only after it. transformers' cache holds keys and
values of every row whole, so 64 rows would hold the document 64 times. Here its keys and values are of one row, and
attention is taken over them and over each row's own in one softmax (as in Hydragen, arXiv 2402.05099), which gives the
same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, Final

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache
from transformers.masking_utils import eager_mask

WORTH: Final = 32
"""Tokens; a shorter beginning is not worth an attention of its own."""

_NAME: Final = "leastward_shared"

Shared = list[tuple[Tensor, Tensor]]
"""For each layer keys and values, [1, heads, tokens, width]."""


def common(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with. Each row keeps one of its own, to be predicted from; 0 where it is not worth
    sharing."""
    alike = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False)))
    found = min(alike, min(map(len, rows)) - 1)
    return found if found >= WORTH and len(rows) > 1 else 0


@torch.no_grad()
def read_once(model: Any, ids: Sequence[int]) -> Shared:
    """Keys and values of the beginning, of one row."""
    device = model.get_input_embeddings().weight.device
    cache = model(input_ids=torch.tensor([list(ids)], device=device), use_cache=True, logits_to_keep=1).past_key_values
    return [(layer.keys, layer.values) for layer in cache.layers]


@contextmanager
def attending(model: Any) -> Iterator[None]:
    """Within, calls of the model take `shared=...` beside their own cache."""
    before = model.config._attn_implementation
    model.set_attn_implementation(_NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def own_cache() -> DynamicCache:
    """What grows: the rows' own keys and values, without the beginning."""
    return DynamicCache()


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    shared: Shared,
    **_: Any,
) -> tuple[Tensor, None]:
    """`query` [B, H, T, D]; `key`, `value` [B, h, K, D] of the rows' own; the mask is of those alone. Where H is more
    than h, heads share keys in groups."""
    first_keys, first_values = shared[module.layer_idx]
    rows, heads, steps, width = query.shape
    grouped = query.view(rows, key.shape[1], -1, steps, width)
    before = torch.einsum("bhgtd,hpd->bhgtp", grouped, first_keys[0])
    own = torch.einsum("bhgtd,bhkd->bhgtk", grouped, key)
    if attention_mask is not None:
        own = own + attention_mask[:, :, None, :, : key.shape[2]] / scaling
    weights = torch.softmax(torch.cat([before, own], -1).float() * scaling, -1).to(query.dtype)
    seen = first_keys.shape[2]
    found = torch.einsum("bhgtp,hpd->bhgtd", weights[..., :seen], first_values[0])
    found = found + torch.einsum("bhgtk,bhkd->bhgtd", weights[..., seen:], value)
    return found.reshape(rows, heads, steps, width).transpose(1, 2).contiguous(), None


AttentionInterface.register(_NAME, _attention)
AttentionMaskInterface.register(_NAME, eager_mask)
