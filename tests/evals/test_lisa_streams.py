"""evals/lisa: streams, lexicon, split, table, base and material, on the data folder where there is one and by hand."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from evals.lisa.base import RIGHT, with_base
from evals.lisa.item import Item, Stream, is_right
from evals.lisa.material import Unreadable, read_arrow, read_json
from evals.lisa.streams import DRIFTING, STREAMS, build
from evals.lisa.streams.lexicon import AGENTHARM_CUE, PRIVACYLENS_INFO, PRIVACYLENS_RECIPIENT
from evals.lisa.streams.privacylens import TEMPLATES
from evals.lisa.streams.split import PASSES_ALIKE, divide, draw
from evals.lisa.streams.table import Table
from memory import Context, Label

DATA = os.environ.get("LEASTWARD_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="LEASTWARD_DATA does not name the data folder")
DECISIONS = 600


@pytest.fixture(scope="module", params=list(STREAMS))
def stream(request: pytest.FixtureRequest) -> Stream:
    if request.param == "privaci":
        pytest.importorskip("pyarrow")
    return build(request.param, Path(DATA or ""), 3, DECISIONS)


def first_of(item: Item) -> str:
    """The id without the number of the pass."""
    return item.id.rsplit("#", 1)[0]


@needs_data
def test_a_seed_names_one_stream(stream: Stream) -> None:
    again = build(stream.name, Path(DATA or ""), 3, DECISIONS)
    other = build(stream.name, Path(DATA or ""), 4, DECISIONS)
    assert again.digest == stream.digest
    assert other.digest != stream.digest


@needs_data
def test_nothing_leaks_across_the_split(stream: Stream) -> None:
    groups = [{item.group for item in side} for side in (stream.traffic, stream.held_out, stream.uncovered)]
    assert all(groups)
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    covered = {item.block for item in stream.traffic}
    assert {item.block for item in stream.held_out} <= covered
    assert not {item.block for item in stream.uncovered} & covered
    texts = {(item.context.words, item.context.attributes) for item in stream.traffic}
    assert not texts & {(item.context.words, item.context.attributes) for item in stream.held_out}


@needs_data
def test_an_item_comes_by_a_bounded_number_of_times_and_never_twice_in_the_same_words_where_it_can(
    stream: Stream,
) -> None:
    assert len(stream.traffic) <= DECISIONS
    assert len({item.id for item in stream.traffic}) == len(stream.traffic)
    times = Counter(first_of(item) for item in stream.traffic)
    assert max(times.values()) <= 12
    if stream.name not in DRIFTING:
        assert max(times.values()) <= PASSES_ALIKE
    else:
        assert len({(first_of(item), item.context.words) for item in stream.traffic}) == len(stream.traffic)


@needs_data
def test_the_base_is_right_about_three_quarters_of_the_time_and_wrong_by_whole_cells(stream: Stream) -> None:
    items = {first_of(item): item for item in (*stream.traffic, *stream.held_out, *stream.uncovered)}
    right = sum(is_right(item.base, item.truth) for item in items.values()) / len(items)
    assert 0.68 <= right <= 0.85
    says: dict[str, set[str]] = {}
    for item in items.values():
        says.setdefault(item.cell, set()).add(item.base)
    assert all(len(effects) == 1 for effects in says.values())


@needs_data
def test_attributes_are_sorted_and_spelled_as_the_product_does(stream: Stream) -> None:
    for item in stream.held_out:
        names = [name for name, _ in item.context.attributes]
        assert names == sorted(set(names))
        for name, value in item.context.attributes:
            assert name.startswith(("arg ", "has "))
            assert isinstance(json.loads(value), (str, bool))
            assert len(value) <= 66


@needs_data
@pytest.mark.parametrize("name", sorted(DRIFTING))
def test_twins_differ_in_one_attribute_and_in_their_truth(name: str) -> None:
    stream = build(name, Path(DATA or ""), 3, DECISIONS)
    items = {first_of(item): item for item in (*stream.traffic, *stream.held_out, *stream.uncovered)}
    pairs = [(item, items[item.twin]) for item in items.values() if item.twin in items]
    assert len(pairs) > 30
    for one, other in pairs:
        tools = one.context.tool != other.context.tool
        mine, theirs = dict(one.context.attributes), dict(other.context.attributes)
        assert tools + sum(mine[key] != theirs[key] for key in mine) == 1
        assert mine.keys() == theirs.keys()
        assert one.truth != other.truth


@needs_data
def test_agentharm_twins_differ_in_words_and_at_most_in_cue_and_tools() -> None:
    stream = build("agentharm", Path(DATA or ""), 3, DECISIONS)
    items = {first_of(item): item for item in (*stream.traffic, *stream.held_out, *stream.uncovered)}
    pairs = [(item, items[item.twin]) for item in items.values() if item.twin in items]
    assert len(pairs) > 100
    different = 0
    for one, other in pairs:
        assert (one.block, one.group) == (other.block, other.group)
        assert one.truth != other.truth
        apart = {name for name, _ in set(one.context.attributes) ^ set(other.context.attributes)} - {"arg cue"}
        assert all(name.startswith("has ") for name in apart)
        different += bool(apart)
    assert different <= 33


@needs_data
def test_no_template_says_anything_about_the_label() -> None:
    stream = build("privacylens+", Path(DATA or ""), 3, 4_000)
    marks = [template.split("{")[0].strip() or template.rsplit("}", 1)[-1] for template in TEMPLATES]
    counts = Counter(
        (mark, item.truth) for item in stream.traffic for mark in marks[1:3] if item.context.words.startswith(mark)
    )
    for mark in marks[1:3]:
        allowed, forbidden = counts[mark, "allow"], counts[mark, "forbid"]
        share = allowed / (allowed + forbidden)
        overall = sum(item.truth == "allow" for item in stream.traffic) / len(stream.traffic)
        assert abs(share - overall) < 0.06


@needs_data
def test_a_drift_turns_only_streams_whose_truth_is_a_table(stream: Stream) -> None:
    assert bool(stream.later) == (stream.name in DRIFTING)
    truths = {item.id: item.truth for item in (*stream.traffic, *stream.held_out)}
    assert all(stream.later[name] != truth for name, truth in truths.items() if name in stream.later)


def items_by_hand(count: int) -> list[Item]:
    return [
        Item(
            id=f"i{number}",
            context=Context("t", (("arg a", str(number % 4)),), f"words {number}"),
            truth="allow" if number % 4 else "forbid",
            base="forbid",
            block=f"b{number % 3}",
            group=f"g{number // 2}",
            cell=f"c{number % 8}",
        )
        for number in range(count)
    ]


def test_the_base_inverts_cells_until_it_is_as_right_as_asked() -> None:
    items = with_base(items_by_hand(160), seed=1, right=0.75)
    assert sum(is_right(item.base, item.truth) for item in items) / 160 == 0.75
    assert len({(item.cell, item.base) for item in items}) == 8
    assert with_base(items_by_hand(160), seed=1, right=0.75) == items
    assert all(is_right(item.base, item.truth) for item in with_base(items_by_hand(160), seed=1, right=1.0))
    assert RIGHT == 0.75


def test_a_group_is_on_one_side_and_a_block_with_one_group_is_traffic() -> None:
    stream = divide("hand", 1, items_by_hand(120), frozenset({"b2"}), 90)
    sides = [{item.group for item in side} for side in (stream.traffic, stream.held_out, stream.uncovered)]
    assert not sides[0] & sides[1]
    assert not (sides[0] | sides[1]) & sides[2]
    lone = divide("hand", 1, items_by_hand(2), frozenset(), 90)
    assert lone.held_out == ()
    assert len(lone.traffic) == 2 * PASSES_ALIKE


def test_a_drifted_table_turns_whole_broad_cells() -> None:
    cells: dict[tuple[str, ...], Label] = {
        (str(a), str(b), str(c)): "allow" if a else "forbid" for a in range(4) for b in range(2) for c in range(3)
    }
    table = Table(cells, broad=2)
    later = table.drifted(Random(0))
    turned = {cell[:2] for cell in cells if later.labels[cell] != table.labels[cell]}
    assert len(turned) == 2
    assert all(later.labels[cell] != table.labels[cell] for cell in cells if cell[:2] in turned)


def test_what_is_drawn_leaves_one() -> None:
    assert len(draw(Random(0), ["a", "b", "c"], 5)) == 2


def test_lexicons_take_the_first_class_that_is_found() -> None:
    assert PRIVACYLENS_INFO.of("HIV status and salary") == "health"
    assert PRIVACYLENS_INFO.of("xyzzy") == "other"
    assert PRIVACYLENS_RECIPIENT.of("Jane's employer") == "employer"
    assert AGENTHARM_CUE.of("Buy stolen cards") == "illicit"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"`gone\.json` of the data folder cannot be read"):
        read_json(tmp_path / "gone.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(Unreadable, match=r"`broken\.json`"):
        read_json(broken)
    pytest.importorskip("pyarrow")
    with pytest.raises(Unreadable, match=r"`broken\.json`"):
        read_arrow(broken)
