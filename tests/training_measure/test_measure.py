"""training/measure/counting.py, arms.py, baselines.py, tree.py, results.py, plots.py, __main__.py: counts by hand."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from policy_dsl import strict_json
from training import Data, DataError, Example, Reward, completion, write
from training.cases import Knobs, of_knobs
from training.measure import (
    ARMS,
    Counts,
    Majority,
    Results,
    TreeBaseline,
    cases_of,
    counted,
    read_results,
    shares,
    tables,
)
from training.measure.__main__ import asked, main
from training.measure.arms import named
from training.measure.plots import bars, curves
from training.measure.tree import grow, told


@pytest.fixture(scope="module")
def data() -> Data:
    return of_knobs(Knobs(environment=1, tasks=1, arguments=1, depth=2), 7, versions=2, train=300, test=60)


@pytest.fixture(scope="module")
def reward(data: Data) -> Reward:
    return Reward.of(data)


def said(example: Example, **members: object) -> str:
    answer = {**strict_json.parse_object(example.answer), **members}
    return f"<think>x</think>\n{strict_json.encode(answer).decode()}"  # type: ignore[arg-type]  # JSON by construction


def test_right_answers_are_counted_right(data: Data, reward: Reward) -> None:
    counts = counted(data.test, [completion(one) for one in data.test], reward)
    found = counts["all"]
    assert (found.asked, found.form, found.effect, found.rule, found.exact) == (60,) * 5
    assert (found.false_allow, found.false_deny) == (0, 0)
    assert found.granted + found.withheld == 60
    assert counts["depth 2"] == counts["level L2"] == found
    assert sum(one.asked for name, one in counts.items() if name.startswith("policy ")) == 60


def test_what_is_wrong_is_counted_by_what_it_costs(data: Data, reward: Reward) -> None:
    allowed = next(one for one in data.test if one.effect == "allow")
    refused = next(one for one in data.test if one.effect == "forbid")
    cases = [allowed] * 4 + [refused] * 3
    call = strict_json.parse_object(allowed.answer)["call"]
    answers = [
        said(allowed, effect="ask"),
        said(allowed, rule="other"),
        said(allowed, call={**call, "args": {}}),  # type: ignore[dict-item]  # a call is an object
        "nonsense",
        said(refused, effect="allow", call=refused.call),
        said(refused, effect="ask"),
        "",
    ]
    found = counted(cases, answers, reward)["all"]
    assert found == Counts(
        asked=7, form=5, effect=2, rule=1, exact=0, withheld=3, false_allow=1, granted=4, false_deny=2
    )


def test_every_arm_asks_what_it_names(data: Data) -> None:
    for arm in ARMS:
        found = cases_of(arm, data, 5)
        assert len(found) == (0 if arm.cases == "unseen" else 5), arm
    assert [arm.name for arm in named(["none", "identifier"])] == ["identifier", "none"]
    with pytest.raises(DataError, match="`magic` is no arm"):
        named(["magic"])


def test_arms_hand_prompts_in_their_view_to_who_answers(data: Data) -> None:
    prompts: list[str] = []

    def answers(asked_with: object) -> list[str]:
        prompts.extend(asked_with)  # type: ignore[arg-type]  # a sequence of texts
        return [completion(one) for one in data.test[:3]]

    found = asked(named(["document", "none"]), data, answers, 3)
    assert {name: counts["all"].exact for name, counts in found.items()} == {"document": 3, "none": 3}
    assert all(data.documents[one.policy] in text for one, text in zip(data.test, prompts[:3], strict=False))
    assert not any("Policy:" in text for text in prompts[3:])


def test_the_tree_finds_thresholds_words_and_missing_fields() -> None:
    rows = [{"n": n, "w": w} if w else {"n": n} for n in range(20) for w in ("a", "b", "")]
    labels = ["low" if row["n"] <= 7 else ("a" if row.get("w") == "a" else "rest") for row in rows]  # type: ignore[operator]  # numbers
    tree = grow(rows, labels)
    assert (tree.field, tree.value) == ("n", 7.5)
    assert [told(tree, row) for row in rows] == labels
    assert told(grow([{"x": 1}], ["one"]), {}) == "one"


def test_the_tree_knows_small_policies_and_majority_earns_nothing(data: Data, reward: Reward) -> None:
    tree = counted(data.test, TreeBaseline(data.train)(data.test), reward)["all"]
    majority = counted(data.test, Majority(data.train)(data.test), reward)["all"]
    assert tree.effect >= 57
    assert tree.exact == tree.rule
    assert majority.form == 60
    assert majority.effect <= 30


def results_of(name: str, right: int, of: int) -> Results:
    counts = Counts(asked=of, form=of, effect=right, rule=right, exact=right, withheld=of)
    return Results(name=name, made={"seed": 0}, arms={"identifier": {"all": counts, "policy <|policy:p@1|>": counts}})


def test_tables_give_intervals_for_one_run_and_the_range_of_several() -> None:
    one, several = results_of("a", 9, 10), [results_of("b", 5, 10), results_of("b", 7, 10)]
    text = tables([one, *several])
    assert "| a | the identifier alone | 10 | 100.0% [72.2, 100.0] | 90.0% [59.6, 98.2] |" in text
    assert "| b | the identifier alone | 10 | 100.0% (100.0 to 100.0) | 60.0% (50.0 to 70.0) |" in text
    assert text.count("\n| --- ") == 1, "no table without rows"
    claimed = {"effect": (9, 10), "rule": (9, 10), "exact": (9, 10), "false-allow": (0, 10), "false-deny": (0, 0)}
    assert shares(one) == {"<|policy:p@1|>": claimed}


def test_results_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(msgspec.json.encode(results_of("a", 1, 2)))
    assert read_results(path) == results_of("a", 1, 2)
    path.write_text(path.read_text().replace("results/1", "results/9"))
    with pytest.raises(DataError, match="another format"):
        read_results(path)
    path.write_text("{}")
    with pytest.raises(DataError, match="holds no results"):
        read_results(path)


def test_plots_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    lines = tmp_path / "metrics.jsonl"
    lines.write_text("".join(json.dumps({"step": step, "right": step / 3}) + "\n" for step in range(3)))
    curves({"grpo": [lines, lines]}, "right", tmp_path / "curves.png")
    bars([results_of("a", 9, 10)], "identifier", tmp_path / "bars.svg")
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in (tmp_path / "bars.svg").read_bytes()


def test_the_command_measures_baselines(data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "data", data)
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"data: {tmp_path / 'data'}\nstages: [{{kind: sft, steps: 1, rate: 0.1}}]\n")
    assert main([str(recipe), "--baselines", "--out", str(tmp_path / "b.json")]) == 0
    assert read_results(tmp_path / "b-decision-tree.json").arms["identifier"]["all"].asked == 60
    capsys.readouterr()
    assert main(["--tables", str(tmp_path / "b-majority.json")]) == 0
    assert capsys.readouterr().out.startswith("| model | asked with | n | form |")
    assert main([str(tmp_path / "none.yaml"), "--baselines"]) == 1
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2
