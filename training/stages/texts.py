"""Continual pretraining and supervised fine-tuning: rows of tokens packed end to end, next-token loss.

CPT after CAP-CPT (arXiv 2510.11588): every token counts, each text carries the identifier. SFT: the completion alone
counts. Both depart from their papers in packing: texts share a row, kept apart by positions that begin anew, which
transformers turns into a block mask where no attention mask is given.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ..example import Data, DataError
from ..prompting import View, completion, prompt
from .loop import Update
from .losses import IGNORED, cross_entropy

Row = tuple[list[int], list[int], list[int]]


@dataclass(slots=True)
class Texts:
    """Packed rows, `batch` of them a step and `part` of those at once, in an order drawn anew for each epoch."""

    rows: list[Row]
    batch: int
    seed: int = 0
    part: int | None = None

    def updates(self, model: Any, step: int, generator: torch.Generator) -> Iterator[Update]:
        """One update over the rows of this step: the mean over all labels that count, whatever the parts."""
        device = model.get_input_embeddings().weight.device
        rows = self._picked(step).to(device, non_blocking=True)
        parts = rows.split(self.part or len(rows))
        count = (rows[:, 1, 1:] != IGNORED).sum().clamp(min=1)
        yield [lambda part=part: _loss(model, part, count) * len(parts) for part in parts]  # type: ignore[misc]  # a bound default

    def metrics(self) -> dict[str, float]:
        """Nothing besides the loss."""
        return {}

    def _picked(self, step: int) -> Tensor:
        chosen = []
        for place in range(step * self.batch, (step + 1) * self.batch):
            epoch, within = divmod(place, len(self.rows))
            order = torch.randperm(len(self.rows), generator=torch.Generator().manual_seed(self.seed + epoch))
            chosen.append(self.rows[int(order[within])])
        return torch.tensor(chosen)


def cpt(data: Data, tokenizer: Any, width: int | None, batch: int, seed: int = 0, part: int | None = None) -> Texts:
    """Next-token loss over all of `data.corpus`."""
    end = tokenizer.eos_token_id
    pieces = [(ids, ids) for text in data.corpus if (ids := [*tokenizer(text)["input_ids"], end])]
    return Texts(pack(pieces, width, end), batch, seed, part)


def sft(
    data: Data,
    tokenizer: Any,
    width: int | None,
    batch: int,
    views: Mapping[View, float] = MappingProxyType({"identifier": 1.0}),
    seed: int = 0,
    part: int | None = None,
) -> Texts:
    """Next-token loss over the completions of `data.train`, each after its prompt. `views` says which share of the
    cases is asked in which view; the same case may be asked in several. A model that is to be shown documents later
    (PolicyRollout, distillation) has to have seen some."""
    chance = random.Random(seed)  # noqa: S311  # an order, no secret
    asked = [
        (example, view)
        for view, share in sorted(views.items())
        for example in chance.sample(data.train, round(share * len(data.train)))
    ]
    chance.shuffle(asked)  # a row holds what stands together: cases of every view
    pieces = []
    for example, view in asked:
        before = tokenizer(prompt(example, data, view), add_special_tokens=False)["input_ids"]
        wanted = tokenizer(completion(example), add_special_tokens=False)["input_ids"]
        pieces.append((before + wanted, [IGNORED] * len(before) + wanted))
    return Texts(pack(pieces, width, tokenizer.eos_token_id), batch, seed, part)


def pack(pieces: list[tuple[list[int], list[int]]], width: int | None, end: int) -> list[Row]:
    """Rows of (tokens, labels, positions), each of `width` (None: of the longest piece), filled in order.

    The first label of a piece never counts, since what stands before it is of another text. DataError where a piece is
    longer than `width`: cut, it would lose its answer.
    """
    longest = max((len(ids) for ids, _ in pieces), default=0)
    width = longest if width is None else width
    if longest > width:
        raise DataError(f"the longest text has {longest} tokens and a row has {width}")
    rows: list[Row] = []
    tokens: list[int] = []
    labels: list[int] = []
    positions: list[int] = []

    def close() -> None:
        left = width - len(tokens)
        rows.append((tokens + [end] * left, labels + [IGNORED] * left, positions + list(range(left))))

    for ids, wanted in pieces:
        if tokens and len(tokens) + len(ids) > width:
            close()
            tokens, labels, positions = [], [], []
        tokens = tokens + ids
        labels = [*labels, IGNORED, *wanted[1:]]
        positions = positions + list(range(len(ids)))
    if tokens:
        close()
    return rows


def _loss(model: Any, part: Tensor, count: Tensor | None = None) -> Tensor:
    """This part's share of the mean over `count` labels, or its own mean."""
    tokens, labels, positions = part.unbind(1)
    logits = model(input_ids=tokens, position_ids=positions, use_cache=False).logits
    return cross_entropy(logits, labels, count)
