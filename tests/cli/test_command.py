"""server/cli/__init__.py: the process as people start it. Exit codes, pipes, and what is imported."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from server.cli import VERBS, main
from server.store import Store

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("lark", "re2", "fastapi", "uvicorn", "pydantic", "rich", "sqlite3", "openai", "policy_dsl", "guardrail")


@pytest.fixture
def variables() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def test_help_imports_nothing_that_takes_time(variables: dict[str, str]) -> None:
    script = (
        "import sys, contextlib\nfrom server.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=variables, timeout=60)
    assert ended.stdout.endswith("[]\n"), ended.stdout + ended.stderr
    for verb in VERBS:
        assert f"    {verb}" in ended.stdout


def test_decide_answers_each_line_before_the_next_one_comes(
    command: list[str], variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "a.lw").write_text("language 1\nallow look(...)\n")
    asked = [*command, "decide", "-p", "a.lw"]
    with subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables, cwd=tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for tool, effect in (("look", b"allow"), ("touch", b"forbid"), ("look", b"allow")):
            process.stdin.write(b'{"tool":"%s","args":{}}\n' % tool.encode())
            process.stdin.flush()
            assert process.stdout.readline().startswith(b'{"effect":"%s"' % effect)
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_a_reader_that_has_seen_enough_is_no_crash(
    command: list[str], variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "a.lw").write_text("language 1\nallow look(...)\n")
    asked = [*command, "decide", "-p", "a.lw"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(asked, env=variables, cwd=tmp_path, **pipes) as process:  # type: ignore[call-overload] # mypy does not follow **pipes
        process.stdout.close()
        process.stdin.write(b'{"tool":"look","args":{}}\n' * 10)
        process.stdin.close()
        assert process.wait(timeout=60) == 1
        assert b"Traceback" not in process.stderr.read()


def test_an_internal_error_has_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("server.cli.check.read_policies_or_fault", lambda *_: 1 / 0)
    assert main(["check", "a.lw"]) == 3
    assert "internal error" in capsys.readouterr().err


def test_too_long_a_line_is_a_bad_line_and_the_next_one_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import io

    monkeypatch.setattr("server.cli.decide.MAX_LINE", 100)
    (tmp_path / "a.lw").write_text("language 1\nallow look(...)\n")
    call = b'{"tool":"look","args":{}}\n'
    text = io.TextIOWrapper(io.BytesIO(b'{"tool":"look","args":{"x":"' + b"y" * 300 + b'"}}\n' + call))
    monkeypatch.setattr(sys, "stdin", text)
    assert main(["decide", "-p", str(tmp_path / "a.lw")]) == 1
    assert capsys.readouterr().out.splitlines() == [
        '{"effect":"forbid","reason":"bad-line"}',
        '{"effect":"allow","rule":"a:2","reason":"rule","rewritten":false,"errors":[]}',
    ]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"leastward.yaml": "mode: enforce\n", "a.lw": "language 1\nallow\n"}, ["a.lw:2:", "  2 | allow"]),
        (
            {"leastward.yaml": "mode: enforce\n", "a.lw": "language 1\nforbid pay when 1 > 2 and 2 > 3 and\n"},
            ["a.lw:2:"],
        ),
        ({"leastward.yaml": "listen: {prot: 1}\n", "a.lw": "language 1\n"}, ["listen.prot"]),
        ({"leastward.yaml": "mode: enforce\n"}, ["*.lw"]),
        (
            {"leastward.yaml": "judge: {classifier: {folder: nope}}\n", "a.lw": "language 1\n"},
            ["`judge`: `nope` holds no model"],
        ),
    ],
    ids=["policy", "policy-cut-short", "setting", "no-policy", "no-classifier"],
)
def test_serve_refuses_to_start_on_what_is_broken(
    command: list[str], variables: dict[str, str], tmp_path: Path, files: dict[str, str], says: list[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ended = subprocess.run([*command, "serve"], capture_output=True, text=True, env=variables, cwd=tmp_path, timeout=60)
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    for text in says:
        assert text in ended.stderr


def test_serve_says_why_it_cannot_listen(command: list[str], variables: dict[str, str], tmp_path: Path) -> None:
    """A port that is taken, and a database that another gate writes."""
    (tmp_path / "a.lw").write_text("language 1\n")
    with socket.create_server(("127.0.0.1", 0)) as taken, Store.open(tmp_path / "taken.db"):
        port = taken.getsockname()[1]
        for text, says in (
            ("database: none/a.db\n", "`none/a.db` cannot be made: no such file or directory"),
            (f"listen: {{port: {port}}}\n", f"`listen`: 127.0.0.1:{port} cannot be bound: Address already in use"),
            ("listen: {port: 0}\ndatabase: taken.db\n", "another process writes records into `taken.db`"),
        ):
            (tmp_path / "leastward.yaml").write_text(text)
            ended = subprocess.run(
                [*command, "serve"], capture_output=True, text=True, env=variables, cwd=tmp_path, timeout=60
            )
            assert ended.returncode == 1, ended.stderr
            assert ended.stderr.splitlines()[-1].startswith("leastward serve: ")
            assert says in ended.stderr.splitlines()[-1]
