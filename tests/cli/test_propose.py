"""server/cli/propose.py: the verb, its output and its exit codes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from policy_dsl import parse
from server.cli import main
from server.propose import is_narrower

POLICY = 'language 1\nuse tools "tools.json"\nallow pay(to) as pay\nallow look() as look\n'
TOOLS = [
    {
        "name": "pay",
        "inputSchema": {
            "type": "object",
            "properties": {"to": {"type": "string", "description": "IBAN"}},
            "required": ["to"],
        },
    },
    {"name": "look", "inputSchema": {"type": "object", "properties": {}}},
]
REQUEST = "Pay DE02120300000000202051."


@pytest.fixture
def policy(tmp_path: Path) -> str:
    (tmp_path / "tools.json").write_text(json.dumps(TOOLS))
    (tmp_path / "bank.lw").write_text(POLICY)
    return str(tmp_path / "bank.lw")


def test_the_policy_alone_goes_to_stdout(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["propose", "-p", policy, REQUEST]) == 0
    printed = capsys.readouterr()
    assert is_narrower(parse(printed.out, "draft.lw"))
    assert "DE02120300000000202051" in printed.out
    assert "loads" in printed.err


def test_as_json(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["propose", "-p", policy, "--entities", "--json", REQUEST]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["proposer"]) == ("loads", "entities")
    assert document["restrictions"] == [{"kind": "values", "tools": ["pay"], "provenance": "DE02120300000000202051"}]


def test_the_request_may_come_from_a_pipe(
    policy: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(REQUEST))
    assert main(["propose", "-p", policy, "-"]) == 0
    assert "DE02120300000000202051" in capsys.readouterr().out


def test_a_model_that_is_away_is_no_draft(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["propose", "-p", policy, "--model", "", REQUEST]) == 1
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--base-url", "http://127.0.0.1:9"], ["--model", "m", "--entities"]])
def test_options_that_contradict_each_other(policy: str, options: list[str]) -> None:
    try:
        code = main(["propose", "-p", policy, *options, REQUEST])
    except SystemExit as usage:
        code = int(usage.code or 0)
    assert code == 2


def test_without_tools_there_is_nothing_to_restrict(tmp_path: Path) -> None:
    (tmp_path / "bare.lw").write_text("language 1\nallow pay(to)\n")
    assert main(["propose", "-p", str(tmp_path / "bare.lw"), REQUEST]) == 2
