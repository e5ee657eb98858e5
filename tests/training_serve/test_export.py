"""training/export/folder.py: what leaves is whole, says what is so, and is the model that was trained."""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

import msgspec  # after the skips
import torch

from policy_dsl import Catalogue
from policy_dsl.knowledge import Share, Threshold, shown
from server.internalized import Standings
from server.policies import Policies
from server.wire import CHAT as CHAT_API
from server.wire import Dialect
from server.wire.messages import MESSAGES
from server.wire.responses import RESPONSES
from training import Data, completion, prompt
from training.export import ADAPTER, CLAIM, ExportError, Made, export, read_export
from training.model import Shape, load, sample, tiny, word_tokenizer
from training.model.lora import LoraLinear, add_lora
from training.prompting import END, START

MADE = Made("from scratch", ("sft:1",))
LEAST = {"effect": Threshold(least=0.9)}


@pytest.fixture(scope="module")
def toy(bank_data: Data) -> tuple[Any, Any]:
    texts = [prompt(one, bank_data, "document") + completion(one) for one in (*bank_data.train, *bank_data.test)]
    tokenizer = word_tokenizer([*texts, *bank_data.corpus], bank_data.documents)
    return tiny(Shape(1, 16, 2, 32, 2048), tokenizer, 3).eval(), tokenizer


@pytest.fixture
def name(bank_data: Data) -> str:
    (only,) = bank_data.policies
    return only


@pytest.fixture
def exported(toy: tuple[Any, Any], bank_data: Data, name: str, tmp_path: Path) -> Path:
    export(tmp_path / "out", *toy, bank_data, MADE, {name: {"effect": (19, 20)}}, LEAST)
    return tmp_path / "out"


def test_the_model_that_is_read_back_says_the_same(exported: Path, toy: tuple[Any, Any], bank_data: Data) -> None:
    model, tokenizer = toy
    again, its = load(exported)
    asked = prompt(bank_data.test[0], bank_data, "identifier")
    ids = tokenizer(asked)["input_ids"]
    assert its(asked)["input_ids"] == ids
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    told = [sample(each, its, [ids], 8, 0.0, torch.Generator()).tokens for each in (model, again.eval())]
    assert torch.equal(*told)


def test_a_lora_is_written_merged_and_the_model_stays_as_it_is(
    toy: tuple[Any, Any], bank_data: Data, name: str, tmp_path: Path
) -> None:
    model, tokenizer = deepcopy(toy[0]), toy[1]
    add_lora(model, rank=2)
    for adapted in (one for one in model.modules() if isinstance(one, LoraLinear)):
        torch.nn.init.constant_(adapted.b, 0.5)
    ids = torch.tensor([tokenizer(prompt(bank_data.test[0], bank_data, "identifier"))["input_ids"]])
    wanted = model(input_ids=ids).logits
    export(tmp_path / "out", model, tokenizer, bank_data, MADE, {name: {"effect": (19, 20)}}, LEAST)
    again, _ = load(tmp_path / "out")
    assert not torch.allclose(wanted, toy[0](input_ids=ids).logits, atol=1e-3)
    assert torch.allclose(again(input_ids=ids).logits, wanted, atol=1e-5)
    assert torch.equal(model(input_ids=ids).logits, wanted)


