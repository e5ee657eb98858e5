"""Every target of the Makefile names files and modules that exist."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_modules_that_targets_run_exist() -> None:
    modules = re.findall(r"python -m ([a-z_.]+)|from ([a-z_.]+) import", TEXT)
    named = {module or imported for module, imported in modules} - {"venv", "pip"}
    assert {"evals.bench", "server.cli.page"} <= named
    assert [name for name in sorted(named) if find_spec(name) is None] == []


def test_scripts_that_targets_run_exist() -> None:
    scripts = re.findall(r"(?<![\w./])(tests/[\w/]+\.(?:py|sh))", TEXT)
    assert len(scripts) == 6
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
