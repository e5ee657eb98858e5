"""training/visual/stage.py on a tiny random Llava: what counts, what gradients reach, and that it learns to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

from training import DataError  # noqa: E402  # after the skip
from training.model import word_tokenizer  # noqa: E402
from training.stages import Running, run  # noqa: E402
from training.visual import desk, read_png  # noqa: E402
from training.visual.stage import Row, VisualTexts, asked, loss, rows, told  # noqa: E402

PATCHES = 16
SEEN, FILES = desk(60, 3)


def look(pictures: Sequence[bytes]) -> Mapping[str, Any]:
    """What a processor does, in its least form."""
    pixels = torch.stack([torch.tensor(read_png(one).astype("float32")) for one in pictures])
    return {"pixel_values": pixels.permute(0, 3, 1, 2) / 127.5 - 1}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return word_tokenizer([asked(case) + told(case) for case in SEEN], ["<|policy:desk|>", "<image>"])


@pytest.fixture(scope="module")
def image_token(tokenizer: Any) -> int:
    return int(tokenizer.convert_tokens_to_ids("<image>"))


def llava(tokenizer: Any, image_token: int) -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision = transformers.CLIPVisionConfig(**sizes, image_size=32, patch_size=8, projection_dim=32)
    text = transformers.LlamaConfig(**sizes, vocab_size=len(tokenizer), max_position_embeddings=128)
    config = transformers.LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=image_token,
        image_token_id=image_token,
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
    )
    return transformers.LlavaForConditionalGeneration(config)


@pytest.fixture(scope="module")
def made(tokenizer: Any, image_token: int) -> list[Row]:
    return rows(SEEN, FILES, tokenizer, image_token, PATCHES, whole=True)


def test_visual_tokens_do_not_count(made: list[Row], tokenizer: Any, image_token: int) -> None:
    """By hand: minus the mean log-probability of the words, each from what stands before it."""
    model = llava(tokenizer, image_token).eval()
    row = made[0]
    assert sum(row.visual) == PATCHES
    with torch.no_grad():
        ids = torch.tensor([row.tokens])
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), **look(row.pictures)).logits[0]
        logprobs = torch.log_softmax(logits.float(), -1)
        words = [at for at in range(1, len(row.tokens)) if not row.visual[at]]
        byhand = -sum(float(logprobs[at - 1, row.tokens[at]]) for at in words) / len(words)
        everything = list(range(1, len(row.tokens)))
        with_visual = -sum(float(logprobs[at - 1, row.tokens[at]]) for at in everything) / len(everything)
        assert float(loss(model, [row], look, 0)) == pytest.approx(byhand, rel=1e-4)
    assert with_visual != pytest.approx(byhand, rel=1e-3)


def test_padding_does_not_count_either(made: list[Row], tokenizer: Any, image_token: int) -> None:
    model = llava(tokenizer, image_token).eval()
    short = rows(SEEN[:1], FILES, tokenizer, image_token, PATCHES, whole=False)[0]
    longer = Row([*short.tokens, 5, 6], [*short.labels, -100, -100], [*short.visual, False, False], short.pictures)
    with torch.no_grad():
        alone = float(loss(model, [short], look, 0))
        assert float(loss(model, [short, longer], look, 0)) == pytest.approx(alone, rel=1e-3)


def test_gradients_reach_the_connector_and_the_eye(made: list[Row], tokenizer: Any, image_token: int) -> None:
    model = llava(tokenizer, image_token)
    loss(model, made[:2], look, 0).backward()
    reached = {name.split(".")[1] for name, one in model.named_parameters() if one.grad is not None and one.grad.any()}
    assert {"multi_modal_projector", "vision_tower", "language_model"} <= reached


def test_a_text_with_the_visual_token_in_it_is_refused(tokenizer: Any, image_token: int) -> None:
    from msgspec.structs import replace

    with pytest.raises(DataError, match="the visual token itself"):
        rows([replace(SEEN[0], thought="an <image>")], FILES, tokenizer, image_token, PATCHES, whole=True)


def right(model: Any, asked_about: Sequence[Row], tokenizer: Any, see: Any) -> int:
    """How often the word after `stamp` is the likeliest, which decides all that follows."""
    found = 0
    model.eval()
    for row in asked_about:
        at = next(place for place, token in enumerate(row.tokens) if tokenizer.decode([token]) == "stamp") + 1
        ids = torch.tensor([row.tokens[:at]])
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), **see(row.pictures)).logits
        found += int(logits[0, -1].argmax()) == row.tokens[at]
    return found


@pytest.mark.timeout(600)
def test_it_learns_what_only_the_picture_shows(tokenizer: Any, image_token: int, tmp_path: Path) -> None:
    train, files = desk(240, 11)
    test, test_files = desk(60, 12, "test")
    model = llava(tokenizer, image_token)
    taught = rows(train, files, tokenizer, image_token, PATCHES, whole=False)
    run(VisualTexts(taught, 16, look, 0), model, Running(steps=300, rate=2e-3, log_every=100), tmp_path, "x")

    def blind(pictures: Sequence[bytes]) -> Mapping[str, Any]:
        return {"pixel_values": torch.zeros(len(pictures), 3, 32, 32)}

    majority = max(Counter(case.effect for case in test).values())
    assert majority == 20
    held_out = rows(test, test_files, tokenizer, image_token, PATCHES, whole=True)
    assert right(model, held_out, tokenizer, look) >= 45
    assert right(model, held_out, tokenizer, blind) <= majority, "who does not look knows nothing"
