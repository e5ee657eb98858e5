"""training/model/prefix.py: a shared beginning gives the same numbers, and is kept once."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

from training.model import prefix, sample, sampling  # noqa: E402  # after the skip


class Ends:
    eos_token_id = 0


@pytest.fixture(params=[1, 2], ids=["grouped heads", "a key for each head"])
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": request.param, "max_position_embeddings": 256}
    made = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **heads, eos_token_id=0)).eval()
    with torch.no_grad():  # weights of a fresh model are so small that its attention is nearly even
        for one in made.parameters():
            one.mul_(20) if one.ndim > 1 else None
    return made


DOCUMENT = [1 + place % 40 for place in range(60)]
PROMPTS = [[*DOCUMENT, 41, 42], [*DOCUMENT, 43], [*DOCUMENT, 44, 45, 46, 47]]


def test_it_is_what_all_rows_begin_with_but_for_one_token() -> None:
    assert prefix.common(PROMPTS) == 60
    assert prefix.common([DOCUMENT, DOCUMENT]) == 59, "each row keeps a token to go on from"
    assert prefix.common([[*DOCUMENT, 1]]) == 0, "one row shares with nobody"
    assert prefix.common([[1, 2, 3], [1, 2, 4]]) == 0, "too short to be worth it"


def test_the_numbers_are_those_without_sharing(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = sample(model, Ends, PROMPTS, 12, 0.0, torch.Generator())
    implementation = model.config._attn_implementation
    monkeypatch.setattr(sampling, "common", lambda rows: 0)
    alone = sample(model, Ends, PROMPTS, 12, 0.0, torch.Generator())
    assert implementation == model.config._attn_implementation, "the model attends as before afterwards"
    assert torch.equal(shared.tokens, alone.tokens)
    assert torch.allclose(shared.logprobs, alone.logprobs, atol=1e-4)
    assert len(set(map(tuple, shared.tokens.tolist()))) == 3, "rows that see different questions answer differently"


def test_the_beginning_is_kept_once(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    caches: list[Any] = []

    def kept() -> Any:
        caches.append(transformers.DynamicCache())
        return caches[-1]

    monkeypatch.setattr(sampling, "own_cache", kept)
    read: list[Any] = []

    def reading(*given: Any) -> Any:
        read.append(prefix.read_once(*given))
        return read[-1]

    monkeypatch.setattr(sampling, "read_once", reading)
    sample(model, Ends, PROMPTS, 5, 1.0, torch.Generator().manual_seed(0))
    assert [keys.shape[0] for keys, _ in read[0]] == [1, 1], "one row, whatever the batch"
    assert [keys.shape[2] for keys, _ in read[0]] == [60, 60]
    longest_own = 4
    assert all(layer.keys.shape[2] == longest_own + 4 for layer in caches[0].layers), "rows keep their own tokens alone"
