"""What a model knew before and may have forgotten: how well it reads general text, and easy questions.

Both come with what is installed here, so nothing is fetched: the text is that of licences of installed packages, which
every language model has met, and the questions stand below. A model from scratch never knew either: its numbers say
nothing, and its table leaves them out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.metadata import distributions
from typing import Any, Final

import msgspec

WINDOW: Final = 512
"""Tokens that are read at once; each is predicted from those before it in its window."""

QUESTIONS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("The capital of France is", " Paris", (" London", " Rome", " Berlin")),
    ("The capital of Japan is", " Tokyo", (" Paris", " Madrid", " Cairo")),
    ("The opposite of hot is", " cold", (" warm", " red", " tall")),
    ("The opposite of up is", " down", (" left", " high", " over")),
    ("Two plus two equals", " four", (" seven", " nine", " one")),
    ("Ten minus three equals", " seven", (" two", " twenty", " eleven")),
    ("Water freezes into", " ice", (" fire", " sand", " wood")),
    ("The sun rises in the", " east", (" west", " north", " south")),
    ("A baby dog is called a", " puppy", (" kitten", " calf", " foal")),
    ("A baby cat is called a", " kitten", (" puppy", " lamb", " calf")),
    ("The color of grass is", " green", (" purple", " orange", " black")),
    ("On a clear day the sky is", " blue", (" green", " brown", " pink")),
    ("A week has seven", " days", (" hours", " months", " years")),
    ("An hour has sixty", " minutes", (" days", " weeks", " years")),
    ("A triangle has three", " sides", (" wheels", " legs", " wings")),
    ("Bees make", " honey", (" milk", " bread", " wool")),
    ("Cows give", " milk", (" honey", " silk", " eggs")),
    ("Fish live in", " water", (" trees", " sand", " clouds")),
    ("To open a locked door you need a", " key", (" spoon", " hat", " song")),
    ("You read a book with your", " eyes", (" feet", " elbows", " hair")),
    ("The first month of the year is", " January", (" June", " March", " October")),
    ("The last month of the year is", " December", (" May", " April", " July")),
    ("The chemical formula of water is H", "2O", ("3N", "4C", "9S")),
    ("Shakespeare wrote Romeo and", " Juliet", (" Caesar", " Macbeth", " Hamlet")),
)
"""(beginning, how it goes on, how it does not)."""


class Kept(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Perplexity over `tokens` tokens of general text, and `right` of `questions` easy ones."""

    perplexity: float
    tokens: int
    right: int
    questions: int


def general_text(most: int = 60_000) -> str:
    """At most so many characters of licences, each text once, in order of the packages' names."""
    texts: dict[str, None] = {}
    for distribution in sorted(distributions(), key=lambda one: (one.name or "").lower()):
        for path in distribution.files or []:
            if path.name.upper().startswith("LICENSE") and path.suffix in ("", ".txt", ".md"):
                texts.setdefault(path.locate().read_text(errors="replace"))  # type: ignore[attr-defined]  # a Path
        if sum(map(len, texts)) >= most:
            break
    return "\n\n".join(texts)[:most]


def kept(model: Any, tokenizer: Any, text: str) -> Kept:
    """Raises ValueError where the text has fewer than two tokens."""
    import torch

    device = model.get_input_embeddings().weight.device
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    windows = [ids[start : start + WINDOW] for start in range(0, len(ids), WINDOW)]
    windows = [window for window in windows if len(window) > 1]
    if not windows:
        raise ValueError("perplexity needs two tokens at least")
    was_training = model.training
    model.eval()
    with torch.no_grad():
        lost = sum(_lost(model, window, 1, device) for window in windows)
        right = sum(_is_right(model, tokenizer, *question, device) for question in QUESTIONS)
    model.train(was_training)
    tokens = sum(len(window) - 1 for window in windows)
    return Kept(perplexity=math.exp(lost / tokens), tokens=tokens, right=right, questions=len(QUESTIONS))


def _lost(model: Any, ids: Sequence[int], begin: int, device: Any) -> float:
    """Minus the log-probability of the tokens from the place `begin` on."""
    import torch

    tokens = torch.tensor([list(ids)], device=device)
    logits = model(input_ids=tokens, use_cache=False).logits[0, begin - 1 : -1].float()
    return float(torch.nn.functional.cross_entropy(logits, tokens[0, begin:], reduction="sum"))


def _is_right(model: Any, tokenizer: Any, begins: str, goes_on: str, others: Sequence[str], device: Any) -> bool:
    """Whether it goes on rightly by more, per character, than in any other way."""
    before = len(tokenizer(begins, add_special_tokens=False)["input_ids"])

    def lost(ending: str) -> float:
        ids = tokenizer(begins + ending, add_special_tokens=False)["input_ids"]
        return _lost(model, ids, min(before, len(ids) - 1), device) / len(ending)

    return lost(goes_on) < min(map(lost, others))
