"""training/model/lora.py: nothing changes at first, merging changes nothing, and peft computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

from training import DataError  # noqa: E402  # after the skip
from training.model import add_lora, merge_lora, save_adapter  # noqa: E402

# peft asks transformers for a property of its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

IDS = torch.arange(12).reshape(2, 6) % 7


def llama() -> Any:
    torch.manual_seed(0)
    sizes = {"vocab_size": 11, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **heads))


def logits(model: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=IDS).logits


def learn(model: Any) -> None:
    for _ in range(3):
        optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=1.0)
        model(input_ids=IDS, labels=IDS).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def test_it_begins_as_it_was_and_trains_the_thin_matrices_alone() -> None:
    model = llama()
    before = logits(model)
    frozen = {name: one.clone() for name, one in model.named_parameters()}
    add_lora(model, rank=2, alpha=4.0)
    assert torch.equal(logits(model), before)
    learn(model)
    assert not torch.allclose(logits(model), before)
    now = {name.replace(".inner.", "."): one for name, one in model.named_parameters()}
    assert all(torch.equal(now[name], one) for name, one in frozen.items())
    trained = [name for name, one in model.named_parameters() if one.requires_grad]
    assert len(trained) == 2 * 7 * 2


def test_merging_changes_no_answer() -> None:
    model = llama()
    add_lora(model, rank=2)
    learn(model)
    adapted = logits(model)
    merge_lora(model)
    assert torch.allclose(logits(model), adapted, atol=1e-5)
    assert {name for name, _ in model.named_parameters()} == {name for name, _ in llama().named_parameters()}


def test_peft_reads_what_was_saved_and_computes_the_same(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="the extra `train-trl` is not installed")
    model = llama()
    add_lora(model, rank=2, alpha=6.0)
    learn(model)
    save_adapter(model, tmp_path, "base")
    theirs = peft.PeftModel.from_pretrained(llama(), str(tmp_path))
    assert torch.allclose(logits(theirs), logits(model), atol=1e-5)


def test_gradients_are_those_of_peft() -> None:
    """One batch from the same matrices: the parity that the extra is for."""
    peft = pytest.importorskip("peft", reason="the extra `train-trl` is not installed")
    ours = llama()
    add_lora(ours, rank=2, alpha=4.0, targets=["q_proj"])
    theirs = peft.get_peft_model(
        llama(), peft.LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj"], lora_dropout=0.0)
    )
    pairs: list[tuple[Any, Any]] = []
    for name, one in theirs.named_parameters():
        if "lora_" in name:
            path = name.removeprefix("base_model.model.").split(".lora_")[0]
            mine = getattr(ours.get_submodule(path), "a" if ".lora_A." in name else "b")
            with torch.no_grad():
                mine += 0.1 * torch.randn(mine.shape, generator=torch.Generator().manual_seed(len(pairs)))
                one.copy_(mine)
            pairs.append((mine, one))
    for model in (ours, theirs):
        model(input_ids=IDS, labels=IDS).loss.backward()
    assert len(pairs) == 4
    for mine, one in pairs:
        assert mine.grad is not None
        assert torch.allclose(mine.grad, one.grad, atol=1e-6)


def test_a_model_without_such_layers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no layer named magic"):
        add_lora(llama(), targets=["magic"])
    with pytest.raises(DataError, match="no adapter"):
        save_adapter(llama(), tmp_path, "base")


def test_identifiers_that_begin_alike_come_apart() -> None:
    """Without their embeddings every policy would be one and the same to the model."""
    model = llama()
    with torch.no_grad():
        embedding = model.get_input_embeddings().weight
        embedding[8] = embedding[9]
        others = embedding[:8].clone()
    add_lora(model, rank=2, tokens=[8, 9])
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=0.1, weight_decay=0.0)
    asked = torch.tensor([[8, 1, 2], [9, 1, 3]])
    for _ in range(5):
        model(input_ids=asked, labels=asked).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        first, second = model(input_ids=asked[:, :2]).logits[:, -1]
    assert not torch.allclose(first, second, atol=1e-3)
    assert torch.equal(model.get_input_embeddings().weight[:8], others), "no other embedding moved"
