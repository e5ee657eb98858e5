"""memory/support and memory/metric: how far a rule reaches, invariants 17 and 18 of the specification among it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from memory import Context
from memory.encoders import HashingEncoder, Rows
from memory.support import FARTHEST, Reach, distance, radius_of

CASES = yaml.safe_load((Path(__file__).parent / "distances.yaml").read_text())
ENCODER = HashingEncoder()
SLACK = 1.001e-6

NAMES = [
    "agent",
    "user",
    "arg to",
    "domain to",
    "in staff to",
    "arg path",
    "folder path",
    "has cc",
    "arg x y",
    "in s x y",
]
values = st.sampled_from(["true", "false", "a", "b"])
words = st.sampled_from(["", "pay invoice", "pay the invoice", "delete files", "?!", "ünï 👍"])
attributes = st.dictionaries(st.sampled_from(NAMES), values, max_size=6).map(lambda found: tuple(sorted(found.items())))
contexts = st.builds(Context, st.sampled_from(["send", "send", "send", "read"]), attributes, words)
supports = st.lists(contexts, max_size=8)
radii = st.sampled_from([0.0, 0.1, 0.2, 0.273861, 0.35, 0.5, 1.0])


class Counting:
    """The hashing encoder, and what it was asked."""

    id, dim = ENCODER.id, ENCODER.dim

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Rows:
        self.asked.append(list(texts))
        return ENCODER.encode(texts)


def _context(attributes: dict[str, str], words: str = "the same words", tool: str = "send") -> Context:
    return Context(tool, tuple(sorted(attributes.items())), words)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_contexts_are_as_far_as_is_written(case: dict[str, Any]) -> None:
    said = case.get("words", ["the same words", "the same words"])
    one, other = _context(case["one"], said[0]), _context(case["other"], said[1])
    found = distance(one, other, ENCODER)
    if "distance" in case:
        assert found == pytest.approx(case["distance"], abs=1e-6)
    elif "far" in case:
        assert 0.0 < found <= case["far"]
    else:
        assert found == pytest.approx(math.sqrt(0.7) * case["shares"], abs=1e-6)


@given(contexts, contexts)
def test_a_distance_is_symmetric_and_between_nothing_and_one(one: Context, other: Context) -> None:
    found = distance(one, other, ENCODER)
    assert found == distance(other, one, ENCODER)
    if one.tool != other.tool:
        assert found == math.inf
    else:
        assert 0.0 <= found <= 1.0
    if one == other:
        assert found == 0.0
    if found == 0.0:
        assert one.attributes == other.attributes


@given(supports, contexts, radii, st.integers(1, 4))
def test_a_reach_holds_within_the_radius_of_so_many_supports(
    around: list[Context], context: Context, radius: float, least: int
) -> None:
    """Invariant 18: nothing farther than the radius, by a metric that is computed pair by pair here."""
    reach = Reach(around, ENCODER, radius, least)
    distances = sorted(distance(support, context, ENCODER) for support in around)
    expected = distances[least - 1] if len(distances) >= least else math.inf
    assert reach.distance(context) == pytest.approx(expected, abs=SLACK)
    inside = expected <= radius + SLACK if abs(expected - radius) <= SLACK else expected <= radius
    # A value never met may be out of reach however near: nothing more is ever inside for it.
    assert reach.holds(context) <= inside
    if around.count(context) >= least:
        assert reach.holds(context)


@given(supports, contexts, contexts, radii, radii, st.integers(1, 4))
def test_narrowing_never_lets_it_hold_for_more(
    around: list[Context], added: Context, context: Context, radius: float, other: float, least: int
) -> None:
    """Invariant 17: a smaller radius, more supports that are needed, or fewer that there are."""
    if Reach(around, ENCODER, min(radius, other), least).holds(context):
        assert Reach(around, ENCODER, max(radius, other), least).holds(context)
    if Reach(around, ENCODER, radius, least + 1).holds(context):
        assert Reach(around, ENCODER, radius, least).holds(context)
    if Reach(around, ENCODER, radius, least).holds(context):
        assert Reach([*around, added], ENCODER, radius, least).holds(context)


@given(supports, contexts, radii, st.randoms())
def test_the_order_of_supports_says_nothing(
    around: list[Context], context: Context, radius: float, random: Any
) -> None:
    shuffled = list(around)
    random.shuffle(shuffled)
    assert Reach(around, ENCODER, radius, 2).holds(context) == Reach(shuffled, ENCODER, radius, 2).holds(context)


@given(supports, st.sampled_from([0.1, 0.5, 0.9, 0.99]), st.integers(1, 3))
def test_a_radius_covers_its_share_of_the_supports_unless_they_are_farther_than_any_may_be(
    around: list[Context], quantile: float, least: int
) -> None:
    radius = radius_of(around, ENCODER, quantile, least)
    assert 0.0 <= radius <= FARTHEST
    inside = total = 0
    for at, context in enumerate(around):
        others = around[:at] + around[at + 1 :]
        of_tool = sum(other.tool == context.tool for other in others)
        if of_tool:
            total += 1
            reach = Reach(others, ENCODER, radius, min(least, of_tool))
            inside += reach.distance(context) <= radius + 1e-6
    assert radius == FARTHEST or inside >= min(total, math.ceil((total + 1) * quantile))


@given(supports)
def test_a_radius_grows_with_its_quantile(around: list[Context]) -> None:
    found = [radius_of(around, ENCODER, quantile) for quantile in (0.1, 0.5, 0.9)]
    assert found == sorted(found)


def test_a_radius_of_hand_made_distances() -> None:
    """Four contexts with ten attributes, of which 0, 1, 2 and 3 differ from all others': by hand."""
    plain = {f"has {number}": "true" for number in range(10)}
    others = [plain, plain, {**plain, "has 0": "0"}, {**plain, "has 1": "1", "has 2": "2"}]
    around = [_context(one) for one in others]
    # To the nearest other: 0, 0, 0.1, 0.2 of the attributes; ceil(5 * 0.5) = 3rd, ceil(5 * 0.9) = 5th, cut to the 4th.
    assert radius_of(around, ENCODER, 0.5, least=1) == pytest.approx(math.sqrt(0.7) * 0.1, abs=1e-6)
    assert radius_of(around, ENCODER, 0.9, least=1) == pytest.approx(math.sqrt(0.7) * 0.2, abs=1e-6)
    # To the second nearest: 0.1, 0.1, 0.1, 0.2.
    assert radius_of(around, ENCODER, 0.5) == pytest.approx(math.sqrt(0.7) * 0.1, abs=1e-6)


