"""server/judging/classifier.py: the real transformers over a tiny model made here; skipped without (extra `judge`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from guardrail import Objection, Question
from server.judging import Judges
from server.judging.classifier import MOST_STRETCHES, Classifier, NoClassifier

LIBRARY = pytest.mark.skipif(
    find_spec("transformers") is None or find_spec("torch") is None,
    reason="transformers is not installed (extra `judge`)",
)
pytestmark = pytest.mark.filterwarnings("ignore")  # of torch and transformers, which change with every release


def test_a_folder_without_a_model_stops_the_gate(tmp_path: Path) -> None:
    with pytest.raises(NoClassifier, match=r"holds no model"):
        Classifier(tmp_path, {"BAD": "forbid"}, 0.5, 5.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with 1 for BAD where the word `evil` stands in a stretch, and 0 elsewhere."""
    torch: Any = import_module("torch")
    transformers: Any = import_module("transformers")

    place = tmp_path_factory.mktemp("classifier")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "evil", "good", "word"]
    (place / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(str(place / "vocab.txt"), model_max_length=16).save_pretrained(place)
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4,
        max_position_embeddings=16, num_labels=2, id2label={0: "FINE", 1: "BAD"}, label2id={"FINE": 0, "BAD": 1},
    )  # fmt: skip
    torch.manual_seed(7)
    model = transformers.BertForSequenceClassification(config)
    model.save_pretrained(place, safe_serialization=True)
    return place


class Marked(Classifier):
    """The real tokenizer and model; whether `evil` stands in a stretch decides in place of untrained weights."""

    def _probabilities(self, ids: Any) -> list[float]:
        real = super()._probabilities(ids)
        assert len(real) == 2
        assert sum(real) == pytest.approx(1)
        bad = float(5 in list(ids))
        return [1 - bad, bad]


@LIBRARY
@pytest.mark.long
def test_every_stretch_of_every_text_is_classified(folder: Path, ask: Callable[..., Question]) -> None:
    classifier = Marked(folder, {"BAD": "ask"}, 0.5, 30.0)

    def judged(**arguments: Any) -> Any:
        return asyncio.run(Judges([classifier]).judge(ask(arguments=arguments)))

    assert judged(text="good word").effect == "allow"
    found = judged(text="good word", more=["word", "evil word"])
    assert (found.effect, found.objections) == ("ask", (Objection("classified", "classifier", "more[1]"),))
    for at in (0, 20, 99):
        words = ["word"] * 100
        words[at] = "evil"
        assert judged(text=" ".join(words)).effect == "ask"
    endless = judged(text="word " * 16 * MOST_STRETCHES)
    assert (endless.effect, endless.failed) == ("ask", "nonsense")
    classifier.close()


@LIBRARY
@pytest.mark.long
def test_a_classifier_is_refused_when_the_gate_starts_and_not_later(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NoClassifier, match=r"no label `WORSE`: it has `BAD`, `FINE`"):
        Classifier(folder, {"WORSE": "ask"}, 0.5, 5.0)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")  # a pickle is never read
    with pytest.raises(NoClassifier, match=r"cannot be read"):
        Classifier(tmp_path, {"BAD": "ask"}, 0.5, 5.0)


@LIBRARY
@pytest.mark.long
def test_its_most_cautious_answer_is_the_strictest_of_its_labels(folder: Path) -> None:
    assert Classifier(folder, {"BAD": "ask"}, 0.5, 5.0).most == "ask"
    assert Classifier(folder, {"BAD": "ask", "FINE": "forbid"}, 0.5, 5.0).most == "forbid"
