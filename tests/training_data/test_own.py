"""training/cases/own.py and satisfying.py: cases of one's own policies, and training/cases/__main__.py."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from policy_dsl import Compare, compile_policy, parse, policy_set
from training import DataError, Reward, completion, read, write
from training.cases import Engine, of_policies
from training.cases.__main__ import main
from training.cases.satisfying import World

ROOT = Path(__file__).resolve().parents[2]
BANKING = str(ROOT / "examples/agentdojo/banking.lw")


def test_cases_of_an_example_policy_are_labelled_balanced_and_split() -> None:
    data = of_policies([BANKING], seed=1, train=60, test=30)
    effects = Counter(example.effect for example in data.train)
    assert len(effects) == 3
    assert len(set(effects.values())) == 1
    engine = Engine.of_files([BANKING])
    for example in data.train[:40]:
        label = engine.label(example.call, example.context)
        assert (label.effect, label.rule, label.answer()) == (example.effect, example.rule, example.answer)
    assert not {example.question for example in data.train} & {example.question for example in data.test}
    reward = Reward({next(iter(data.policies)): engine})
    assert all(reward(example, completion(example)).total == pytest.approx(1.0) for example in data.test)


def test_a_folder_of_a_policy_of_several_files_is_judged_as_the_files_are(tmp_path: Path) -> None:
    """bank.lw imports spending.lw, and a rule without a name is known by its file and line."""
    unnamed = tmp_path / "mine.lw"
    unnamed.write_text("language 1\n\nallow pay(amount) when amount <= 5\n")
    for path in (str(ROOT / "examples/payments/bank.lw"), str(unnamed)):
        data = of_policies([path], train=20, test=6)
        write(tmp_path / "out", data)
        reward = Reward.of(read(tmp_path / "out"))
        assert data.train
        for example in [*data.train, *data.test]:
            assert reward(example, completion(example)).total == pytest.approx(1.0)


POLICY = """language 1
set payees = { "ann", "bob" }
allow pay(amount, to) as small when amount > 10 and amount <= 500 and to in payees
ask pay(amount, to) as large when amount in 501 .. 900 and (to in payees or claim "tier" == "gold")
forbid pay as twice when after released pay(to == call.to)
allow note(text) as note when text starts with "re:" and principal has role "clerk"
allow run(command) as run when command runs one of { "ls", "cat" }
allow send(to, files) as send when to in mail at { "acme.com" } and each of files under "/data"
allow tell(text) as tell when text from user and length of text <= 40
"""


def test_both_sides_of_every_test_of_a_varied_policy_are_met(tmp_path: Path) -> None:
    path = tmp_path / "mine.lw"
    path.write_text(POLICY)
    data = of_policies([str(path)], seed=2, train=400, test=100)
    assert data.manifest["one-sided"] == {}
    decided = {example.rule for example in [*data.train, *data.test]}
    assert {"small", "large", "twice", "note", "run", "send", "tell"} <= decided
    amounts = {example.call["args"].get("amount") for example in [*data.train, *data.test]}
    assert {10, 500, 501, 900} <= amounts


def test_what_no_case_saw_on_both_sides_stands_in_the_manifest(tmp_path: Path) -> None:
    path = tmp_path / "mine.lw"
    path.write_text("language 1\nallow get(id) as hard when id matches /[a-f]{7}[0-9]+z/\nallow note(text) as note\n")
    data = of_policies([str(path)], train=20, test=5)
    assert list(data.manifest["one-sided"]) == ["hard"]


def test_a_world_brings_about_what_is_wished() -> None:
    """Each rule of the varied policy is reached from its condition alone."""
    policy = policy_set([parse(POLICY, "mine.lw")])
    engine = Engine(policy)
    for name, rule in policy.rules.items():
        if rule.when is None or rule.effect == "forbid":
            continue
        reached = set()
        for seed in range(10):
            world = World(policy, random.Random(seed))
            world.wish(rule.when, True)
            call = {"tool": rule.tools[0].tool, "args": world.arguments}  # type: ignore[union-attr]  # a resolved pattern
            reached.add(engine.label(call, world.context()).rule)
        assert name in reached


def test_boundaries_stand_on_the_right_side() -> None:
    policy = policy_set([parse("language 1\nallow pay(amount) as a when amount <= 500\n", "mine.lw")])
    rule = policy.rules["a"]
    assert isinstance(rule.when, Compare)
    decide = compile_policy(policy).decide
    for seed in range(20):
        for truth in (True, False):
            world = World(policy, random.Random(seed))
            world.wish(rule.when, truth)
            assert (decide("pay", world.arguments).effect == "allow") is truth


def test_a_policy_that_does_not_check_makes_no_data(tmp_path: Path) -> None:
    path = tmp_path / "mine.lw"
    path.write_text('language 1\nuse tools "no.json"\n')
    with pytest.raises(DataError, match=r"cannot be used: .*mine\.lw:2"):
        of_policies([str(path)])
    path.write_text("language 1\n")
    with pytest.raises(DataError, match="no call was found"):
        of_policies([str(path)])


def test_the_command_writes_a_folder_and_tells_what_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["--out", out, "--seed", "3", "--train", "60", "--test", "20"]) == 0
    assert capsys.readouterr().out.startswith("train 60, test 20, override 20, ")
    assert len(read(out).train) == 60
    assert main(["--out", out, "--policy", BANKING, "--train", "30", "--test", "9"]) == 0
    assert main(["--out", out, "--depth", "9"]) == 1
    assert capsys.readouterr().err == "error: `depth` is `9`, and it goes from 1 to 4\n"
    assert main(["--bench", "--train", "30"]) == 0
    assert "cases/s of one core" in capsys.readouterr().out