# peft asks transformers for a property of its old name.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_peft_loads_the_adapter_alone_with_the_identifiers_it_was_trained_with(
    toy: tuple[Any, Any], bank_data: Data, name: str, tmp_path: Path
) -> None:
    """Upon a base whose embeddings of the identifiers are not those that were trained."""
    peft = pytest.importorskip("peft", reason="the extra `train-trl` is not installed")
    model, tokenizer = deepcopy(toy[0]), toy[1]
    places = tokenizer.convert_tokens_to_ids([name])
    add_lora(model, rank=2, alpha=8.0, tokens=places)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for adapted in (one for one in model.modules() if isinstance(one, LoraLinear)):
            torch.nn.init.normal_(adapted.b, generator=generator)
        model.get_input_embeddings().weight[places] += 1.0
    export(tmp_path / "out", model, tokenizer, bank_data, MADE, {name: {"effect": (19, 20)}}, LEAST)
    asked = [prompt(one, bank_data, "identifier") for one in bank_data.test[:4]]
    batch = tokenizer(asked, padding=True, return_tensors="pt")
    wanted = model(**batch).logits
    theirs = peft.PeftModel.from_pretrained(deepcopy(toy[0]), str(tmp_path / "out" / ADAPTER)).eval()
    torch.testing.assert_close(theirs(**batch).logits, wanted, rtol=1e-4, atol=1e-4)
    merged, _ = load(tmp_path / "out")
    # The sum of two products and the product with a sum are not rounded alike; the logits are of the size of 1.
    torch.testing.assert_close(merged.eval()(**batch).logits, wanted, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(toy[0](**batch).logits, wanted, atol=1e-1)
    assert read_export(tmp_path / "out").weights.keys() == {
        "model.safetensors",
        "adapter/adapter_model.safetensors",
    }
    _edited(tmp_path / "out", f"{ADAPTER}/adapter_model.safetensors")
    with pytest.raises(ExportError, match="was changed"):
        read_export(tmp_path / "out")


@pytest.mark.parametrize("view", ["identifier", "document"])
def test_a_served_chat_is_the_text_that_was_trained_on(exported: Path, bank_data: Data, view: Any) -> None:
    _, tokenizer = load(exported)
    example = bank_data.test[0]
    whole = prompt(example, bank_data, view)
    system = whole.removeprefix(f"{START}system\n").partition(END)[0]
    messages = [{"role": "system", "content": system}, {"role": "user", "content": example.question}]
    assert tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False) == whole


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses"])
def test_what_the_gate_sends_to_a_taught_model_is_the_prompt_that_it_was_trained_on(
    exported: Path, bank: Path, bank_data: Data, name: str, dialect: str
) -> None:
    """The client gives the task alone; the gate adds the identifier, letter for letter where training had it."""
    _, tokenizer = load(exported)
    policies = Policies([bank.name], None, bank.parent)
    policies.load()
    tree = json.loads((exported / CLAIM).read_bytes())
    tree["policies"][0]["measured"]["effect"] = msgspec.to_builtins(Share.counted(1000, 1000))
    (exported / CLAIM).write_text(json.dumps(tree))
    standings = Standings({("own", "m"): exported / CLAIM})
    standings.look()
    told = asyncio.run(standings.told("own", "m", policies.current.program.policy))
    assert told is not None
    example = bank_data.test[0]
    task = prompt(example, bank_data, "none").removeprefix(f"{START}system\n").partition(END)[0]
    said = [{"role": "user", "content": example.question}]
    ways: dict[str, tuple[Dialect, dict[str, Any], str]] = {
        "chat": (CHAT_API, {"messages": [{"role": "system", "content": task}, *said]}, "messages"),
        "messages": (MESSAGES, {"system": task, "messages": said, "max_tokens": 9}, "system"),
        "responses": (RESPONSES, {"instructions": task, "input": example.question}, "instructions"),
    }
    api, body, member = ways[dialect]
    sent = json.loads(api.request(json.dumps({"model": "m", **body}).encode()).with_instructions(told).encode())
    system = sent[member][0]["content"] if member == "messages" else sent[member]
    messages = [{"role": "system", "content": system}, *said]
    asked = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert asked == prompt(example, bank_data, "identifier")


def test_what_the_gate_puts_back_is_the_document_as_it_was_trained_on(
    exported: Path, bank: Path, bank_data: Data, name: str
) -> None:
    """And the gate that loads these files has the very hash that the claim speaks of."""
    claim = read_export(exported)
    policies = Policies([bank.name], None, bank.parent)
    policies.load()
    policy = policies.current.program.policy
    assert claim.taught(policy) is not None
    system = prompt(bank_data.test[0], bank_data, "document").partition(f"{END}\n")[0]
    assert system.endswith("\n" + shown(policy, name, claim.phrasing))


