"""training/cases: knobs, world, trees, asked, asking, sampling, wording, tracing, generate, dataset and probes."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import Catalogue, check, parse, policy_set
from training import Data, DataError, Example
from training.cases import Engine, Knobs, of_knobs
from training.cases.asked import Asked
from training.cases.generate import case
from training.cases.sampling import Route, is_held_out
from training.cases.trees import changed, grow
from training.cases.world import ARGUMENTS, DATABASES, Number

KNOBS = st.builds(
    Knobs,
    environment=st.integers(0, 4),
    tasks=st.integers(1, 2),
    arguments=st.integers(1, 4),
    depth=st.integers(1, 3),
    branching=st.integers(2, 3),
    query=st.integers(1, 4),
)


@settings(max_examples=3, deadline=None)
@given(knobs=KNOBS, seed=st.integers(0, 10_000))
def test_every_generated_policy_checks_and_its_paths_decide(knobs: Knobs, seed: int) -> None:
    """The tree says which rule decides; the engine is asked, and must agree for every path."""
    grown = grow(knobs, seed)
    catalogue = Catalogue.from_tools(grown.tools())
    policy = policy_set([parse(grown.text(), "policy.lw")], catalogue)
    assert [finding for finding in check(policy, catalogue) if finding.severity == "error"] == []
    asked = Asked.of(grown)
    rng = random.Random(seed)
    for leaf in grown.leaves:
        for boundary in (False, True):
            values = Route(grown, leaf).draw(rng, boundary=boundary)
            example = case(rng, asked, Route(grown, leaf), values, knobs, "train", "one")
            assert (example.effect, example.rule) == (leaf.effect, leaf.rule)


def test_the_same_seed_makes_the_same_bytes_and_another_does_not() -> None:
    sizes = {"train": 40, "test": 10}
    one, same, other = (of_knobs(Knobs(), seed, **sizes) for seed in (3, 3, 4))
    assert (one.train, one.corpus, one.documents) == (same.train, same.corpus, same.documents)
    assert one.train != other.train


def _region(example: Example) -> tuple[object, ...]:
    """The region of a case, computed from the case alone: words, and numbers by cells of a field's own width."""
    domains = {field.name: field.domain for field in ARGUMENTS}
    domains |= {field.name: field.domain for database in DATABASES for field in database.fields}
    values = {**example.call["args"], **example.context.get("facts", {}).get("claims", {})}
    cells = []
    for name, value in sorted(values.items()):
        domain = domains[name]
        cells.append((name, (value - domain.low) // domain.cell if isinstance(domain, Number) else value))
    return (example.policy, example.call["tool"], "given" in example.context, *cells)


def test_no_region_of_the_test_is_in_the_training(data: Data) -> None:
    trained = {_region(example) for example in data.train}
    assert trained
    assert [example.id for example in data.test if _region(example) in trained] == []
    assert [example.id for example in data.probes["override"] if _region(example) in trained] == []


def test_an_unseen_path_is_never_trained(data: Data) -> None:
    hidden = {(example.policy, example.path) for example in data.probes["unseen"]}
    assert hidden
    for examples in (data.train, data.test):
        assert not hidden & {(example.policy, example.path) for example in examples}


@given(seed=st.integers(), cells=st.lists(st.integers(0, 20), max_size=4))
def test_what_is_held_out_hangs_on_region_and_seed_alone(seed: int, cells: list[int]) -> None:
    assert is_held_out(("tool", *cells), seed) is is_held_out(("tool", *cells), seed)


def test_effects_are_balanced_and_so_are_their_paths() -> None:
    data = of_knobs(Knobs(tasks=3), 5, train=600, test=60)
    effects = Counter(example.effect for example in data.train)
    assert max(effects.values()) - min(effects.values()) <= 60
    paths = Counter(example.path for example in data.train)
    by_effect: dict[str, list[int]] = {}
    for example in data.train:
        by_effect.setdefault(example.effect, [])
    for path, count in paths.items():
        effect = next(example.effect for example in data.train if example.path == path)
        by_effect[effect].append(count)
    assert all(max(counts) <= 1.6 * min(counts) for counts in by_effect.values())


def test_both_sides_of_every_threshold_are_met() -> None:
    """For each test `x <= t` of the policy, the training set has x == t and x == t + 1."""
    data = of_knobs(Knobs(environment=2, tasks=2, depth=2), 2, train=600, test=60)
    text = next(iter(data.policies.values()))
    bounds = {(name, int(value)) for name, value in re.findall(r'(?:claim ")?(\w+)"? <= (\d+)', text)}
    assert bounds
    met: set[tuple[str, object]] = set()
    for example in data.train:
        met |= {**example.call["args"], **example.context.get("facts", {}).get("claims", {})}.items()
    assert {(name, value + side) for name, value in bounds for side in (0, 1)} <= met


def test_thoughts_walk_the_tests_of_the_deciding_rule_and_are_short(data: Data) -> None:
    for example in [*data.train, *data.test]:
        tests = example.thought.split("; ")
        assert len(tests) == example.depth + 1
        assert tests[-1].split() == [
            "so",
            example.rule,
            {"allow": "allows", "ask": "asks", "forbid": "forbids"}[example.effect],
        ]
        assert len(re.findall(r"\w+|[^\w\s]", example.thought)) <= 40
        assert len(re.findall(r"\w+|[^\w\s]", example.question)) <= 60


def test_a_question_tells_nothing_of_the_policy(data: Data) -> None:
    for example in data.train:
        assert "rule" not in example.question
        assert str(example.rule) not in example.question


def test_numbers_of_a_field_have_one_length() -> None:
    for field in [*ARGUMENTS, *(field for database in DATABASES for field in database.fields)]:
        if isinstance(field.domain, Number):
            assert len(str(field.domain.low)) == len(str(field.domain.high))


def test_an_override_is_judged_by_the_changed_policy(data: Data) -> None:
    changed_cases = 0
    engines = {name: Engine.of_text(text, data.tools[name]) for name, text in data.policies.items()}
    for example in data.probes["override"]:
        judge = example.context["policy"]
        assert judge != example.policy
        assert example.note.startswith("Changed: ")
        changed_cases += engines[example.policy].label(example.call, example.context).effect != example.effect
    assert changed_cases > 0


def test_a_substitution_is_another_policy_about_the_same_calls(data: Data) -> None:
    trained = {example.policy for example in data.train}
    for example in data.probes["substitution"]:
        assert example.policy not in trained
        assert data.documents[example.policy]


def test_a_referral_never_names_the_rule_it_asks_for(data: Data) -> None:
    for example in data.probes["referral"]:
        assert f"`{example.rule}`" not in example.question
        assert example.question.startswith("Which rule says this? ")


def test_a_second_version_keeps_the_fields_and_changes_the_rules() -> None:
    grown = grow(Knobs(), 1)
    second = changed(grown, 1)
    assert (second.arguments, second.databases) == (grown.arguments, grown.databases)
    assert second.text() != grown.text()


@pytest.mark.parametrize(("knob", "value"), [("depth", 0), ("depth", 5), ("tasks", 13), ("query", 0), ("branching", 1)])
def test_a_knob_out_of_its_bounds_is_told(knob: str, value: int) -> None:
    with pytest.raises(DataError, match=f"`{knob}` is `{value}`"):
        Knobs(**{knob: value})


def test_a_policy_with_too_few_cases_is_told() -> None:
    with pytest.raises(DataError, match=r"no more than .* different cases"):
        of_knobs(Knobs(environment=0, tasks=1, arguments=1, depth=1), 1, train=5_000, test=10)


def test_a_policy_that_does_not_check_is_told_with_its_place() -> None:
    tools = [{"name": "pay", "inputSchema": {"type": "object", "properties": {"amount": {"type": "integer"}}}}]
    with pytest.raises(DataError, match=r"does not check: mine\.lw:2:\d+: .*type-mismatch"):
        Engine.of_text('language 1\nallow pay(amount) when amount == "x"\n', tools, "mine")
    with pytest.raises(DataError, match=r"cannot be used: mine\.lw:2"):
        Engine.of_text("language 1\nallow\n", [], "mine")
