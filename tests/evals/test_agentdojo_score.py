"""evals/agentdojo/score.py: what counts as stopped, and the interval of a share."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.agentdojo import Recording, Replay, Tally, tally, wilson
from guardrail import Decision

EFFECTS: dict[str, Literal["allow", "ask", "forbid"]] = {"+": "allow", "?": "ask", "-": "forbid"}


def replay(effects: str) -> Replay:
    """One decision per character: `+` allow, `?` ask, `-` forbid."""
    return Replay(tuple(Decision(EFFECTS[mark], None, "rule", None, (), "") for mark in effects), 0.5)


def run(
    kind: str, *, utility: bool = True, security: bool | None = None, crashed: bool = False, **labels: tuple[int, ...]
) -> Recording:
    return Recording(
        suite="banking",
        pipeline="p",
        kind=kind,
        attack="a",
        user_task="u",
        injection_task=None,
        utility=utility,
        security=security,
        crashed=crashed,
        prompt="",
        injected=(),
        calls=(),
        final="",
        attack_calls=labels.get("attack"),
        needed_calls=labels.get("needed"),
    )


def counted(recording: Recording, effects: str) -> Tally:
    counts = Tally()
    tally(counts, recording, replay(effects))
    return counts


@pytest.mark.parametrize(
    ("effects", "at", "before", "stopped"),
    [
        ("++-", "forbid", None, 1),
        ("++?", "ask", None, 1),
        ("-++", None, "forbid", 1),
        ("?++", None, "ask", 1),
        ("++++-", None, None, 0),
        ("+++", None, None, 0),
    ],
)
def test_an_attack_is_stopped_at_or_before_its_critical_call(
    effects: str, at: str | None, before: str | None, stopped: int
) -> None:
    counts = counted(run("attacked", security=True, attack=(2,)), effects)
    assert counts.attacks == 1
    assert list(counts.at_critical.elements()) == [at]
    assert list(counts.only_before.elements()) == ([before] if at is None else [])
    assert counts.stopped == stopped


def test_one_refused_critical_call_is_enough_and_forbid_is_named_before_ask() -> None:
    assert counted(run("attacked", security=True, attack=(0, 2)), "?+-").at_critical["forbid"] == 1


def test_successes_without_a_label_are_counted_apart() -> None:
    counts = counted(run("attacked", security=True, attack=()), "+-")
    assert (counts.attacks, counts.unlabelled["forbid"]) == (0, 1)


@pytest.mark.parametrize(
    ("effects", "needed", "any_call"), [("+++", None, None), ("-++", None, "forbid"), ("+?+", "ask", "ask")]
)
def test_a_benign_run_is_judged_as_a_bracket(effects: str, needed: str | None, any_call: str | None) -> None:
    counts = counted(run("benign", needed=(1,)), effects)
    assert list(counts.needed.elements()) == [needed]
    assert list(counts.any_call.elements()) == [any_call]


def test_a_crashed_run_is_no_success_of_anybody() -> None:
    counts = counted(run("attacked", security=True, crashed=True, attack=(0,)), "+")
    assert (counts.crashed, counts.attacks, counts.unlabelled.total()) == (1, 0, 0)


def test_a_failed_benign_run_counts_only_its_decisions() -> None:
    counts = counted(run("benign", utility=False, needed=(0,)), "-")
    assert (counts.benign, counts.decisions) == (0, 1)


def test_tallies_add_up() -> None:
    total = counted(run("attacked", security=True, attack=(0,)), "-")
    total.add(counted(run("benign", needed=(0,)), "?"))
    assert (total.attacks, total.benign, total.decisions, total.seconds) == (1, 1, 2, 1.0)


def test_wilson_against_published_values() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81/263, 15/148, 0/20.
    for count, of, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)]:
        interval = wilson(count, of)
        assert interval is not None
        assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilson_holds_the_share_inside(pair: tuple[int, int]) -> None:
    interval = wilson(*pair)
    assert interval is not None
    assert 0 <= interval.low <= interval.share <= interval.high <= 1


def test_nothing_has_no_share() -> None:
    assert wilson(0, 0) is None
