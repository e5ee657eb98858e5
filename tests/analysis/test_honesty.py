"""policy_dsl/analysis: what is called proved is never contradicted, and every counterexample is one.

All of the encoding is on trial here: demands.py, ground.py, parties.py, rails.py, replay.py, solver.py, terms.py,
tree.py, views.py, world.py and answers.py.

Pairs of random policies, most of them one small change apart. Where a direction is proved to be empty, random calls in
random sessions are decided under both policies and must not go that way. The seeds and how many answers were unknown
are printed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from policy_dsl import compile_policy, reference_decide
from policy_dsl.analysis import compare

HEIGHT = {"forbid": 0, "ask": 1, "allow": 2}
CALLS = 60


def _confirm(pair: Any, maker: Any, answers: Counter[str]) -> None:
    comparison = compare(pair.old, pair.new)
    programs = [compile_policy(policy) for policy in (pair.old, pair.new)]
    empty = {tool.tool: (tool.widening.is_empty, tool.narrowing.is_empty) for tool in comparison.tools}
    for tool in comparison.tools:
        for direction, sign in ((tool.widening, 1), (tool.narrowing, -1)):
            for shown in direction.both:
                answers[shown.answer] += 1
                example = shown.counterexample
                if example is None:
                    continue
                outcomes = []
                for policy, program, facts in zip((pair.old, pair.new), programs, example.facts, strict=True):
                    said = reference_decide(
                        policy, policy.catalogue, example.tool, example.arguments, facts, example.server
                    )
                    assert program.decide(example.tool, example.arguments, facts, example.server) == said
                    outcomes.append(said)
                assert outcomes == [example.old, example.new]
                old, new = (HEIGHT[outcome.effect] for outcome in outcomes)
                assert (new - old) * sign > 0, example
    # `seek` and `other` stand for names that no rule writes: the class that holds them is one of those reported.
    for _ in range(CALLS):
        name, arguments, facts = maker.call()
        old, new = (HEIGHT[program.decide(name, arguments, facts).effect] for program in programs)
        proved = empty.get(name) or _class_of(name, comparison)
        assert not (new > old and proved[0]), (pair, name, arguments, facts)
        assert not (old > new and proved[1]), (pair, name, arguments, facts)


def _class_of(name: str, comparison: Any) -> tuple[bool, bool]:
    """Names without a rule of their own fall under `s*` or only under `*`; a policy's catalogue leaves none of them."""
    classes = [tool for tool in comparison.tools if not tool.named]
    under_s = [tool for tool in classes if tool.tool.startswith("s")]
    fitting = under_s if under_s and name.startswith("s") else [tool for tool in classes if tool not in under_s]
    return (fitting[0].widening.is_empty, fitting[0].narrowing.is_empty) if fitting else (True, True)


def _run(maker: Any, seeds: range, *, learns: bool = False) -> None:
    answers: Counter[str] = Counter()
    for seed in seeds:
        made = maker(f"pair {seed}", learns=learns)
        try:
            _confirm(made.pair(), made, answers)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
    print(f"seeds {seeds.start} to {seeds.stop - 1}: {dict(answers)}")
    assert answers["proved"] > len(seeds)
    assert answers["counterexample"] > len(seeds) // 2


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in range(1, 10))])
def test_a_thousand_pairs(part: int, maker: Any) -> None:
    _run(maker, range(100 * part, 100 * part + 100))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_pairs_with_what_is_learned_below_learnables(maker: Any) -> None:
    _run(maker, range(12), learns=True)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("part", range(5))
def test_five_hundred_pairs_with_what_is_learned(part: int, maker: Any) -> None:
    _run(maker, range(100 * part, 100 * part + 100), learns=True)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("part", range(20))
def test_ten_thousand_pairs(part: int, maker: Any) -> None:
    _run(maker, range(10_000 + 500 * part, 10_500 + 500 * part))
