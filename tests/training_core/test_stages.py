"""Tokenizer, sampling, texts, grpo and distillation on a two-layer Llama. Mechanics; nothing here shows learning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from training import Data, DataError, Example, Graded, Reward, completion, prompt  # noqa: E402  # after the skip
from training.cases import Knobs, of_knobs  # noqa: E402
from training.model import Shape, sample, tiny, word_tokenizer  # noqa: E402
from training.stages import GRPO, Distillation, Rollouts, Running, cpt, run, sft  # noqa: E402
from training.stages.texts import _loss, pack  # noqa: E402


@pytest.fixture(scope="module")
def data() -> Data:
    return of_knobs(Knobs(environment=1, tasks=1, depth=2), 11, policies=1, train=60, test=30)


@pytest.fixture(scope="module")
def tokenizer(data: Data) -> Any:
    texts = [prompt(one, data, "document") + completion(one) for one in data.train]
    return word_tokenizer([*texts, *data.corpus], data.policies)


@pytest.fixture(scope="module")
def reward(data: Data) -> Reward:
    return Reward.of(data)


@pytest.fixture
def model(tokenizer: Any) -> Any:
    return tiny(Shape(layers=2, width=32, heads=2, inner=64), tokenizer, 0)


class _Alternating:
    """The reward's record with totals 1, 0, 1, 0: an untrained model earns the same everywhere."""

    def __init__(self, reward: Reward) -> None:
        self.reward, self.asked = reward, 0

    def __call__(self, example: Example, text: str) -> Graded:
        self.asked += 1
        return replace(self.reward(example, text), total=float(self.asked % 2))


def test_what_is_decoded_is_what_was_encoded(data: Data, tokenizer: Any) -> None:
    for example in data.train:
        assert tokenizer.decode(tokenizer(completion(example))["input_ids"]) == completion(example)
    assert len(tokenizer(next(iter(data.policies)))["input_ids"]) == 1


def test_packed_texts_do_not_see_each_other(model: Any) -> None:
    one, other = [5, 6, 7, 8], [9, 10, 11]
    with torch.no_grad():
        both, first, second = (
            float(_loss(model, torch.tensor(pack([(ids, ids) for ids in pieces], width, 0))))
            for pieces, width in (((one, other), 7), ((one,), 4), ((other,), 3))
        )
    assert both == pytest.approx((3 * first + 2 * second) / 5, rel=1e-5)


def test_a_text_longer_than_a_row_is_refused(data: Data, tokenizer: Any) -> None:
    with pytest.raises(DataError, match="a row has 16"):
        sft(data, tokenizer, 16, 2)


def test_kl_needs_a_reference_and_is_zero_at_it(data: Data, tokenizer: Any, reward: Reward, model: Any) -> None:
    with pytest.raises(DataError, match="no reference"):
        Rollouts(data, tokenizer, reward, GRPO(kl=0.1))
    graded: Any = _Alternating(reward)
    losses = []
    for kl in (0.0, 0.1):
        stage = Rollouts(data, tokenizer, graded, GRPO(prompts=1, plain=2, longest=6, kl=kl), model)
        losses.append([float(part().detach()) for part in next(stage.updates(model, 0, torch.Generator()))])
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_groups_all_alike_are_drawn_again_up_to_a_bound(data: Data, tokenizer: Any, reward: Reward, model: Any) -> None:
    alike: Any = _Alternating(reward)
    stage = Rollouts(data, tokenizer, alike, GRPO(prompts=2, plain=1, longest=2, tries=4))
    assert list(stage.updates(model, 0, torch.Generator())) == []
    assert alike.asked == 2 * 4


def test_padding_on_the_left_changes_nothing(model: Any, tokenizer: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    both = sample(model.eval(), tokenizer, [[5, 6, 7, 8, 9], [10, 11]], 5, 0.0, generator)
    alone = sample(model, tokenizer, [[10, 11]], 5, 0.0, generator)
    assert both.tokens[1].tolist() == alone.tokens[0].tolist()
    assert torch.allclose(both.logprobs[1], alone.logprobs[0], atol=1e-5)


@pytest.mark.parametrize("name", ["cpt", "sft", "grpo", "policy rollout", "inner layer", "distillation"])
def test_every_stage_moves_the_weights(
    name: str, data: Data, tokenizer: Any, reward: Reward, model: Any, tmp_path: Path
) -> None:
    numbers = {
        "grpo": GRPO(prompts=1, plain=2, longest=6),
        "policy rollout": GRPO(prompts=1, plain=1, in_view=1, longest=6),
        "inner layer": GRPO(prompts=1, plain=2, longest=6, inner_layer=0, inner_steps=1),
    }
    before = model.get_input_embeddings().weight.detach().clone()
    stage: Any
    if name in numbers:
        stage = Rollouts(data, tokenizer, _Alternating(reward), numbers[name])  # type: ignore[arg-type]  # same call
    elif name == "distillation":
        stage = Distillation(data, tokenizer, 1, 6)
    else:
        stage = cpt(data, tokenizer, 256, 2) if name == "cpt" else sft(data, tokenizer, 256, 2)
    run(stage, model, Running(steps=1, rate=1e-3, warmup=1), tmp_path, "x")
    assert not torch.equal(before, model.get_input_embeddings().weight)


@pytest.mark.parametrize("name", ["sft", "grpo", "kl", "distillation"])
def test_parts_add_up_to_the_whole(name: str, data: Data, tokenizer: Any, reward: Reward, model: Any) -> None:
    """The gradient of a step does not depend on how much of it is computed at once."""
    found = []
    for part in (None, 3):
        stage: Any
        if name == "sft":
            stage = sft(data, tokenizer, 160, 8, part=part)
        elif name == "distillation":
            stage = Distillation(data, tokenizer, 8, 6, part=part)
        else:
            numbers = GRPO(prompts=2, plain=4, longest=6, kl=0.1 if name == "kl" else 0.0, part=part)
            stage = Rollouts(data, tokenizer, _Alternating(reward), numbers, model)  # type: ignore[arg-type]  # same call
        (update,) = stage.updates(model, 0, torch.Generator().manual_seed(0))
        assert len(update) == (1 if part is None else 3)
        model.zero_grad()
        for loss in update:
            (loss() / len(update)).backward()
        found.append([one.grad.clone() for one in model.parameters()])
    assert any(one.abs().max() > 1e-6 for one in found[0])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
