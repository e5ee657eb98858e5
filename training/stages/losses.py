"""The losses, functions of tensors alone. B rows, T tokens, V words, k alternatives; a mask is true where one counts.

Sources: DAPO (clip-higher, dynamic sampling, token mean), TriMPI arXiv 2510.09474 (pooled advantage, visual mask),
OPCD arXiv 2602.12275 (reverse KL, top-k), BuPO arXiv 2512.19673 (inner layers), Schulman 2020 (the k3 estimate of KL).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100
"""Label of a token that does not count, as in torch and transformers."""


def cross_entropy(logits: Tensor, labels: Tensor, count: Tensor | None = None) -> Tensor:
    """Next-token loss, mean over the labels that count: `logits` [B, T, V] at t predict `labels` [B, T] at t + 1. Of a
    part of a batch `count` is how many labels the whole has."""
    flat, wanted = logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten()
    if count is None:
        return functional.cross_entropy(flat, wanted, ignore_index=IGNORED)
    return functional.cross_entropy(flat, wanted, ignore_index=IGNORED, reduction="sum") / count


def without_visual(labels: Tensor, visual: Tensor) -> Tensor:
    """VM-CPT: labels [B, T] in which visual tokens (`visual` [B, T] true) do not count; they stay in the input."""
    return labels.masked_fill(visual, IGNORED)


def token_logprobs(logits: Tensor, tokens: Tensor) -> Tensor:
    """Log-probability [B, T] of each of `tokens` under `logits` [B, T, V], which are already aligned with it."""
    return torch.log_softmax(logits.float(), -1).gather(-1, tokens[..., None])[..., 0]


def advantages(rewards: Tensor, deviation: bool = True) -> Tensor:
    """Group advantage of `rewards` [groups, size]: less the mean, over the deviation (sample form, plus 1e-4, as TRL).
    PolicyRollout hands in both halves of a group in one row: that is its pooling."""
    centred = rewards - rewards.mean(1, keepdim=True)
    return centred / (rewards.std(1, keepdim=True) + 1e-4) if deviation else centred


def informative(rewards: Tensor) -> Tensor:
    """Dynamic sampling: which groups [groups] are not all alike. The others have advantage 0 and dilute the mean."""
    return (rewards.amax(1) - rewards.amin(1)) > 1e-6


def clipped(
    new: Tensor,
    old: Tensor,
    advantage: Tensor,
    mask: Tensor,
    low: float,
    high: float,
    count: Tensor | None = None,
) -> Tensor:
    """Clipped policy loss, mean over tokens: `new`, `old` [B, T] log-probabilities, `advantage` [B]. `high` above `low`
    is clip-higher: a rare token that helped may grow further than a common one may shrink. Of a part of a batch `count`
    is how many tokens the whole has."""
    ratio = (new - old).exp()
    weight = advantage[:, None]
    worst = torch.minimum(ratio * weight, ratio.clamp(1 - low, 1 + high) * weight)
    return -(worst * mask).sum() / (mask.sum() if count is None else count).clamp(min=1)


def kl_k3(new: Tensor, reference: Tensor, mask: Tensor, count: Tensor | None = None) -> Tensor:
    """KL(new || reference) by the k3 estimate, never negative, mean over tokens; [B, T] log-probabilities."""
    gap = reference - new
    return ((gap.exp() - gap - 1) * mask).sum() / (mask.sum() if count is None else count).clamp(min=1)


def reverse_kl(student: Tensor, teacher: Tensor, mask: Tensor, top: int | None = None) -> Tensor:
    """KL(student || teacher), mean over tokens, of logits [B, T, V]. With `top`, over the student's likeliest `top`
    words alone, each side normalised over these."""
    if top is not None:
        student, places = student.topk(min(top, student.shape[-1]), -1)
        teacher = teacher.gather(-1, places)
    ours, theirs = torch.log_softmax(student.float(), -1), torch.log_softmax(teacher.float(), -1)
    return ((ours.exp() * (ours - theirs)).sum(-1) * mask).sum() / mask.sum().clamp(min=1)


def inner_logits(model: Any, hidden_states: tuple[Tensor, ...], layer: int) -> Tensor:
    """BuPO: the output layer on what `layer` (from 0) left, without the final norm; `hidden_states[0]` is embedding."""
    logits: Tensor = model.lm_head(hidden_states[layer + 1])
    return logits
