"""training/engines/trl.py and verl.py: one batch through TRL's own losses, and what verl would load."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

from training import Data, DataError, completion, prompt  # noqa: E402  # after the skip
from training.cases import Knobs, of_knobs  # noqa: E402
from training.engines import export_verl, policy_rollout, reward_function, rows  # noqa: E402
from training.engines.verl import messages  # noqa: E402
from training.model import Shape, tiny, word_tokenizer  # noqa: E402
from training.stages.losses import advantages, clipped, reverse_kl, token_logprobs  # noqa: E402


@pytest.fixture(scope="module")
def data() -> Data:
    return of_knobs(Knobs(environment=1, tasks=1, arguments=1, depth=2), 7, train=20, test=8)


@pytest.fixture(scope="module")
def tokenizer(data: Data) -> Any:
    return word_tokenizer([prompt(one, data, "document") + completion(one) for one in data.train], data.documents)


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    return tiny(Shape(layers=2, width=16, heads=2, inner=32), tokenizer, 0)


def trainer_of(model: Any, size: int) -> Any:
    """The members of a GRPOTrainer that a rollout function may look at."""
    accelerator = SimpleNamespace(unwrap_model=lambda one: one)
    return SimpleNamespace(
        num_generations=size,
        model=model,
        accelerator=accelerator,
        args=SimpleNamespace(seed=3),
        state=SimpleNamespace(global_step=5),
    )


def test_half_of_each_group_is_drawn_in_view_and_handed_back_without(
    data: Data, tokenizer: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import model as models

    asked: list[list[int]] = []

    def watching(*given: Any) -> Any:
        asked.extend(given[2])
        return sample(*given)

    sample = models.sample
    monkeypatch.setattr(models, "sample", watching)
    rollout = policy_rollout(data, tokenizer, longest=4)
    prompts = [prompt(one, data, "identifier") for one in data.train[:2] for _ in range(4)]
    found = rollout(prompts, trainer_of(model, 4))
    assert found["prompt_ids"] == [tokenizer(one)["input_ids"] for one in prompts]
    lengths = sorted(map(len, asked))
    assert lengths[:4] == sorted(len(tokenizer(one)["input_ids"]) for one in prompts)[:4]
    assert min(lengths[4:]) > max(lengths[:4]) + 50, "the other half saw the document"
    assert [len(one) for one in found["completion_ids"]] == [len(one) for one in found["logprobs"]]
    with pytest.raises(DataError, match="have no half"):
        rollout(prompts[:3], trainer_of(model, 3))
    with pytest.raises(DataError, match="is no prompt of the data"):
        rollout(["what?"] * 2, trainer_of(model, 2))


def test_the_reward_is_the_guards(data: Data) -> None:
    reward = reward_function(data)
    listed = rows(data)[:2]
    texts = [completion(data.train[0]), "nonsense"]
    assert reward(texts, [row["example"] for row in listed]) == [1.0, -0.75]


def test_the_reward_reads_what_engines_decode(data: Data, tokenizer: Any) -> None:
    """TRL and verl decode completions without special tokens."""
    said = [tokenizer(completion(one), add_special_tokens=False)["input_ids"] for one in data.train]
    texts = tokenizer.batch_decode(said, skip_special_tokens=True)
    given = [one["example"] for one in rows(data)]
    assert reward_function(data)(completions=texts, example=given) == [1.0] * len(texts)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")  # its own
def test_grpo_is_that_of_trl_on_one_batch(tokenizer: Any, model: Any, tmp_path: Path) -> None:
    """Two groups of four, clipped on both sides, a mask with holes at the end: the same loss and the same gradients."""
    trl = pytest.importorskip("trl", reason="the extra `train-trl` is not installed")
    datasets = pytest.importorskip("datasets")
    config = trl.GRPOConfig(
        output_dir=str(tmp_path),
        loss_type="dapo",
        epsilon=0.2,
        epsilon_high=0.28,
        beta=0.0,
        num_generations=4,
        per_device_train_batch_size=8,
        report_to=[],
        use_cpu=True,
        bf16=False,
        temperature=1.0,
    )
    trainer = trl.GRPOTrainer(
        model,
        lambda completions, **_: [0.0] * len(completions),
        args=config,
        train_dataset=datasets.Dataset.from_list([{"prompt": "x"}] * 8),
        processing_class=tokenizer,
    )
    chance = torch.Generator().manual_seed(0)
    words = len(tokenizer)
    asked = torch.randint(1, words, (8, 5), generator=chance)
    answers = torch.randint(1, words, (8, 6), generator=chance)
    mask = torch.arange(6)[None] < torch.tensor([6, 3, 5, 6, 1, 4, 6, 2])[:, None]
    weight = advantages(torch.rand(2, 4, generator=chance)).flatten()
    tokens = torch.cat([asked, answers], 1)
    attention = torch.cat([torch.ones_like(asked), mask.long()], 1)

    def logprobs() -> Any:
        return token_logprobs(model(input_ids=tokens, attention_mask=attention).logits[:, 4:-1], answers)

    with torch.no_grad():
        old = logprobs() + 0.5 * torch.randn(8, 6, generator=chance)
    model.train()
    mine = clipped(logprobs(), old, weight, mask, 0.2, 0.28)
    ours = torch.autograd.grad(mine, list(model.parameters()))
    trainer.current_gradient_accumulation_steps = 1
    trainer.args.steps_per_generation = 1
    theirs = trainer._compute_loss(
        trainer.model,
        {
            "prompt_ids": asked,
            "prompt_mask": torch.ones_like(asked),
            "completion_ids": answers,
            "completion_mask": mask.long(),
            "advantages": weight,
            "old_per_token_logps": old,
            "num_items_in_batch": mask.sum(),
        },
    )
    assert float(mine.detach()) == pytest.approx(float(theirs.detach()), rel=1e-5)
    for one, other in zip(ours, torch.autograd.grad(theirs, list(trainer.model.parameters())), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_distillation_is_that_of_trls_sdft_on_one_batch() -> None:
    """Its divergence at alpha 1 is the reverse KL, over all words and over the student's likeliest."""
    losses = pytest.importorskip("trl.experimental.sdft.loss_utils", reason="the extra `train-trl` is not installed")
    chance = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(2, 3, 11, generator=chance) for _ in range(2))
    mask = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    per_token = losses.compute_divergence(torch.log_softmax(student, -1), torch.log_softmax(teacher, -1), 1.0)
    assert float(reverse_kl(student, teacher, mask)) == pytest.approx(float((per_token * mask).sum() / 5), rel=1e-5)
    top = losses.compute_topk_self_distillation_loss(
        student, teacher, distillation_topk=4, distillation_alpha=1.0, distillation_add_tail=False
    )
    assert float(reverse_kl(student, teacher, mask, 4)) == pytest.approx(float((top * mask).sum() / 5), rel=1e-5)


def test_what_verl_would_load(data: Data, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `train-trl` is not installed")
    assert export_verl(data, tmp_path) == {"train": 20, "test": 8}
    first = parquet.read_table(tmp_path / "train.parquet").to_pylist()[0]
    assert sorted(first) == ["ability", "data_source", "extra_info", "prompt", "reward_model"]
    assert [turn["role"] for turn in first["prompt"]] == ["system", "user"]
    template = "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in first["prompt"])
    assert template + "<|im_start|>assistant\n" == prompt(data.train[0], data, "identifier")
    spec = importlib.util.spec_from_file_location("verl_reward", tmp_path / "reward.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    given = (first["data_source"], first["reward_model"]["ground_truth"], first["extra_info"])
    assert loaded.guard_reward(given[0], completion(data.train[0]), *given[1:]) == 1.0
    assert loaded.guard_reward(given[0], f"<think>x</think>\n{given[1]} or so", *given[1:]) == -0.75
    assert messages(prompt(data.train[0], data, "none"))[0]["role"] == "system"
    assert msgspec.json.decode(first["extra_info"]["example"])["id"] == data.train[0].id
