"""`leastward diff` from outside (server/cli/diff.py, server/cli/flips.py)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from policy_dsl import parse, policy_set

OLD = "language 1\n\nallow pay(to, amount) as pay when amount <= 10\n\nallow look(...)\n"
NARROWER = "language 1\n\nallow pay(to, amount) as pay when amount <= 5\n\nallow look(...)\n"
WIDER = OLD.replace("amount <= 10", "amount <= 10 or amount == 12.5")
LOG = "\n".join(
    [
        '{"tool": "pay", "args": {"to": "a", "amount": 5}}',
        '{"tool": "pay", "args": {"to": "a", "amount": 7}, "session": "s"}',
        '{"user": "pay it"}',
        '{"tool": "look", "args": {}}',
        "no line",
    ]
)
FILES = {"old.lw": OLD, "narrower.lw": NARROWER, "wider.lw": WIDER, "log.jsonl": LOG}


def test_narrower_is_fine(leastward: Callable[..., Any]) -> None:
    ended = leastward("diff", "old.lw", "narrower.lw", files=FILES)
    assert ended.exit == 0, ended.stderr
    assert "NEW is narrower than OLD" in ended.stdout
    assert "=> forbid  # was allow" in ended.stdout


def test_equal_is_fine(leastward: Callable[..., Any]) -> None:
    ended = leastward("diff", "old.lw", "old.lw", files=FILES)
    assert (ended.exit, ended.stdout.splitlines()[-1]) == (0, "NEW and OLD grant the same")


def test_wider_is_a_problem_with_a_call_for_a_test_block(leastward: Callable[..., Any], tmp_path: Path) -> None:
    ended = leastward("diff", "old.lw", "wider.lw", files=FILES)
    assert ended.exit == 1
    [line] = [line.strip() for line in ended.stdout.splitlines() if "# was forbid" in line]
    assert "amount: 12.5" in line
    policy = policy_set([parse(f'{WIDER}\ntest "of diff" {{\n  {line}\n}}\n')])
    assert [test.title for test in policy.tests] == ["of diff"]


def test_json_and_traffic(leastward: Callable[..., Any]) -> None:
    ended = leastward("diff", "old.lw", "narrower.lw", "--traffic", "log.jsonl", "--json", files=FILES)
    assert ended.exit == 0
    document = json.loads(ended.stdout)
    assert document["widens"] is False
    assert document["narrows"] is True
    assert {tool["tool"]: tool["relation"] for tool in document["tools"] if tool["named"]} == {
        "look": "equal",
        "pay": "narrower",
    }
    traffic = document["traffic"]
    assert (traffic["calls"], traffic["bad_lines"], traffic["counts"]) == (3, 1, {"allow -> forbid": 1})
    assert [(flip["line"], flip["session"], flip["old"]["rule"]) for flip in traffic["flips"]] == [(2, "s", "pay")]


def test_traffic_for_people(leastward: Callable[..., Any]) -> None:
    ended = leastward("diff", "old.lw", "narrower.lw", "--traffic", "log.jsonl", files=FILES)
    assert "traffic: 3 calls, 1 come out otherwise" in ended.stdout
    assert "line 2: pay: allow (pay) -> forbid (no-rule)" in ended.stdout


def test_traffic_that_a_judge_would_be_asked_about(leastward: Callable[..., Any]) -> None:
    files = {
        **FILES,
        "judged.lw": OLD.replace("allow pay(to, amount) as pay", "allow pay(to, amount) as pay subject to judge"),
    }
    assert files["judged.lw"] != OLD
    ended = leastward("diff", "old.lw", "judged.lw", "--traffic", "log.jsonl", files=files)
    assert "  2 of them a rule grants subject to a judge, who is not asked here: they count as refused" in ended.stdout
    ended = leastward("diff", "old.lw", "judged.lw", "--traffic", "log.jsonl", "--json", files=files)
    assert json.loads(ended.stdout)["traffic"]["unjudged"] == 2


def test_folders(leastward: Callable[..., Any], tmp_path: Path) -> None:
    for name, text in (("old", OLD), ("new", NARROWER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.lw").write_text(text, encoding="utf-8")
    assert leastward("diff", "old", "new").exit == 0
    (tmp_path / "empty").mkdir()
    ended = leastward("diff", "old", "empty")
    assert (ended.exit, "there is no `.lw` file in empty" in ended.stderr) == (1, True)


def test_a_log_that_is_not_there(leastward: Callable[..., Any]) -> None:
    ended = leastward("diff", "old.lw", "old.lw", "--traffic", "none.jsonl", files=FILES)
    assert ended.exit == 1
    assert "none.jsonl cannot be read" in ended.stderr


CEILING = "\nlearnable pay(to, amount) as more when amount <= 20\n"
LEARNED = """language 1

