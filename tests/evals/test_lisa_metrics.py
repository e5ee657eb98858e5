"""evals/lisa: metrics, requirements, report, plots and the command, against numbers computed by hand."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from evals.lisa.__main__ import main
from evals.lisa.grid import FULL, GRIDS, SMALL, Case, Key, Plan, Results
from evals.lisa.item import Item
from evals.lisa.methods import Base, Said
from evals.lisa.metrics import Measured, mean, measure, spread
from evals.lisa.page import section
from evals.lisa.plots import draw
from evals.lisa.protocol import Asked, Run
from evals.lisa.report import shown
from evals.lisa.reporters import Crowd
from evals.lisa.requirements import contests, judge
from evals.pages import NoPart, rewrite
from memory import Context, Effect, Label


def asked(truth: Label, base: Effect, effect: Effect, spoke: bool = True) -> Asked:
    item = Item("i", Context("t", ()), truth, base, "b", "g", "c")
    return Asked(item, truth, Said(effect, spoke))


def run_of(held_out: list[Asked], traffic: list[Asked] | None = None) -> Run:
    return Run(
        Base(),
        traffic=traffic if traffic is not None else held_out,
        held_out=held_out,
        uncovered=[asked("allow", "allow", "ask"), asked("allow", "allow", "allow")],
        nanoseconds=[1_000, 2_000, 3_000],
        reports=7,
    )


HELD = [
    asked("forbid", "allow", "ask"),  # mended
    asked("forbid", "forbid", "allow"),  # broken, a missed harm
    asked("forbid", "forbid", "forbid", spoke=False),
    asked("forbid", "allow", "allow", spoke=False),  # a missed harm of the base's
    asked("allow", "allow", "allow", spoke=False),
    asked("allow", "allow", "forbid"),  # broken, a false block
]


def test_shares_are_what_a_hand_counts() -> None:
    found = measure(run_of(HELD))
    assert found.missed_harm == 2 / 4
    assert found.false_block == 1 / 2
    assert found.balanced == 0.5
    assert found.above_base == 0.5 - (1 - (2 / 4 + 0 / 2) / 2)
    assert found.broken == 2 / 4
    assert found.mended == 1 / 2
    assert found.coverage == 3 / 6
    assert found.precision == 1 / 3
    assert (found.cost_1, found.cost_5, found.cost_10) == (3 / 6, 11 / 6, 21 / 6)
    assert found.astray == 1 / 2
    assert found.reports == 7
    assert found.p50 == 2.0
    assert math.isnan(found.recovered)
    assert math.isnan(found.rules)


def test_regret_is_the_mean_of_mistakes_more_than_the_bases_per_hundred() -> None:
    one = [asked("allow", "allow", "forbid"), asked("allow", "forbid", "allow"), asked("allow", "allow", "allow")]
    # More than the base so far: 1, 0, 0; per decision so far 1, 0, 0; their mean is a third.
    assert measure(run_of(HELD, one)).regret == pytest.approx(100 / 3)
    assert measure(run_of(HELD, one[1:2])).regret == -100


def test_a_share_of_nothing_is_nothing() -> None:
    empty = measure(run_of([asked("allow", "allow", "allow", spoke=False)]))
    assert math.isnan(empty.precision)
    assert math.isnan(empty.mended)
    assert mean([math.nan, 2.0, 4.0]) == 3.0
    assert math.isnan(mean([math.nan]))
    assert shown(spread([math.nan]), 1) == "-"


def test_the_interval_is_of_seeds_and_the_same_at_every_call() -> None:
    values = [0.1, 0.2, 0.3, 0.4, math.nan]
    one = spread(values)
    assert one.mean == pytest.approx(0.25)
    assert one.seeds == 4
    assert 0.1 <= one.low < 0.25 < one.high <= 0.4
    assert spread(values) == one
    assert spread([0.5] * 9) == type(one)(0.5, 0.5, 0.5, 9)


PLAIN = [Case(Crowd(rate, flips=flips)) for rate in (0.1, 0.3) for flips in (0.0, 0.1)]


FAST = ("base", "nearest", "ours")


def results_of(values: dict[str, Measured], streams: tuple[str, ...] = ("a", "b", "c")) -> Results:
    return {
        Key(stream, case.name, method): dict.fromkeys(range(3), value)
        for stream in streams
        for case in PLAIN
        for method, value in values.items()
    }


def test_requirements_hold_or_not_by_the_numbers() -> None:
    zero = Measured(**dict.fromkeys(asdict(measure(run_of(HELD))), 0.0))
    good = replace(zero, balanced=0.8, above_base=0.05, broken=0.01)
    bad = replace(zero, balanced=0.9, above_base=-0.02, broken=0.011, astray=0.1)
    results = results_of({"base": replace(zero, balanced=0.75), "ours": good, "rival": bad})
    judged = {(one.method, one.requirement.split()[0]): one for one in judge(results, PLAIN)}
    assert {name for name, _ in judged} == {"ours", "rival"}
    assert all(one.holds for (name, _), one in judged.items() if name == "ours")
    assert not any(one.holds for (name, _), one in judged.items() if name == "rival")
    assert judged["rival", "harm"].failing == judged["rival", "harm"].cells == 12
    two = judge(results_of({"base": zero, "ours": good}, ("a", "b")), PLAIN)
    assert [one.holds for one in two if one.requirement.startswith("better")] == [False]


def test_a_simpler_method_that_wins_is_named() -> None:
    zero = Measured(**dict.fromkeys(asdict(measure(run_of(HELD))), 0.0))
    results = results_of({"base": zero, "ours": replace(zero, balanced=0.8), "rival": replace(zero, balanced=0.9)})
    found = contests(results, "ours")
    assert {one.best for one in found} == {"rival"}
    assert found[0].behind.mean == pytest.approx(0.1)


def test_grids_have_every_kind_of_cell_and_each_name_once() -> None:
    assert all(len({case.name for case in grid}) == len(grid) for grid in GRIDS.values())
    for grid in (SMALL, FULL):
        assert any(case.drift for case in grid)
        assert any(case.crowd.sybils for case in grid)
        assert any(case.crowd.only_allow for case in grid)
    assert {case.name for case in SMALL} <= {case.name for case in FULL}


def test_plots_are_byte_equal_for_equal_numbers(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    zero = Measured(**dict.fromkeys(asdict(measure(run_of(HELD))), 0.0))
    results = results_of({"base": zero, "ours": replace(zero, above_base=0.1)})
    first = [path.read_bytes() for path in draw(results, PLAIN, tmp_path / "one")]
    assert first == [path.read_bytes() for path in draw(results, PLAIN, tmp_path / "two")]
    assert all(b"<svg" in plot for plot in first)


def test_the_page_is_printed_from_the_numbers(tmp_path: Path) -> None:
    zero = Measured(**dict.fromkeys(asdict(measure(run_of(HELD))), 0.0))
    results = results_of({"base": zero, "ours": replace(zero, above_base=0.12), "rival": replace(zero, balanced=0.9)})
    plan = Plan(tmp_path, ("a", "b", "c"), (0, 1, 2), tuple(PLAIN), 100)
    page = tmp_path / "page.md"
    page.write_text("before\n\n<!-- measured: small -->\n\nstale\n\n<!-- end -->\n\nafter\n")
    rewrite(page, "small", section(plan, "small", results, PLAIN, judge(results, PLAIN), contests(results, "ours")))
    said = page.read_text()
    assert said.startswith("before\n\n<!-- measured: small -->\n\n`python -m evals.lisa --data DIR --grid small")
    assert said.endswith("|\n\n<!-- end -->\n\nafter\n")
    assert "stale" not in said
    assert "| rate 0.1, flips 0 | +12.0 / 0.0 | +0.0 / 0.0 |" in said
    assert "in 0 of 12 cells" in said
    for name, times in (("full", 0), ("twice", 2)):
        page.write_text("<!-- measured: twice -->\n<!-- end -->\n" * 2)
        with pytest.raises(NoPart, match=f"^`page.md` has {times} parts between `<!-- measured: {name} -->`"):
            rewrite(page, name, "x")


def test_without_a_data_folder_the_command_says_what_to_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("LEASTWARD_DATA", raising=False)
    assert main([]) == 2
    assert "--data or LEASTWARD_DATA" in capsys.readouterr().err
    assert main(["--data", str(tmp_path), "--quick"]) == 1
    assert "`tier_3.txt` of the data folder cannot be read" in capsys.readouterr().err


@pytest.mark.skipif("LEASTWARD_DATA" not in os.environ, reason="LEASTWARD_DATA does not name the data folder")
@pytest.mark.parametrize(
    ("arguments", "streams"),
    [
        (["--streams", "confaide+", "--seeds", "1", "--decisions", "200", "--methods", *FAST], 1),
        pytest.param(["--quick"], 2, marks=pytest.mark.long),
    ],
    ids=["small", "quick"],
)
def test_a_run_prints_every_number_as_json(
    arguments: list[str], streams: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--processes", "1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said["streams"]) == {f"confaide+/{seed}" for seed in range(streams)}
    assert {row["case"] for row in said["rows"]} == {case.name for case in SMALL}
    base = [row for row in said["rows"] if row["method"] == "base"]
    assert all(row["broken"]["mean"] == 0 and row["above_base"]["mean"] == 0 for row in base)
    assert {one["method"] for one in said["requirements"]} >= {"ours", "nearest"}
    assert all(one["ours"] is not None for one in said["contests"])


def test_one_method_beside_the_base_is_one_table_with_a_column_for_each_stream(tmp_path: Path) -> None:
    zero = Measured(**dict.fromkeys(asdict(measure(run_of(HELD))), 0.0))
    results = results_of({"base": zero, "ours": replace(zero, above_base=0.12)})
    missing = Key("c", PLAIN[0].name, "ours")
    del results[missing]
    plan = Plan(tmp_path, ("a", "b", "c"), (0, 1, 2), tuple(PLAIN), 100)
    said = section(plan, "small", results, PLAIN, judge(results, PLAIN), contests(results, "ours"))
    assert "### Ours\n\n| cell | a | b | c |\n" in said
    assert "| rate 0.1, flips 0 | +12.0 / 0.0 | +12.0 / 0.0 | - |" in said
    assert "Who is best" not in said
