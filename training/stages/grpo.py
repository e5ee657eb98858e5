"""GRPO, and PolicyRollout (TriMPI, arXiv 2510.09474): groups of completions, the Guard's reward, a clipped loss.

With `in_view` 0 this is GRPO with DAPO's clip-higher and a mean over tokens. With `in_view` > 0 that many more of a
group are drawn with the document in the prompt; advantages are pooled over both, and the ratio is taken without the
document for both, which is biased on purpose. A group that is all alike tells nothing: other questions are drawn for
it, up to `tries` times (DAPO: 20), and the step goes on with what it has. Departure: one batch of rollouts serves one
step of `updates_per_rollout` updates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..example import Data, DataError
from ..model.sampling import sample
from ..prompting import prompt
from ..reward import Reward
from .loop import Update
from .losses import advantages, clipped, informative, inner_logits, kl_k3, token_logprobs

Draw = Callable[[Any, Any, list[list[int]], int, float, torch.Generator], list[list[int]]]
"""(model, tokenizer, prompts, longest, temperature, generator) -> an answer's token ids for each prompt, up to and with
the end of the turn. The same prompt comes as often as its group is large."""


def draw_here(
    model: Any, tokenizer: Any, prompts: list[list[int]], longest: int, temperature: float, generator: torch.Generator
) -> list[list[int]]:
    """Draw by the trainer itself, from the model as it is trained."""
    model.eval()
    drawn = sample(model, tokenizer, prompts, longest, temperature, generator)
    model.train()
    return [row[keep].tolist() for row, keep in zip(drawn.tokens, drawn.mask, strict=True)]


@dataclass(frozen=True, slots=True)
class GRPO:
    """Numbers of the stage. `plain` + `in_view` completions a prompt, `prompts` a step, `longest` tokens each."""

    prompts: int = 16
    plain: int = 8
    in_view: int = 0
    longest: int = 96
    temperature: float = 1.0
    low: float = 0.2
    high: float = 0.28
    updates_per_rollout: int = 1
    tries: int = 3
    """Draws of a step, at most, until `prompts` groups differ within."""
    kl: float = 0.0
    """Weight of the KL (k3) to a frozen reference; DAPO has none, TriMPI's GRPO 0.01."""
    inner_layer: int | None = None
    """BuPO: for the first `inner_steps` steps, the log-probabilities of this layer (from 0)."""
    inner_steps: int = 0
    part: int | None = None
    """Completions that are computed at once; all of an update where it is not given."""


@dataclass(slots=True)
class _Group:
    """The completions of one question: `asked` without the document, `right` with the right effect and rule."""

    asked: list[int]
    answers: list[list[int]]
    rewards: list[float]
    right: int