@pytest.mark.parametrize("around", [[], [_context({"agent": "a"})], [_context({}, tool="a"), _context({}, tool="b")]])
def test_supports_that_say_nothing_of_how_contexts_vary_give_no_room(around: list[Context]) -> None:
    assert radius_of(around, ENCODER, 0.9) == 0.0


def test_far_apart_supports_give_no_more_than_the_cap() -> None:
    around = [_context({"agent": str(number)}, f"word{number}") for number in range(6)]
    assert radius_of(around, ENCODER, 0.9) == FARTHEST


def test_a_thousand_supports_are_read_at_even_spaces() -> None:
    around = [_context({"agent": "a", "arg n": str(number)}) for number in range(1_000)]
    assert radius_of(around, ENCODER, 0.9) == pytest.approx(math.sqrt(0.7) * 0.5, abs=1e-6)


def test_what_equals_the_supports_or_differs_in_too_many_attributes_is_never_encoded() -> None:
    counting = Counting()
    known, other = _context({"agent": "a"}, "pay"), _context({"agent": "a"}, "pay invoice")
    reach = Reach([known, known, other], counting, 0.3, 2)
    assert reach.holds(known)
    assert not reach.holds(_context({"agent": "b"}, "pay"))
    assert not reach.holds(_context({"agent": "a"}, "pay", tool="read"))
    assert counting.asked == []
    same_words = Reach([known, _context({"agent": "b"}, "pay")], counting, 1.0, 2)
    assert same_words.holds(_context({"agent": "c"}, "pay"))
    assert counting.asked == []


def test_supports_are_encoded_once_and_a_context_once_a_call() -> None:
    counting = Counting()
    known, other = _context({"agent": "a"}, "pay"), _context({"agent": "a"}, "pay invoice")
    reach = Reach([known, other], counting, 0.5, 2)
    for text in ("pay bill", "pay bills"):
        assert reach.holds(_context({"agent": "a"}, text))
    assert counting.asked == [["pay", "pay invoice"], ["pay bill"], ["pay bills"]]


@pytest.mark.parametrize("radius", [-0.1, 1.1, math.nan, math.inf])
def test_a_radius_that_is_none_is_refused(radius: float) -> None:
    with pytest.raises(ValueError, match="radius must lie between 0 and 1"):
        Reach([], ENCODER, radius, 2)


def test_a_reach_without_supports_holds_for_nothing() -> None:
    assert not Reach([], ENCODER, 1.0, 1).holds(_context({}))
    with pytest.raises(ValueError, match="least must be at least 1, not `0`"):
        Reach([], ENCODER, 1.0, 0)
    with pytest.raises(ValueError, match="least must be at least 1, not `0`"):
        radius_of([], ENCODER, 0.9, 0)
    with pytest.raises(ValueError, match=r"quantile must lie between 0 and 1, not `1\.0`"):
        radius_of([], ENCODER, 1.0)


def _send(**attributes: str) -> Context:
    return Context("send", tuple(sorted((f"arg {name}", value) for name, value in attributes.items())))


def test_a_value_never_met_is_out_of_reach_however_near() -> None:
    met = [_send(to=to, kind="bill", note=str(at)) for at, to in enumerate(("ann", "bob", "ann", "bob"))]
    reach = Reach(met, ENCODER, 1.0, 2)
    assert reach.holds(_send(to="ann", kind="bill", note="new")), (
        "notes are never twice the same: a new one says nothing"
    )
    assert not reach.holds(_send(to="eve", kind="bill", note="0"))


def test_where_an_attribute_splits_unseen_combinations_are_out_of_reach() -> None:
    met = [_send(to="ann", kind="bill"), _send(to="bob", kind="gift")] * 2
    other = _send(to="ann", kind="gift")
    assert Reach(met, ENCODER, 1.0, 2).holds(other)
    assert not Reach(met, ENCODER, 1.0, 2, split_by=("arg to",)).holds(other)
    assert Reach(met, ENCODER, 1.0, 2, split_by=("arg to",)).holds(met[0])
