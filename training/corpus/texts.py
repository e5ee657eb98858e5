"""The texts of one data set: so many of each sort for each kind of statement."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policy_dsl import PolicySet, strict_json

from ..example import Example
from ..knowledge import Kind, Specification, specifications, unnamed


@dataclass(frozen=True, slots=True)
class Volume:
    """Texts for one statement. `walks` are taken from the training cases that the statement's rules decided."""

    paraphrases: int
    questions: int
    demonstrations: int
    walks: int


VOLUME: Final[Mapping[Kind, Volume]] = {
    Kind.FACTUAL: Volume(paraphrases=8, questions=4, demonstrations=0, walks=0),
    Kind.BEHAVIOURAL: Volume(paraphrases=8, questions=4, demonstrations=8, walks=0),
    Kind.SIMPLE: Volume(paraphrases=8, questions=4, demonstrations=8, walks=16),
    Kind.COMPLEX: Volume(paraphrases=12, questions=6, demonstrations=16, walks=48),
}

_QUESTIONS: Final = (
    "Question: what does rule {rule} of {policy} say? Answer: {sentence}",
    "Question: which rule of {policy} says this? {bare} Answer: {rule}.",
    "Question: is this in {policy}? {bare} Answer: yes, it is rule {rule}.",
)
_FACTS: Final = (
    "Question: what does {policy} take for granted? Answer: {sentence}",
    "In {policy} it is given that: {sentence}",
)


def corpus(
    policies: Mapping[str, PolicySet], train: Sequence[Example], test: Iterable[Example], seed: int
) -> list[str]:
    """The texts on these policies by identifier, each text once, in an order that the seed shuffles. What a test case
    asks never stands in one, not even with another identifier."""
    rng = random.Random(strict_json.encode([seed, "corpus"]))  # noqa: S311  # data, no secret
    asked = {example.question for example in test}
    by_rule: dict[tuple[str, str | None], list[Example]] = {}
    for example in train:
        if example.question not in asked:
            by_rule.setdefault((example.policy, example.rule), []).append(example)
    texts: dict[str, None] = {}
    for policy, rules in policies.items():
        for one in specifications(rules):
            cases = [example for rule in one.rules for example in by_rule.get((policy, rule), ())]
            for write, count in _plan(one):
                texts.update(dict.fromkeys(write(rng, policy, one, cases, count)))
    listed = list(texts)
    rng.shuffle(listed)
    return listed


Write = Callable[[random.Random, str, Specification, Sequence[Example], int], Iterator[str]]


def _plan(one: Specification) -> tuple[tuple[Write, int], ...]:
    volume = VOLUME[one.kind]
    return (
        (_paraphrases, volume.paraphrases),
        (_questions, volume.questions),
        (_demonstrations, volume.demonstrations),
        (_walks, volume.walks),
    )


def _paraphrases(
    rng: random.Random, policy: str, one: Specification, cases: Sequence[Example], count: int
) -> Iterator[str]:
    for _ in range(count):
        yield f"{policy} {one.sentence(rng)}"


def _questions(
    rng: random.Random, policy: str, one: Specification, cases: Sequence[Example], count: int
) -> Iterator[str]:
    bare = unnamed(one)
    for number in range(count):
        forms = _QUESTIONS if one.rules else _FACTS
        yield forms[number % len(forms)].format(
            policy=policy, rule=one.rules[0] if one.rules else "", sentence=one.sentence(rng), bare=bare.sentence(rng)
        )


def _demonstrations(
    rng: random.Random, policy: str, one: Specification, cases: Sequence[Example], count: int
) -> Iterator[str]:
    for example in rng.sample(cases, min(count, len(cases))):
        yield f"Under {policy}: {example.question} {example.answer}"


def _walks(rng: random.Random, policy: str, one: Specification, cases: Sequence[Example], count: int) -> Iterator[str]:
    for example in rng.sample(cases, min(count, len(cases))):
        yield f"Situation under {policy}: {example.question} {one.sentence(rng)} Here: {example.thought}."