@dataclass(slots=True)
class Rollouts:
    """The stage over `data.train`."""

    data: Data
    tokenizer: Any
    reward: Reward
    numbers: GRPO
    reference: Any = None
    """The frozen model that `numbers.kl` keeps near; needed where that is above 0."""
    draw: Draw = draw_here
    _last: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.numbers.kl and self.reference is None:
            raise DataError("a weight of the KL is given and no reference model")

    def updates(self, model: Any, step: int, generator: torch.Generator) -> Iterator[Update]:
        """Draws, grades, and yields the updates; none where every group is all alike."""
        of = self.numbers
        groups: list[_Group] = []
        seen: list[_Group] = []
        for _ in range(of.tries):
            drawn = self._draw(model, of.prompts - len(groups), generator)
            seen += drawn
            groups += [one for one in drawn if bool(informative(torch.tensor([one.rewards]))[0])]
            if len(groups) == of.prompts:
                break
        pooled = torch.tensor([one.rewards for one in seen])
        self._last = {
            "reward": float(pooled.mean()),
            "right": sum(one.right for one in seen) / pooled.numel(),
            "useful": len(groups) / len(seen),
        }
        if not groups:
            return
        weight = advantages(torch.tensor([one.rewards for one in groups])).flatten().to(generator.device)
        asked = [one.asked for one in groups for _ in one.answers]
        answers = [answer for one in groups for answer in one.answers]
        tokens, attention, mask = _joined(asked, answers, self.tokenizer.eos_token_id, generator.device)
        layer = of.inner_layer if step < of.inner_steps else None
        count = mask[:, 1:].sum()
        parts = [(*one, *self._before(model, *one[:2], layer)) for one in self._split(tokens, attention, mask, weight)]

        def loss(part: Sequence[Tensor]) -> Tensor:
            tokens, attention, mask, weight, old, *kept = part
            new = _logprobs(model, tokens, attention, layer, of.temperature)
            found = clipped(new, old, weight, mask[:, 1:], of.low, of.high, count)
            for reference in kept:
                found = found + of.kl * kl_k3(new, reference, mask[:, 1:], count)
            return found * len(parts)  # the loop takes the mean over parts

        for _ in range(of.updates_per_rollout):
            yield [lambda part=part: loss(part) for part in parts]  # type: ignore[misc]  # a bound default

    def _split(self, *columns: Tensor) -> Iterator[tuple[Tensor, ...]]:
        size = self.numbers.part or len(columns[0])
        return zip(*(column.split(size) for column in columns), strict=True)

    @torch.no_grad()
    def _before(self, model: Any, tokens: Tensor, attention: Tensor, layer: int | None) -> list[Tensor]:
        """Log-probabilities before the update, and those of the reference where there is one."""
        found = [_logprobs(model, tokens, attention, layer, self.numbers.temperature)]
        if self.numbers.kl:
            found.append(_logprobs(self.reference, tokens, attention, None, self.numbers.temperature))
        return found

    def _draw(self, model: Any, count: int, generator: torch.Generator) -> list[_Group]:
        """One group for each of `count` questions drawn at random: the plain completions, then those in view."""
        of = self.numbers
        picked = torch.randint(len(self.data.train), (count,), generator=generator, device=generator.device)
        examples = [self.data.train[place] for place in picked.tolist()]
        plain = [self._ids(prompt(example, self.data, "identifier")) for example in examples]
        shown = [self._ids(prompt(example, self.data, "document")) for example in examples] if of.in_view else []
        groups = [_Group(asked, [], [], 0) for asked in plain]
        for asked, times in ((plain, of.plain), (shown, of.in_view)):
            if not times:
                continue
            # One policy at a time: a document that is in view is then kept once for all that are asked about it.
            parts = [one.policy if asked is shown else "" for one in examples]
            for part in sorted(set(parts)):
                places = [place for place, one in enumerate(parts) if one == part for _ in range(times)]
                rows = [asked[place] for place in places]
                answers = self.draw(model, self.tokenizer, rows, of.longest, of.temperature, generator)
                for place, answer, text in zip(places, answers, self.tokenizer.batch_decode(answers), strict=True):
                    graded = self.reward(examples[place], text)
                    groups[place].answers.append(answer)
                    groups[place].rewards.append(graded.total)
                    groups[place].right += graded.effect and graded.rule
        return groups

    def metrics(self) -> dict[str, float]:
        """Mean reward, share with the right effect and rule, share of groups that differ; of the last step."""
        return self._last

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _joined(asked: list[list[int]], answers: list[list[int]], end: int, device: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Right-padded (tokens, attention, mask of the answer), each [B, T]."""
    width = max(len(one) + len(other) for one, other in zip(asked, answers, strict=True))
    tokens, attention, mask = [], [], []
    for one, other in zip(asked, answers, strict=True):
        left = width - len(one) - len(other)
        tokens.append(one + other + [end] * left)
        attention.append([1] * (width - left) + [0] * left)
        mask.append([False] * len(one) + [True] * len(other) + [False] * left)
    return (
        torch.tensor(tokens, device=device),
        torch.tensor(attention, device=device),
        torch.tensor(mask, device=device),
    )


def _logprobs(model: Any, tokens: Tensor, attention: Tensor, layer: int | None, temperature: float) -> Tensor:
    """[B, T - 1], of the distribution that was drawn from: at another temperature the ratio would be of two others."""
    out = model(input_ids=tokens, attention_mask=attention, use_cache=False, output_hidden_states=layer is not None)
    logits = out.logits if layer is None else inner_logits(model, out.hidden_states, layer)
    return token_logprobs(logits[:, :-1] / temperature, tokens[:, 1:])
