"""A member that asks a text classifier on this machine, through transformers (extra `judge`).

It reads weights from a folder only, never from a network, and only safetensors: a pickle runs code when it is read.
Each text of the call is classified by itself, in stretches that fit the model and overlap, so that no text is too long
and none hides in another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from guardrail import Objection, Question, stricter

from .leaves import leaves
from .members import MOST_OBJECTIONS, Effect, Narrowed, Nonsense, Said

LEAST_CHARACTERS: Final = 4
MOST_STRETCHES: Final = 256
"""Shorter texts say nothing to a classifier; a call with more stretches is not judged."""


class NoClassifier(Exception):
    """The classifier cannot be had; the message says why. Raised when the gate starts, not when a call comes."""


class Classifier:
    """`folder` holds a sequence classifier in the form of transformers. `labels` says which of its labels speak against
    a call and what each makes of it, `least` from which probability on."""

    def __init__(
        self, folder: Path, labels: Mapping[str, Narrowed], least: float, seconds: float, name: str = "classifier"
    ) -> None:
        self.name = name
        self.most: Narrowed = "forbid" if "forbid" in labels.values() else "ask"
        self.seconds: float | None = seconds
        self._labels, self._least = dict(labels), least
        self._load(folder)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"judge-{name}")

    def _load(self, folder: Path) -> None:
        if not (folder / "config.json").is_file():
            raise NoClassifier(f"`{folder}` holds no model: config.json and model.safetensors are expected")
        try:
            transformers: Any = import_module("transformers")
            self._torch: Any = import_module("torch")
        except ImportError as error:
            raise NoClassifier("a classifier needs transformers: install `leastward[judge]`") from error
        try:
            local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
            self._model = transformers.AutoModelForSequenceClassification.from_pretrained(
                folder, use_safetensors=True, **local
            ).eval()
        except (OSError, ValueError, KeyError) as error:
            raise NoClassifier(f"the model in `{folder}` cannot be read ({type(error).__name__})") from error
        names = {int(place): str(name) for place, name in self._model.config.id2label.items()}
        unknown = sorted(self._labels.keys() - set(names.values()))
        if unknown:
            known = ", ".join(f"`{name}`" for name in sorted(names.values()))
            raise NoClassifier(f"the model has no label `{unknown[0]}`: it has {known}")
        self._against = {place: self._labels[name] for place, name in names.items() if name in self._labels}
        self._names = names
        # Some tokenizers give 10^30 for "no limit"; the positions that the model has are the real one.
        positions = int(getattr(self._model.config, "max_position_embeddings", 512))
        self._most = min(512, positions, self._tokenizer.model_max_length)

    async def ask(self, question: Question) -> Said:
        """Raises Nonsense where the call has more text than is classified, or a probability is none."""
        texts = [(leaf.place, leaf.text) for leaf in leaves(question.arguments) if len(leaf.text) >= LEAST_CHARACTERS]
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._said, texts)

    def _said(self, texts: Sequence[tuple[str, str]]) -> Said:
        effect: Effect = "allow"
        found: dict[Objection, None] = {}
        for number, (place, stretch) in enumerate(self._stretches(texts)):
            if number == MOST_STRETCHES:
                raise Nonsense("a call with too much text to classify")
            for label, probability in enumerate(self._probabilities(stretch)):
                if not 0 <= probability <= 1:
                    raise Nonsense("a probability that is none")
                if label in self._against and probability >= self._least:
                    effect = stricter(effect, self._against[label])
                    found[Objection("classified", self.name, place)] = None
        return Said(effect, tuple(found)[:MOST_OBJECTIONS])

    def _stretches(self, texts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Any]]:
        for place, text in texts:
            read = self._tokenizer(
                text,
                truncation=True,
                max_length=self._most,
                stride=self._most // 4,
                return_overflowing_tokens=True,
            )
            for ids in read["input_ids"]:
                yield place, ids

    def _probabilities(self, ids: Sequence[int]) -> list[float]:
        with self._torch.inference_mode():
            logits = self._model(input_ids=self._torch.tensor([ids])).logits[0]
            return [float(one) for one in self._torch.softmax(logits, dim=-1)]

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
