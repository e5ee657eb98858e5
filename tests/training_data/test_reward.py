"""training/reward.py: the attacks first. What is constant, formless or copied earns nothing on a balanced set."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import Data, DataError, Example, Reward, Weights, completion, prompt
from training.reward import read_answer


@pytest.fixture(scope="module")
def reward(data: Data) -> Reward:
    return Reward.of(data)


@pytest.fixture(scope="module")
def balanced(data: Data) -> list[Example]:
    """As many of each effect."""
    by_effect = {
        effect: [example for example in data.test if example.effect == effect] for effect in ("allow", "ask", "forbid")
    }
    fewest = min(map(len, by_effect.values()))
    assert fewest >= 10
    return [example for several in by_effect.values() for example in several[:fewest]]


def _said(effect: str, rule: str | None = None, call: object = None, thought: str = "") -> str:
    return f"<think>{thought}</think>\n{json.dumps({'effect': effect, 'rule': rule, 'call': call})}<|im_end|>"


def _mean(reward: Reward, cases: list[Example], answer: Callable[[Example], str]) -> float:
    return sum(reward(example, answer(example)).total for example in cases) / len(cases)


def test_the_gold_answer_earns_all(data: Data, reward: Reward) -> None:
    for example in [*data.test, *(one for probe in data.probes.values() for one in probe)]:
        graded = reward(example, completion(example))
        assert graded.total == pytest.approx(1.0)
        assert graded.effect
        assert not graded.false_allow


@pytest.mark.parametrize("effect", ["allow", "ask", "forbid"])
def test_no_constant_answer_earns_more_than_chance(
    data: Data, reward: Reward, balanced: list[Example], effect: str
) -> None:
    rules: set[str | None] = {None, *(example.rule for example in data.train)}
    for rule in rules:
        for call in (None, balanced[0].call):
            assert _mean(reward, balanced, lambda example, r=rule, c=call: _said(effect, r, c)) <= 1e-9  # type: ignore[misc]  # mypy infers no lambda defaults


def test_a_copied_call_under_a_constant_effect_earns_nothing(reward: Reward, balanced: list[Example]) -> None:
    for effect in ("allow", "ask"):
        assert _mean(reward, balanced, lambda example, e=effect: _said(e, None, example.call)) <= 1e-9  # type: ignore[misc]  # as above


def test_the_copied_question_earns_nothing(data: Data, reward: Reward, balanced: list[Example]) -> None:
    for copy in (
        lambda example: example.question,
        lambda example: prompt(example, data, "document"),
        lambda example: f"<think>{example.question}</think>{example.question}",
    ):
        assert _mean(reward, balanced, copy) < 0


def test_a_false_allow_costs_more_than_any_other_mistake(data: Data, reward: Reward) -> None:
    forbidden = next(example for example in data.test if example.effect == "forbid")
    wrong = {effect: reward(forbidden, _said(effect, None, forbidden.call)) for effect in ("allow", "ask")}
    formless = reward(forbidden, "")
    assert wrong["allow"].false_allow
    assert wrong["allow"].total < formless.total < wrong["ask"].total < 0


def test_a_stored_answer_is_not_believed(data: Data, reward: Reward) -> None:
    import msgspec

    forbidden = next(example for example in data.test if example.effect == "forbid")
    lying = msgspec.structs.replace(forbidden, effect="allow", answer=_said("allow"))
    assert reward(lying, _said("allow", None, forbidden.call)).false_allow


def test_true_is_not_one(data: Data, reward: Reward) -> None:
    example = next(one for one in data.test if one.effect == "allow")
    numbers = {name: value for name, value in example.call["args"].items() if isinstance(value, int)}
    assert numbers
    call = {"tool": example.call["tool"], "args": {**example.call["args"], **dict.fromkeys(numbers, True)}}
    assert not reward(example, _said("allow", example.rule, call)).arguments


@pytest.mark.parametrize(
    "answer",
    [
        '{"effect":"allow","effect":"forbid","rule":null,"call":null}',
        '{"effect":"allow","rule":null,"call":null} and more',
        '{"effect":"allow","rule":null}',
        '{"effect":"allow","rule":null,"call":null,"why":"x"}',
        '{"effect":"yes","rule":null,"call":null}',
        '{"effect":["allow"],"rule":null,"call":null}',
        '{"effect":"allow","rule":1,"call":null}',
        '{"effect":"allow","rule":null,"call":"x"}',
        '[{"effect":"allow","rule":null,"call":null}]',
        "NaN",
        "\ud800",
        '{"effect":"allow","rule":null,"call":' + '{"a":' * 100 + "1" + "}" * 101,
        "",
    ],
)
def test_what_is_no_answer_has_no_form(answer: str) -> None:
    assert read_answer(f"<think>x</think>{answer}") is None


@settings(max_examples=60)
@given(text=st.text(max_size=300), around=st.booleans())
def test_no_text_raises_and_none_earns(data: Data, reward: Reward, text: str, around: bool) -> None:
    graded = reward(data.test[0], f"<think>x</think>{text}" if around else text)
    assert graded.total < 0 or graded.effect


def test_an_unknown_policy_is_told(data: Data) -> None:
    with pytest.raises(DataError, match="no engine is known for"):
        Reward({})(data.test[0], "")


def test_a_wrong_effect_costs_half_of_what_a_right_one_earns() -> None:
    weights = Weights(effect=1.0, rule=0.5, arguments=0.5)
    assert weights.wrong == 1.0
