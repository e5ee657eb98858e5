"""How a case is put to a model, and what the model is to write.

The form is the chat form of SmolLM2 (ChatML): one system message, one user message, the assistant's turn left open.
Only the system message depends on the view, so one question costs the same tokens after it whatever the view is.
`document` is what the others are compared with; `rule` looks sentences up instead of learning them (a baseline).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from .example import Data, DataError, Example

View = Literal["identifier", "document", "rule", "none"]

START, END = "<|im_start|>", "<|im_end|>"
THINK, ANSWER = "<think>", "</think>"
RETRIEVED = 2
"""Sentences that the view `rule` shows."""

_TASK = "Decide the call by the policy. Think, then answer with JSON."
_WORD = re.compile(r"[a-z_]+|[0-9]+")


def prompt(example: Example, data: Data, view: View) -> str:
    """The messages up to the place where the assistant begins; DataError where the view has no text for this policy."""
    return f"{system(example, data, view)}{START}user\n{example.question}{END}\n{START}assistant\n"


def system(example: Example, data: Data, view: View) -> str:
    """The part of `prompt` that cases of one policy share (but for a note), whose cache is worth keeping."""
    parts = [_TASK, *_VIEWS[view](example, data), *([example.note] if example.note else [])]
    return f"{START}system\n" + "\n".join(parts) + f"{END}\n"


def completion(example: Example) -> str:
    """What follows the prompt in training: the thought, the answer and the end of the turn."""
    return f"{THINK}{example.thought}{ANSWER}\n{example.answer}{END}"


def parts(text: str) -> tuple[str, str] | None:
    """(thought, answer) of a completion; None where it is not of that form. Nothing may stand before or after."""
    text = text.strip().removesuffix(END).strip()
    if not text.startswith(THINK) or text.count(THINK) != 1 or text.count(ANSWER) != 1:
        return None
    thought, answer = text[len(THINK) :].split(ANSWER)
    return thought.strip(), answer.strip()


def retrieve(question: str, sentences: Mapping[str, str], count: int = RETRIEVED) -> list[str]:
    """The sentences nearest to the question, best first: cosine over words weighted by rarity, ties by rule id."""
    bags = {rule: Counter(_WORD.findall(sentence.lower())) for rule, sentence in sentences.items()}
    seen = Counter(word for bag in bags.values() for word in bag)
    weight = {word: math.log(1 + len(bags) / times) for word, times in seen.items()}
    asked = Counter(_WORD.findall(question.lower()))

    def nearness(rule: str) -> float:
        bag = bags[rule]
        size = math.sqrt(sum((times * weight[word]) ** 2 for word, times in bag.items()))
        return sum(asked[word] * times * weight[word] ** 2 for word, times in bag.items()) / size if size else 0.0

    ranked = sorted(sentences, key=lambda rule: (-nearness(rule), rule))
    return [sentences[rule] for rule in ranked[:count]]


def _identifier(example: Example, data: Data) -> list[str]:
    return [f"Policy: {example.policy}"]


def _document(example: Example, data: Data) -> list[str]:
    if example.policy not in data.documents:
        raise DataError(f"the data has no document for `{example.policy}` (example `{example.id}`)")
    return [f"Policy: {example.policy}", data.documents[example.policy]]


def _rule(example: Example, data: Data) -> list[str]:
    if example.policy not in data.rules:
        raise DataError(f"the data has no rules for `{example.policy}` (example `{example.id}`)")
    return [f"Policy: {example.policy}", *retrieve(example.question, data.rules[example.policy])]


def _none(example: Example, data: Data) -> list[str]:
    return []


_VIEWS = {"identifier": _identifier, "document": _document, "rule": _rule, "none": _none}
