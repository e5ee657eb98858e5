"""training/recipe.py: read strictly; a run that is taken up again is the uninterrupted one."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import yaml

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from training import DataError, read, write  # after the skip
from training.cases import Knobs, of_knobs, of_policies
from training.command import export
from training.model import CheckpointError, load
from training.recipe import ModelPart, Recipe, ServedPart, StagePart, read_recipe, run_recipe

_RECIPES = Path(__file__).parents[2] / "training" / "recipes"


@pytest.mark.parametrize("name", ["smoke", "cpu"])
def test_the_recipes_that_come_with_the_project_read(name: str) -> None:
    assert read_recipe(_RECIPES / f"{name}.yaml").stages


@pytest.mark.parametrize(
    "text",
    [
        "{data: d, stages: [], extra: 1}",
        "{data: d, stages: []}",
        "{data: d, stages: [{kind: sft, steps: 1, rate: 0.1, wram: 2}]}",
        "{data: d, stages: [{kind: magic, steps: 1, rate: 0.1}]}",
        "{data: d, stages: [{kind: sft, steps: '1', rate: 0.1}]}",
        "[",
    ],
)
def test_what_is_not_known_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(DataError):
        read_recipe(tmp_path / "r.yaml")


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://a",
        "http://a/v1",
        "http://a?b",
        "http://a b",
        "http://a:b",
        "http://a:99999",
        "http://a:0",
        "http://a//",
        "http://:80",
        "http://[:::]:80",
        "http://[::1",
        "http://user:word@a",
        "http://a\n",
    ],
)
def test_what_is_no_address_of_a_server_is_refused(url: str, tmp_path: Path) -> None:
    recipe = {"data": "d", "stages": [{"kind": "sft", "steps": 1, "rate": 0.1}], "served": {"url": url, "folder": "f"}}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(DataError) as caught:
        read_recipe(tmp_path / "r.yaml")
    assert str(caught.value) == (
        f"`{url}` is not the address of a server, in a recipe's `served`\n  help: one looks like `http://127.0.0.1:8000`"
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://a/", "http://[::1]:80"])
def test_what_is_an_address_of_a_server_is_taken(url: str) -> None:
    assert ServedPart(url=url, folder="f").url == url


@pytest.mark.long
def test_a_finished_run_is_read_back_and_a_changed_one_refused(tmp_path: Path) -> None:
    write(tmp_path / "data", of_knobs(Knobs(environment=1, tasks=1, depth=2), 11, policies=1, train=60, test=30))
    recipe = msgspec.structs.replace(read_recipe(_RECIPES / "smoke.yaml"), data=str(tmp_path / "data"))
    recipe = msgspec.structs.replace(recipe, stages=recipe.stages[:3])
    first = run_recipe(recipe, tmp_path / "run")
    again = run_recipe(recipe, tmp_path / "run")
    assert again.metrics == first.metrics
    assert all(one.equal(other) for one, other in zip(first.model.parameters(), again.model.parameters(), strict=True))
    with pytest.raises(CheckpointError, match="another run"):
        run_recipe(msgspec.structs.replace(recipe, seed=1), tmp_path / "run")


def test_a_tokenizer_without_the_template_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    LlamaForCausalLM(LlamaConfig(vocab_size=3, **sizes)).save_pretrained(tmp_path)
    words = Tokenizer(models.WordLevel({"a": 0, "<|im_start|>": 1, "<unk>": 2}, unk_token="<unk>"))
    PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(tmp_path)
    with pytest.raises(DataError, match=r"does not know `<\|im_end\|>`"):
        load(tmp_path)


def test_a_server_that_is_to_draw_is_missed_before_the_first_stage(tmp_path: Path) -> None:
    write(tmp_path / "data", of_knobs(Knobs(environment=1, tasks=1, depth=2), 11, policies=1, train=30, test=10))
    served = ServedPart(url="http://127.0.0.1:1", folder=str(tmp_path / "served"))
    recipe = msgspec.structs.replace(read_recipe(_RECIPES / "smoke.yaml"), data=str(tmp_path / "data"), served=served)
    with pytest.raises(DataError) as caught:
        run_recipe(recipe, tmp_path / "run")
    (start,) = (tmp_path / "served").iterdir()
    assert str(caught.value) == (
        "no vLLM server answers at `http://127.0.0.1:1`\n  help: start one, from an environment of vLLM's own: "
        f"VLLM_SERVER_DEV_MODE=1 vllm serve {start} --served-model-name trained --host 127.0.0.1 --port 1"
    )
    assert load(start)[0].config.tie_word_embeddings is False
    assert not (tmp_path / "run").exists()
    with pytest.raises(DataError):
        run_recipe(msgspec.structs.replace(recipe, seed=1), tmp_path / "run")
    assert len(list((tmp_path / "served").iterdir())) == 2, "other weights at the beginning, another folder"


def test_a_finished_run_needs_no_server_to_be_read_back_and_exported(tmp_path: Path) -> None:
    (tmp_path / "p.lw").write_text("language 1\nallow pay(amount) as small when amount <= 500\n")
    write(tmp_path / "data", of_policies([str(tmp_path / "p.lw")], train=30, test=10))
    grpo = StagePart(kind="grpo", steps=2, rate=1e-3, batch=1, plain=2, longest=2, tries=1)
    model = ModelPart(layers=1, width=8, heads=1, inner=8)
    recipe = Recipe(data=str(tmp_path / "data"), model=model, stages=(grpo,))
    first = run_recipe(recipe, tmp_path / "run")
    served = ServedPart(url="http://127.0.0.1:1", folder=str(tmp_path / "served"))
    finished = msgspec.structs.replace(recipe, served=served)
    again = run_recipe(finished, tmp_path / "run")
    assert all(one.equal(other) for one, other in zip(first.model.parameters(), again.model.parameters(), strict=True))
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(msgspec.to_builtins(finished)))
    (tmp_path / "m.json").write_text(
        json.dumps({name: {"effect": [0, 1]} for name in read(tmp_path / "data").policies})
    )
    r, trained, out, measured = (str(tmp_path / name) for name in ("r.yaml", "run", "out", "m.json"))
    export(r, trained, out, measured, {"effect": 0.9}, {})
    assert (tmp_path / "out" / "model.safetensors").exists()
    longer = msgspec.structs.replace(grpo, steps=3)
    with pytest.raises(DataError, match="no vLLM server"):
        run_recipe(msgspec.structs.replace(finished, stages=(longer,)), tmp_path / "run")


def test_what_is_left_at_its_default_is_not_in_the_identity() -> None:
    told = msgspec.json.encode((ModelPart(), StagePart(kind="grpo", steps=1, rate=0.5)))
    assert told == b'[{},{"kind":"grpo","steps":1,"rate":0.5,"views":{"identifier":1.0}}]'
