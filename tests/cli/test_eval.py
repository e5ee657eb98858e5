"""server/cli/eval.py: the measurement of a checkout runs, and elsewhere it is said where to go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server.cli import eval as verb
from server.cli import main

ROOT = Path(__file__).resolve().parents[2]


def test_options_go_to_the_measurement(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("LEASTWARD_DATA", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(ROOT)
    assert main(["eval", "lisa", "--quick"]) == 2
    assert "name the data folder with --data or LEASTWARD_DATA" in capsys.readouterr().err


def test_elsewhere_it_is_said_where_to_go(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verb, "find_spec", lambda name: None)
    assert main(["eval", "lisa"]) == 2
    assert "run from a checkout" in capsys.readouterr().err


def test_a_measurement_that_there_is_not_is_refused() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["eval", "nothing"])
