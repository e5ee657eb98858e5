"""The command line in an empty folder, with the files that a case brings: in this process, or started as people do."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.cli import main

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "import sys; from server.cli import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True)
class Ended:
    exit: int
    stdout: str
    stderr: str


Leastward = Callable[..., Ended]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEASTWARD_", "NO_COLOR"))}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


@pytest.fixture
def command() -> list[str]:
    """What starts the command line, for tests that hold the process themselves."""
    return [sys.executable, "-c", SCRIPT]


@pytest.fixture
def leastward(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Leastward:
    """`leastward("check", "a.lw", stdin=..., files={...})`, run to its end in the test's own folder.

    In this process: starting Python and importing the language anew for every case would take longer than all else.
    """

    def run(*args: str, stdin: str = "", files: dict[str, str] | None = None) -> Ended:
        for name, text in (files or {}).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        for name in os.environ.keys() - environment().keys():
            monkeypatch.delenv(name)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        try:
            code = main(args)
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run
