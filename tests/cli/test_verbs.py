"""The verbs of server/cli (check, fmt, test, decide, explain, init) from outside: arguments and stdin in, exit code and
output out. tests/cli/verbs.yaml holds the cases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CASES = yaml.safe_load((Path(__file__).parent / "verbs.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["note"] for case in CASES])
def test_verb(case: dict[str, Any], leastward: Callable[..., Any], tmp_path: Path) -> None:
    ended = leastward(*case["args"], stdin=case.get("stdin", ""), files=case.get("files"))
    assert ended.exit == case["exit"], ended.stderr
    if "stdout" in case:
        assert ended.stdout == case["stdout"]
    if "--json" in case["args"]:
        json.loads(ended.stdout)
    for text in case.get("stdout_has", ()):
        assert text in ended.stdout
    for text in case.get("stderr_has", ()):
        assert text in ended.stderr
    for name, text in case.get("left", {}).items():
        assert (tmp_path / name).read_text() == text
