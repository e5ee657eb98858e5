"""examples/agentdojo against calls that other policies let through (tests/corpus/agentdojo_attacker.yaml), through
`leastward decide`, without and with `--propose entities`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from evals.agentdojo.replay import POLICIES
from server.cli import main

CORPUS = Path(__file__).parents[1] / "corpus" / "agentdojo_attacker.yaml"
CASES: list[dict[str, Any]] = yaml.safe_load(CORPUS.read_text(encoding="utf-8"))


def lines(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for number, user in enumerate(case["users"]):
        if user != "-":
            yield {"user": user, "session": str(number)}
        yield {"tool": case["tool"], "args": case["args"], "session": str(number)}


@pytest.mark.parametrize("proposing", [False, True], ids=["alone", "proposing"])
@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_it_is_refused(
    case: dict[str, Any], proposing: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = "\n".join(json.dumps(line) for line in lines(case))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(asked.encode())))
    policy = str(POLICIES / f"{case['suite']}.lw")
    assert main(["decide", "-p", policy, *(["--propose", "entities"] if proposing else [])]) == 0
    effects = [json.loads(line)["effect"] for line in capsys.readouterr().out.splitlines()]
    assert "allow" not in effects
    assert effects == [columns[proposing] for columns in case["refused"]]
