"""On-policy context distillation (OPCD, arXiv 2602.12275): the student answers without the document, and each token is
drawn towards what the same weights say with it. Departure: the teacher is the live model, not a frozen copy, so one
set of weights is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..example import Data
from ..model.sampling import sample
from ..prompting import prompt
from .grpo import _joined
from .loop import Update
from .losses import reverse_kl

_Joined = tuple[Tensor, Tensor, Tensor]


@dataclass(slots=True)
class Distillation:
    """The stage: `prompts` questions a step, one completion of at most `longest` tokens each, drawn at `temperature`.
    The loss compares the two at temperature 1, over the student's `top` words."""

    data: Data
    tokenizer: Any
    prompts: int = 16
    longest: int = 96
    temperature: float = 1.0
    top: int | None = 100
    part: int | None = None
    """Completions that are computed at once; all of them where it is not given."""

    def updates(self, model: Any, step: int, generator: torch.Generator) -> Iterator[Update]:
        """One update of reverse KL over the student's own tokens."""
        device = generator.device
        picked = torch.randint(len(self.data.train), (self.prompts,), generator=generator, device=device)
        examples = [self.data.train[place] for place in picked.tolist()]
        asked = [self._ids(prompt(example, self.data, "identifier")) for example in examples]
        shown = [self._ids(prompt(example, self.data, "document")) for example in examples]
        drawn = sample(model, self.tokenizer, asked, self.longest, self.temperature, generator)
        answers = [row[keep].tolist() for row, keep in zip(drawn.tokens, drawn.mask, strict=True)]
        end = self.tokenizer.eos_token_id
        size = self.part or len(answers)
        places = [slice(start, start + size) for start in range(0, len(answers), size)]
        parts = [
            (_joined(asked[of], answers[of], end, device), _joined(shown[of], answers[of], end, device))
            for of in places
        ]
        count = sum(map(len, answers))

        def loss(ours: _Joined, theirs: _Joined) -> Tensor:
            with torch.no_grad():
                teacher = _answers(model, theirs)
            share = len(teacher) / count * len(parts)  # the loop takes the mean over parts
            return share * reverse_kl(_answers(model, ours), teacher, torch.ones(len(teacher), device=device), self.top)

        yield [lambda part=part: loss(*part) for part in parts]  # type: ignore[misc]  # a bound default

    def metrics(self) -> dict[str, float]:
        """Nothing besides the loss."""
        return {}

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _answers(model: Any, joined: _Joined) -> Tensor:
    """Logits [N, V] that predict the answers' tokens, row after row: the same N with the document and without."""
    tokens, attention, mask = joined
    logits: Tensor = model(input_ids=tokens, attention_mask=attention, use_cache=False).logits
    return logits[:, :-1][mask[:, 1:]]
