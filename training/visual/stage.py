"""A stage over pictures: VM-CPT, or fine-tuning on the completion alone.

After TriMPI's first stage (arXiv 2510.09474, section 3): next-token loss on everything but the visual tokens, mean over
those that count. Departure: one picture size and one text length a batch, padded on the right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..example import DataError
from ..prompting import ANSWER, END, THINK
from ..stages.loop import Update
from ..stages.losses import IGNORED, cross_entropy, without_visual
from .seen import PLACE, Seen

Look = Callable[[Sequence[bytes]], Mapping[str, Tensor]]
"""What a model's own processor makes of PNG files: its input tensors, as `pixel_values`."""


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens with `labels`, and which of them are `visual`; the pictures beside them in order."""

    tokens: list[int]
    labels: list[int]
    visual: list[bool]
    pictures: tuple[bytes, ...]


def asked(case: Seen) -> str:
    """The prompt, PLACE for each picture."""
    return f"Policy: {case.policy}\n{case.question}\n"


def told(case: Seen) -> str:
    """What is to be written."""
    return f"{THINK}{case.thought}{ANSWER}\n{case.answer}{END}"


def rows(
    cases: Sequence[Seen], files: Mapping[str, bytes], tokenizer: Any, image_token: int, each: int, *, whole: bool
) -> list[Row]:
    """A row for each case. A PLACE becomes `each` visual tokens; with `whole` every word counts (VM-CPT), without it
    the completion alone. DataError where the tokenizer gives the visual token for a word."""
    found = []
    for case in cases:
        before: list[int] = []
        for number, part in enumerate(asked(case).split(PLACE)):
            before += [image_token] * each if number else []
            before += _ids(tokenizer, part, image_token)
        after = _ids(tokenizer, told(case), image_token)
        tokens = before + after
        visual = [token == image_token for token in tokens]
        labels = tokens if whole else [IGNORED] * len(before) + after
        found.append(Row(tokens, labels, visual, tuple(files[one.path] for one in case.pictures)))
    return found


@dataclass(slots=True)
class VisualTexts:
    """Rows, `batch` of them a step, drawn by the step's generator."""

    rows: list[Row]
    batch: int
    look: Look
    pad: int

    def updates(self, model: Any, step: int, generator: torch.Generator) -> Iterator[Update]:
        """One update over the rows of this step."""
        picked = torch.randint(len(self.rows), (self.batch,), generator=generator, device=generator.device)
        chosen = [self.rows[place] for place in picked.tolist()]
        yield [lambda: loss(model, chosen, self.look, self.pad)]

    def metrics(self) -> dict[str, float]:
        """Nothing besides the loss."""
        return {}


def loss(model: Any, chosen: Sequence[Row], look: Look, pad: int) -> Tensor:
    """Mean over the words that count; visual tokens and padding never do."""
    width = max(len(row.tokens) for row in chosen)
    left = [width - len(row.tokens) for row in chosen]
    device = model.get_input_embeddings().weight.device

    def padded(columns: Sequence[Sequence[Any]], filling: Any) -> Tensor:
        return torch.tensor([[*one, *[filling] * more] for one, more in zip(columns, left, strict=True)], device=device)

    tokens = padded([row.tokens for row in chosen], pad)
    labels = padded([row.labels for row in chosen], IGNORED)
    visual = padded([row.visual for row in chosen], False)
    attention = padded([[1] * len(row.tokens) for row in chosen], 0)
    seen = look([picture for row in chosen for picture in row.pictures])
    logits = model(
        input_ids=tokens,
        attention_mask=attention,
        use_cache=False,
        **{name: one.to(device) for name, one in seen.items()},
    ).logits
    return cross_entropy(logits, without_visual(labels, visual))


def _ids(tokenizer: Any, text: str, image_token: int) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    if image_token in ids:
        raise DataError("a text holds the visual token itself")
    return ids
