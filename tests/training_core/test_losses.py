"""Each loss of training/stages/losses.py against a value worked out by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from training.stages import losses  # noqa: E402  # after the skip


def test_cross_entropy_counts_only_labels_that_count() -> None:
    logits = torch.tensor([[[0.0, math.log(3.0)], [5.0, 5.0], [0.0, 0.0]]])
    assert float(losses.cross_entropy(logits, torch.tensor([[0, 1, losses.IGNORED]]))) == pytest.approx(math.log(4 / 3))


def test_visual_tokens_do_not_count() -> None:
    kept = losses.without_visual(torch.tensor([[4, 5]]), torch.tensor([[True, False]]))
    assert kept.tolist() == [[losses.IGNORED, 5]]


def test_advantage_is_pooled_and_alike_groups_tell_nothing() -> None:
    rewards = torch.tensor([[1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    assert losses.advantages(rewards)[0, 0].item() == pytest.approx(0.5 / (math.sqrt(1 / 3) + 1e-4))
    assert losses.informative(rewards).tolist() == [True, False]


@pytest.mark.parametrize(("ratio", "advantage", "loss"), [(1.5, 1.0, -1.28), (1.1, 1.0, -1.1), (0.5, -1.0, 0.8)])
def test_clip_is_higher_above(ratio: float, advantage: float, loss: float) -> None:
    new = torch.tensor([[math.log(ratio)]])
    found = losses.clipped(new, torch.zeros(1, 1), torch.tensor([advantage]), torch.ones(1, 1), 0.2, 0.28)
    assert float(found) == pytest.approx(loss)


def test_k3() -> None:
    found = losses.kl_k3(torch.zeros(1, 1), torch.tensor([[math.log(2.0)]]), torch.ones(1, 1))
    assert float(found) == pytest.approx(2 - math.log(2) - 1)


def test_reverse_kl() -> None:
    student, teacher = torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[0.0, math.log(3.0)]]])
    wanted = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert float(losses.reverse_kl(student, teacher, torch.ones(1, 1))) == pytest.approx(wanted)
    assert float(losses.reverse_kl(student, teacher, torch.ones(1, 1), 2)) == pytest.approx(wanted)
