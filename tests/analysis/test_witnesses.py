"""policy_dsl/analysis/witnesses.py and shapes.py: as many elements of a list as a query asks for, and no fewer."""

from __future__ import annotations

from policy_dsl import parse
from policy_dsl.analysis.shapes import Shape
from policy_dsl.analysis.witnesses import Census
from policy_dsl.ast import Condition, Rule


def _condition(text: str) -> Condition:
    [rule] = parse(f"language 1\nforbid t when {text}\n").statements
    assert isinstance(rule, Rule)
    assert rule.when is not None
    return rule.when


def _count(text: str, *, rail: bool = True, positive: bool = True) -> tuple[int, bool]:
    shape = Shape()
    condition = _condition(text)
    shape.add_condition(condition)
    census = Census(shape)
    census.condition(condition, rail, positive)
    census.settle()
    return shape.names["xs"].witnesses, census.exact


def test_each_question_needs_an_element() -> None:
    assert _count('any of xs == "a" and any of xs == "b"') == (2, True)
    assert _count('any of xs == "a" and any of xs == "a"') == (1, True)
    assert _count('each of xs == "a" and each of xs == "b"') == (1, True)


def test_a_denial_turns_the_question_round() -> None:
    assert _count('each of xs == "a" and each of xs == "b"', positive=False) == (2, True)
    assert _count('not (each of xs == "a") and not (each of xs == "b")') == (2, True)
    assert _count('xs contains "a" and xs contains "b"') == (2, True)
    assert _count('xs contains "a" and xs contains "b"', rail=False) == (1, True)


def test_a_question_for_every_element_of_another_list_has_no_number() -> None:
    assert _count("each of ys as y (any of xs as x (x == y))")[1] is False
    assert _count("any of ys as y (any of xs as x (x == y))")[1] is True
    assert _count("each of xs as x (any of x.parts as y (y == x.name))")[1] is True
