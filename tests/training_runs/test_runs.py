"""training/runs/plans.py, running.py and __main__.py: plans hold together, are carried out and taken up again."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from training.cases import Knobs  # after the skip
from training.measure import read_results
from training.measure.arms import named
from training.recipe import ModelPart, StagePart
from training.runs import PLANS, Plan, carry_out, smoke, summed_up
from training.runs.__main__ import main

_SHELLS = Path(__file__).parents[2] / "training" / "runs"


@pytest.mark.parametrize("name", sorted(PLANS))
@pytest.mark.parametrize("small", [False, True])
def test_every_number_of_a_plan_has_a_place_in_a_recipe(name: str, small: bool) -> None:
    plan = smoke(PLANS[name]) if small else PLANS[name]
    sizes = {"policies", "versions", "train", "test"}
    Knobs(**{knob: value for knob, value in plan.data.items() if knob not in sizes})
    arms = [arm for arms in plan.steps.values() for arm in arms]
    assert len({arm.name for arm in arms}) == len(arms)
    for arm in arms:
        named(arm.measured)
        msgspec.convert({**(arm.model or plan.model)}, ModelPart)
        stages = [msgspec.convert(dict(stage), StagePart) for stage in arm.stages]
        shown = any(stage.in_view or stage.kind == "distillation" for stage in stages)
        taught = any(stage.views.get("document") for stage in stages if stage.kind == "sft")
        assert taught or not shown, "a model that was shown no document learns nothing from one"


def _small() -> Plan:
    plan = smoke(PLANS["cpu"])
    arms = tuple(replace(arm, measured=("identifier",), is_timed=False) for arm in plan.steps[1][1:3])
    return replace(plan, steps={1: arms})


def test_a_plan_is_carried_out_and_what_is_done_is_read_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = carry_out(_small(), 1, tmp_path)
    assert [one.name for one in first] == ["majority", "decision tree on fields", "SFT", "SFT, GRPO"]
    assert all(one.arms["identifier"]["all"].asked == 4 for one in first)
    shared = [tmp_path / "runs" / arm / "0-sft" / "checkpoint-00000001.pt" for arm in ("sft-0", "sft-grpo-0")]
    assert shared[0].samefile(shared[1]), "the second arm goes on from what the first trained"
    capsys.readouterr()
    assert carry_out(_small(), 1, tmp_path) == first
    assert capsys.readouterr().err.count("measured before") == 2
    assert "| SFT, GRPO | the identifier alone | 4 |" in summed_up(tmp_path)
    assert {one.name for one in tmp_path.glob("*.svg")} == {"arms.svg", "reward.svg", "right.svg"}
    assert read_results(tmp_path / "results" / "sft-0.json").made["stages"] == ["sft:1"]


def test_the_command_refuses_a_step_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["cpu", "--out", str(tmp_path), "--step", "9"])
    assert "has the steps 1, 2" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("shell", "given"), [("cpu.sh", ["--smoke"]), ("gpu.sh", [])])
def test_the_shells_run_every_step(shell: str, given: list[str], tmp_path: Path) -> None:
    before: list[Any] = ["all"] if shell == "gpu.sh" else []
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "SMOKE": "1", "HOME": str(tmp_path)}
    command = ["bash", str(_SHELLS / shell), *before, str(tmp_path / "out"), *given]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plan = PLANS[shell.removesuffix(".sh")]
    arms = [arm.name for arms in plan.steps.values() for arm in arms]
    assert all(f"| {name} |" in done.stdout for name in arms)