learned allow pay(...) as L-7d1f0a93c2
  when to == "ann"
  evidence 23 for, 1 against, 6 reporters; bound 0.91 >= 0.9 (eprocess, 5%); e-value 41; support 0.3; state active
"""


def test_what_memory_may_open(leastward: Callable[..., Any]) -> None:
    """A ceiling that rises widens, though nothing is granted yet; no `test` block could ask for it."""
    files = {**FILES, "more.lw": OLD + CEILING}
    ended = leastward("diff", "old.lw", "more.lw", files=files)
    assert (ended.exit, ended.stdout.splitlines()[-1]) == (1, "NEW grants what OLD did, and memory may open more")
    assert "memory may now open" in ended.stdout
    assert "# allow at most, was forbid at most" in ended.stdout
    assert "=>" not in ended.stdout
    back = leastward("diff", "more.lw", "old.lw", files=files)
    assert back.exit == 0
    assert "memory may no longer open" in back.stdout
    document = json.loads(leastward("diff", "old.lw", "more.lw", "--json", files=files).stdout)
    assert [(one["tool"], one["relation"]) for one in document["ceilings"]] == [("pay", "wider")]
    assert document["widens"] is True


def test_what_was_learned_beside_the_written_policy(leastward: Callable[..., Any], tmp_path: Path) -> None:
    for folder, files in (
        ("policy", {"p.lw": OLD + CEILING}),
        ("with", {"p.lw": OLD + CEILING, "learned.lw": LEARNED}),
    ):
        (tmp_path / folder).mkdir()
        for name, text in files.items():
            (tmp_path / folder / name).write_text(text, encoding="utf-8")
    ended = leastward("diff", "policy", "with")
    assert ended.exit == 1
    assert 'call pay(to: "ann"' in ended.stdout
    assert "=> allow  # was forbid" in ended.stdout
    assert "memory may" not in ended.stdout


def test_a_judge_is_shown_in_the_words_of_the_rule(leastward: Callable[..., Any]) -> None:
    """A grant that is subject to him is less than one that is not, and the line says so; a `test` block takes it."""
    judged = OLD.replace("as pay ", "as pay subject to judge ")
    files = {**FILES, "judged.lw": judged}
    ended = leastward("diff", "judged.lw", "old.lw", files=files)
    [line] = [line.strip() for line in ended.stdout.splitlines() if line.strip().startswith("call pay(")]
    assert (ended.exit, line.endswith("=> allow  # was allow, subject to judge")) == (1, True)
    assert [test.title for test in policy_set([parse(f'{OLD}\ntest "of diff" {{\n  {line}\n}}\n')]).tests]
    ended = leastward("diff", "old.lw", "judged.lw", files=files)
    [line] = [line.strip() for line in ended.stdout.splitlines() if line.strip().startswith("call pay(")]
    assert (ended.exit, line.endswith("=> allow  # subject to judge, was allow")) == (0, True)
    document = json.loads(leastward("diff", "old.lw", "judged.lw", "--json", files=files).stdout)
    [pay] = [one for one in document["tools"] if one["tool"] == "pay"]
    example = pay["narrowing"]["allowed"]["counterexample"]
    assert (example["old"]["subject"], example["new"]["subject"]) == (None, "judge")


def test_memory_over_a_judge_is_shown_in_the_words_of_the_rule(leastward: Callable[..., Any]) -> None:
    judged = OLD.replace("as pay ", "as pay subject to judge ")
    files = {**FILES, "judged.lw": judged, "learns.lw": judged.replace("judge ", "judge, learnable ")}
    ended = leastward("diff", "judged.lw", "learns.lw", files=files)
    assert "# allow at most, was allow at most, subject to judge" in ended.stdout
