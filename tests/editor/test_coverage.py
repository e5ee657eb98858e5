"""server/cli/coverage.py and test.py: what the tests of a policy leave out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guardrail import run_tests
from policy_dsl import compile_policy, parse, policy_set
from server.cli import main
from server.cli.coverage import WatchedGuard

POLICY = """\
language 1

allow pay(to, amount, note?) as pay when amount <= 5 and (missing note or note == "x")

forbid pay as never unless amount < 100

ask pay(to, amount, tags?) as big when (has tags and each of tags in { "a" }) or amount > 5

allow idle()

limit pay to 2 released per session as few

test "small sums" {
  call pay(to: "a", amount: 1) => allow by pay
  call pay(to: "a", amount: 9) => ask by big
  call pay(to: "a", amount: 100) => forbid by never
  call pay(to: "a", amount: "b") => forbid
}
"""


def _covered(text: str) -> dict[str, Any]:
    policy = policy_set([parse(text, "p.lw")])
    guard = WatchedGuard(compile_policy(policy))
    assert [outcome.got.reason for outcome in run_tests(policy, guard) if not outcome.passed] == []
    return {rule.id: rule for rule in guard.coverage().rules}


def test_what_rules_and_their_tests_came_to() -> None:
    rules = _covered(POLICY)
    assert {id: (rule.fits, rule.matched, rule.decided) for id, rule in rules.items()} == {
        "big": (4, 2, 1),
        "few": (4, 0, 0),
        "never": (4, 2, 2),
        "p:9": (0, 0, 0),
        "pay": (4, 1, 1),
    }
    counted = [(leaf.text, leaf.true, leaf.false, leaf.error) for leaf in rules["pay"].leaves]
    assert counted == [("amount <= 5", 1, 2, 1), ("missing note", 4, 0, 0), ('note == "x"', 0, 0, 4)]
    assert [leaf.gap for leaf in rules["pay"].leaves] == [
        "",
        "3:59 missing note: never false",
        '3:75 note == "x": never true',
    ]
    assert [leaf.text for leaf in rules["few"].leaves] == []


def test_points_add_up() -> None:
    policy = policy_set([parse(POLICY, "p.lw")])
    guard = WatchedGuard(compile_policy(policy))
    assert guard.coverage().points == 0
    run_tests(policy, guard)
    covered = guard.coverage()
    assert covered.of == (1 + 6) + (1 + 2) + (1 + 6) + 1 + 1
    assert covered.points == (1 + 4) + (1 + 2) + (1 + 4)
    assert covered.percent == pytest.approx(100 * 13 / 19)
    assert WatchedGuard(compile_policy(policy_set([]))).coverage().percent == 100


def test_a_watched_guard_decides_as_any_other() -> None:
    text = Path(__file__).parents[2] / "examples" / "agentdojo" / "slack.lw"
    policy = policy_set([parse(text.read_text(encoding="utf-8"), "slack.lw")])
    from guardrail import Guard

    program = compile_policy(policy)
    plain = [(one.got, one.span) for one in run_tests(policy, Guard(program))]
    assert [(one.got, one.span) for one in run_tests(policy, WatchedGuard(program))] == plain
    assert plain


def test_the_command_says_it_to_people_and_to_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.lw"
    path.write_text(POLICY, encoding="utf-8")
    assert main(["test", str(path), "--coverage"]) == 0
    said = capsys.readouterr().out
    assert "3:59 missing note: never false" in said
    assert "68 % covered: 13 of 19" in said
    assert main(["test", str(path), "--fail-under", "68"]) == 0
    assert main(["test", str(path), "--fail-under", "69"]) == 1
    capsys.readouterr()
    assert main(["test", str(path), "--coverage", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)["coverage"]
    assert (document["points"], document["of"]) == (13, 19)
    assert document["rules"][-1]["leaves"][0] == {
        "text": "amount <= 5", "line": 3, "column": 42, "true": 1, "false": 2, "error": 1,
    }  # fmt: skip
    assert main(["test", str(path)]) == 0
    assert "covered" not in capsys.readouterr().out


@pytest.mark.parametrize("share", ["-1", "101", "x"])
def test_a_share_that_is_none(share: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["test", str(tmp_path / "p.lw"), "--fail-under", share])
