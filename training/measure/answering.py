"""Who answers: a model in this process, or one that an OpenAI-compatible server has.

Both are asked the same text and answer greedily, so that what is measured here holds for what is served.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, Final

from ..example import DataError
from ..prompting import END

Answers = Callable[[Sequence[str]], list[str]]
"""Prompts as `training.prompt` writes them; one completion each, in their order."""

_SECONDS: Final = 600.0


def of_model(model: Any, tokenizer: Any, longest: int, batch: int = 128) -> Answers:
    """Greedy completions of at most `longest` tokens, `batch` prompts at a time, those of like length together."""
    import torch

    from ..model import sample

    def answers(prompts: Sequence[str]) -> list[str]:
        rows: list[list[int]] = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in prompts]
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        found = [""] * len(rows)
        device = model.get_input_embeddings().weight.device
        generator = torch.Generator(device).manual_seed(0)
        was_training = model.training
        model.eval()
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            drawn = sample(model, tokenizer, [rows[place] for place in places], longest, 0.0, generator)
            texts = tokenizer.batch_decode(
                [row[keep].tolist() for row, keep in zip(drawn.tokens, drawn.mask, strict=True)]
            )
            for place, text in zip(places, texts, strict=True):
                found[place] = text
        model.train(was_training)
        return found

    return answers


def of_server(url: str, model: str, longest: int, key: str | None = None) -> Answers:
    """Greedy completions of `POST {url}/completions` (vLLM and other OpenAI-compatible servers), one prompt a request.

    The text endpoint takes the prompt as it stands, identifier and all; a chat endpoint would wrap it once more.
    DataError where the server answers something else than a completion.
    """
    headers = {"content-type": "application/json"} | ({} if key is None else {"authorization": f"Bearer {key}"})

    def ask(prompt: str) -> str:
        body = {
            "model": model,
            "prompt": prompt,
            "max_tokens": longest,
            "temperature": 0,
            "stop": [END],
            "skip_special_tokens": False,
        }
        request = urllib.request.Request(f"{url}/completions", json.dumps(body).encode(), headers)  # noqa: S310  # named by the caller
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  # the same
                return str(json.load(answer)["choices"][0]["text"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise DataError(f"`{url}` gave no completion: {error}") from error

    return lambda prompts: [ask(prompt) for prompt in prompts]
