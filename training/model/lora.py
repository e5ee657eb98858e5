"""LoRA (Hu et al. 2021, arXiv 2106.09685): a frozen linear layer plus a trained product of two thin matrices.

y = W x + (alpha / rank) * B A x, where A is drawn as peft draws it (uniform, Kaiming) and B is zero, so that a model
begins as it was. Written here because a bare GPU machine may lack peft; what is saved is peft's own layout, which vLLM
serves as one adapter per version of a policy (`--enable-lora`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from ..example import DataError

TARGETS: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""All linear layers of a Llama block: of the choices of the LoRA and QLoRA papers the one that loses least."""

_WEIGHTS: Final = "adapter_model.safetensors"
_CONFIG: Final = "adapter_config.json"


class LoraLinear(nn.Module):
    """`inner` [out, in] frozen, `a` [rank, in] and `b` [out, rank] trained."""

    def __init__(self, inner: nn.Linear, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        self.inner = inner.requires_grad_(False)
        weight = inner.weight
        bound = 1 / math.sqrt(inner.in_features)  # Kaiming's with a = sqrt(5)
        drawn = torch.rand(rank, inner.in_features, generator=generator) * 2 * bound - bound
        self.a = nn.Parameter(drawn.to(weight.device))
        self.b = nn.Parameter(torch.zeros(inner.out_features, rank, device=weight.device))
        self.scale = alpha / rank

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]."""
        added = nn.functional.linear(nn.functional.linear(x, self.a.to(x.dtype)), self.b.to(x.dtype))
        return self.inner(x) + self.scale * added

    def merged(self) -> nn.Linear:
        """The plain layer with the product added to its weight."""
        with torch.no_grad():
            self.inner.weight += (self.scale * self.b @ self.a).to(self.inner.weight.dtype)
        return self.inner


def add_lora(
    model: Any,
    rank: int = 16,
    alpha: float = 32.0,
    seed: int = 0,
    targets: Sequence[str] = TARGETS,
    tokens: Sequence[int] = (),
) -> None:
    """Freezes `model` and wraps its target layers. DataError where nothing in it has such a name.

    The embeddings of `tokens` are trained too: identifiers that were added a moment ago all begin alike, and a model
    whose embeddings are frozen could never tell one policy from another.
    """
    model.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    linear = [name for name, one in model.named_modules() if isinstance(one, nn.Linear)]
    found = [name for name in linear if name.split(".")[-1] in targets]
    if not found:
        raise DataError(f"the model has no layer named {', '.join(targets)}")
    for name in found:
        place, last = _parent(model, name)
        setattr(place, last, LoraLinear(getattr(place, last), rank, alpha, generator))
    if tokens:
        weight = model.get_input_embeddings().weight.requires_grad_(True)
        of = torch.zeros(weight.shape[0], 1, device=weight.device)
        of[list(tokens)] = 1
        # Without a gradient Adam moves nothing, as long as no weight decays.
        weight.register_hook(lambda gradient: gradient * of.to(gradient.device))


def merge_lora(model: Any) -> None:
    """Puts plain layers back, each with what was learned in it; everything is trained again from here on."""
    for name, one in list(_adapted(model)):
        place, last = _parent(model, name)
        setattr(place, last, one.merged())
    model.requires_grad_(True)


def plain(model: Any) -> Any:
    """A copy with every adapter merged, or `model` itself where it has none."""
    if not any(isinstance(one, LoraLinear) for one in model.modules()):
        return model
    copied = deepcopy(model)
    merge_lora(copied)
    return copied


def save_adapter(model: Any, folder: str | Path, base: str, tokens: Sequence[int] = ()) -> None:
    """The adapter alone, in peft's layout; `base` is what it goes on top of. DataError where there is none.

    With `tokens` also their embeddings, as peft's `trainable_token_indices` keeps them: the rows themselves, in the
    order of their indices (peft calls them a delta). The base must have these rows before it is loaded.
    """
    from safetensors.torch import save_file

    adapted = dict(_adapted(model))
    if not adapted:
        raise DataError("the model has no adapter")
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    parts = {"lora_A": "a", "lora_B": "b"}
    tensors = {
        f"base_model.model.{name}.{theirs}.weight": getattr(one, ours).detach().cpu().contiguous()
        for name, one in adapted.items()
        for theirs, ours in parts.items()
    }
    rows = sorted(tokens)
    if rows:
        embeddings = model.get_input_embeddings()
        (named,) = [name for name, one in model.named_modules() if one is embeddings]
        key = f"base_model.model.{named}.token_adapter.trainable_tokens_delta"
        tensors[key] = embeddings.weight[rows].detach().cpu().contiguous()
    save_file(tensors, place / _WEIGHTS, metadata={"format": "pt"})
    first = next(iter(adapted.values()))
    rank = first.a.shape[0]
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": first.scale * rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "inference_mode": True,
        "target_modules": sorted({name.split(".")[-1] for name in adapted}),
        **({"trainable_token_indices": {named.split(".")[-1]: rows}} if rows else {}),
    }
    (place / _CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")


def _adapted(model: Any) -> Iterator[tuple[str, LoraLinear]]:
    return ((name, one) for name, one in model.named_modules() if isinstance(one, LoraLinear))


def _parent(model: Any, name: str) -> tuple[Any, str]:
    path, _, last = name.rpartition(".")
    return model.get_submodule(path), last
