"""server/cli/approve.py and remote.py: `leastward approve` against a gate on a socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from server import cli


class Ended(NamedTuple):
    exit: int
    stdout: str
    stderr: str


@pytest.fixture
def approve(
    answering: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """`approve(*arguments, who=)` with that one's key in the environment."""
    monkeypatch.setattr(cli, "VERBS", tuple(dict.fromkeys((*cli.VERBS, "approve"))))

    def run(*arguments: str, who: str = "ada") -> Ended:
        monkeypatch.setenv("LEASTWARD_KEY", answering.keys[who])
        code = cli.main(["approve", *arguments, "--url", f"http://127.0.0.1:{answering.port}"])
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run


def test_list_show_approve(answering: Any, approve: Callable[..., Ended]) -> None:
    assert "no call waits for a person" in approve().stdout
    name = answering.ask(5, note="\x1b[2Jlunch").approval.id
    listed = approve("--list")
    assert listed.exit == 0
    assert name in listed.stdout
    shown = approve("--list", name).stdout
    assert '  note = "\\u001b[2Jlunch"' in shown
    assert "the rule says: Pay 5?" in shown
    assert "note: `note` holds characters that do not show" in shown
    assert "\x1b" not in shown
    assert answering.ask(5, note="\x1b[2Jlunch").said == "needs-approval"
    done = approve(name, "--because", "I know them")
    assert done.exit == 0
    assert f'{name} is approved: send_money(amount = 5, note = "\\u001b[2Jlunch")' in done.stdout
    assert "ada: I know them" in approve("--list", name).stdout
    assert answering.ask(5, note="\x1b[2Jlunch").said == "released"


def test_deny_several_as_json(answering: Any, approve: Callable[..., Ended]) -> None:
    names = [answering.ask(amount).approval.id for amount in (1, 2)]
    tree = json.loads(approve("--json").stdout)
    assert {one["id"] for one in tree["pending"]} == set(names)
    answered = json.loads(approve(*names, "--deny", "--json").stdout)
    assert [(one["id"], one["state"]) for one in answered["approvals"]] == [(name, "denied") for name in names]
    assert answering.ask(1).said == "approval-denied"


def test_what_the_gate_refuses_is_said(answering: Any, approve: Callable[..., Ended]) -> None:
    name = answering.ask().approval.id
    for who, code in (("bot", "missing-scope"), ("eve", "unknown-approval"), ("bot-with-approve", "own-run")):
        ended = approve(name, who=who)
        assert ended.exit == 1
        assert f"leastward approve: {code}: " in ended.stderr


@pytest.mark.parametrize(
    ("url", "key", "code", "says"),
    [
        ("http://127.0.0.1:1", "lw-x", 1, "the gate at `http://127.0.0.1:1` cannot be asked: Connection refused; --u"),
        ("127.0.0.1:4747", "lw-x", 2, "`127.0.0.1:4747` is not the address of a gate, as `http://127.0.0.1:4747` is"),
        ("http://127.0.0.1:1", "", 2, "a key of the gate is needed, in the variable LEASTWARD_KEY or as --key"),
    ],
)
def test_a_gate_that_cannot_be_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, key: str, code: int, says: str
) -> None:
    monkeypatch.setenv("LEASTWARD_KEY", key)
    assert cli.main(["approve", "--url", url]) == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("{port: 1}", "http://127.0.0.1:1"),
        ("{host: 0.0.0.0, port: 2}", "http://127.0.0.1:2"),
        ('{host: "::", port: 3}', "http://[::1]:3"),
    ],
)
def test_the_gate_of_this_folder_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], listen: str, address: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEASTWARD_KEY", "lw-x")
    (tmp_path / "leastward.yaml").write_text(f"listen: {listen}\n")
    assert cli.main(["approve"]) == 1
    assert f"the gate at `{address}` cannot be asked: " in capsys.readouterr().err


def test_called_wrongly(approve: Callable[..., Ended]) -> None:
    unknown = "apr-" + "0" * 26
    for arguments in (["--deny"], ["--deny", "--list", unknown], ["../runs"], ["apr-1"], [unknown + "\n"]):
        assert approve(*arguments).exit == 2, arguments