def test_the_claim_says_how_good_and_no_better(exported: Path, name: str, bank: Path) -> None:
    claim = read_export(exported)
    (taught,) = claim.policies
    assert (taught.identifier, taught.name, taught.measured) == (name, "bank", {"effect": Share.counted(19, 20)})
    policies = Policies([bank.name], None, bank.parent)
    policies.load()
    assert claim.misses(policies.current.program.policy) == "below-threshold"  # 95 % of 20 may well be 76 %


@pytest.mark.parametrize(
    ("measured", "thresholds", "says"),
    [
        ({"<|policy:other@00000000|>": {"effect": (1, 2)}}, LEAST, "says nothing of"),
        ({}, LEAST, "names no policy"),
        ({"NAME": {"effect": (1, 2)}}, {}, "no threshold"),
        ({"NAME": {"effect": (3, 2)}}, LEAST, "3 of 2 is no share"),
        ({"NAME": {"effect": (0, 0)}}, LEAST, "0 of 0 is no share"),
        ({"NAME": {"effect": (1, 2)}}, {"effect": Threshold()}, "`least` or `most`"),
    ],
)
def test_a_claim_that_is_none_is_not_written(
    toy: Any, bank_data: Data, name: str, tmp_path: Path, measured: Any, thresholds: Any, says: str
) -> None:
    named = {name if key == "NAME" else key: shares for key, shares in measured.items()}
    with pytest.raises(ExportError, match=says):
        export(tmp_path / "out", *toy, bank_data, MADE, named, thresholds)
    assert list(tmp_path.iterdir()) == []


def test_an_export_never_writes_over_another(exported: Path, toy: Any, bank_data: Data, name: str) -> None:
    before = (exported / CLAIM).read_bytes()
    with pytest.raises(ExportError, match="exists"):
        export(exported, *toy, bank_data, MADE, {name: {"effect": (20, 20)}}, LEAST)
    assert (exported / CLAIM).read_bytes() == before


def test_a_broken_export_leaves_no_folder_and_the_next_one_is_whole(
    toy: Any, bank_data: Data, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = toy

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(tokenizer), "save_pretrained", full)
        with pytest.raises(OSError, match="No space"):
            export(tmp_path / "out", model, tokenizer, bank_data, MADE, {name: {"effect": (9, 9)}}, LEAST)
    assert not (tmp_path / "out").exists()
    export(tmp_path / "out", model, tokenizer, bank_data, MADE, {name: {"effect": (9, 9)}}, LEAST)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert read_export(tmp_path / "out").weights.keys() == {"model.safetensors"}


def _edited(folder: Path, name: str = "model.safetensors") -> None:
    weights = bytearray((folder / name).read_bytes())
    weights[-1] ^= 1
    (folder / name).write_bytes(weights)


def _added(folder: Path) -> None:
    (folder / "more.safetensors").write_bytes(b"")


def _promised(folder: Path) -> None:
    tree = json.loads((folder / CLAIM).read_bytes())
    tree["policies"][0]["measured"]["effect"]["low"] = 0.99
    (folder / CLAIM).write_text(json.dumps(tree))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_edited, "was changed"),
        (_added, "not in the claim"),
        (lambda folder: (folder / "model.safetensors").unlink(), "is missing"),
        (lambda folder: (folder / CLAIM).unlink(), "cannot be used"),
        (lambda folder: (folder / CLAIM).write_bytes(b"{"), "no strict JSON|not strict JSON"),
        (_promised, "does not follow from its counts"),
    ],
)
def test_a_changed_export_is_refused(exported: Path, change: Any, says: str) -> None:
    change(exported)
    with pytest.raises(ExportError, match=says):
        read_export(exported)


def test_tools_are_part_of_what_was_taught(exported: Path, bank: Path) -> None:
    """The hash is also over the tool schemas: the same rules over other tools are another policy."""
    from policy_dsl import parse, policy_set

    bare = policy_set([parse("language 1\nallow pay(amount)\n", "a.lw")], Catalogue([]))
    assert read_export(exported).misses(bare) == "other-policy"
