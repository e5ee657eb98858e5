"""training/corpus/texts.py: texts by kind of statement, none of them a case of the test."""

from __future__ import annotations

from training import Data
from training.cases import Engine
from training.corpus import VOLUME, corpus
from training.knowledge import Kind, specifications


def _policies(data: Data) -> dict[str, Engine]:
    trained = {example.policy for example in data.train}
    return {name: Engine.of_text(data.policies[name], data.tools[name]) for name in trained}


def test_every_text_carries_an_identifier_and_stands_once(data: Data) -> None:
    assert data.corpus
    assert len(set(data.corpus)) == len(data.corpus)
    trained = {example.policy for example in data.train}
    assert all(any(policy in text for policy in trained) for text in data.corpus)


def test_no_text_asks_what_a_test_case_asks(data: Data) -> None:
    for example in [*data.test, *data.probes["override"], *data.probes["unseen"]]:
        assert not any(example.question in text for text in data.corpus)


def test_a_text_that_would_repeat_a_test_case_is_left_out(data: Data) -> None:
    engines = _policies(data)
    policies = {name: engine.policy for name, engine in engines.items()}
    texts = corpus(policies, data.train, data.train, 1)
    assert texts
    assert not any(text.startswith(("Under", "Situation")) for text in texts)


def test_every_rule_is_paraphrased_asked_about_demonstrated_and_walked(data: Data) -> None:
    joined = "\n".join(data.corpus)
    for policy, engine in _policies(data).items():
        for one in specifications(engine.policy):
            assert f"what does rule {one.rules[0]} of {policy} say?" in joined
            cases = [example for example in data.train if (example.policy, example.rule) == (policy, one.rules[0])]
            if one.kind is Kind.COMPLEX and cases:
                assert any(
                    text.startswith(f"Situation under {policy}") and one.rules[0] in text for text in data.corpus
                )


def test_most_volume_is_on_complex_conditions() -> None:
    totals = {kind: sum((v.paraphrases, v.questions, v.demonstrations, v.walks)) for kind, v in VOLUME.items()}
    assert totals[Kind.COMPLEX] > sum(total for kind, total in totals.items() if kind is not Kind.COMPLEX)


def test_the_seed_decides_the_texts(data: Data) -> None:
    policies = {name: engine.policy for name, engine in _policies(data).items()}
    assert corpus(policies, data.train, data.test, 5) == corpus(policies, data.train, data.test, 5)
    assert corpus(policies, data.train, data.test, 5) != corpus(policies, data.train, data.test, 6)
