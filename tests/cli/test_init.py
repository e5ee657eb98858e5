"""server/cli/init.py: what it writes is in order by the house's own checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.settings import load_settings


def test_what_init_writes_checks_passes_its_tests_and_is_in_form(leastward: Callable[..., Any], tmp_path: Path) -> None:
    assert leastward("init").exit == 0
    assert leastward("check", "first.lw").exit == 0
    assert leastward("test", "first.lw").exit == 0
    assert leastward("fmt", "--check", "first.lw").exit == 0
    assert load_settings(tmp_path / "leastward.yaml", {}).upstreams["main"].url == "http://127.0.0.1:8000/v1"
