"""The command line as people start it: a process of its own, in an empty folder, with the files that a case brings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

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
def leastward(command: list[str], tmp_path: Path) -> Leastward:
    """`leastward("check", "a.lw", stdin=..., files={...})`, run to its end in the test's own folder."""

    def run(*args: str, stdin: str | bytes = "", files: dict[str, str] | None = None) -> Ended:
        for name, text in (files or {}).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        ended = subprocess.run([*command, *args], input=data, capture_output=True, cwd=tmp_path, env=environment(), timeout=60)
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return run
