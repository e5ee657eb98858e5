"""server/adapters/answers.py and the package itself: what is told, and that no framework is loaded for it."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.adapters.answers import as_told, shown
from server.tool_gate import Released, ToolAnswer


@dataclass
class Pin:
    pin: str


class Opaque:
    def __str__(self) -> str:
        return "opaque"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("text", "text"),
        (None, None),
        ({"a": [1, True]}, {"a": [1, True]}),
        (Pin("1234"), {"pin": "1234"}),
        ({"of": Opaque()}, {"of": "opaque"}),
        ({1: "a"}, {"1": "a"}),
        (math.nan, "nan"),
    ],
)
def test_an_answer_is_told_as_its_json_or_its_text(value: Any, told: Any) -> None:
    assert as_told(value) == told


def test_what_is_not_redacted_stays_the_object_that_it_was() -> None:
    pin = Pin("1234")
    assert shown(pin, as_told(pin), Released(ToolAnswer({"pin": "1234"}), "dec-1")) is pin
    assert shown(pin, as_told(pin), Released(ToolAnswer({"pin": "****"}), "dec-1")) == {"pin": "****"}


def test_the_package_loads_no_framework() -> None:
    frameworks = ("agents", "claude_agent_sdk", "inspect_ai", "langchain", "langchain_core", "litellm", "pydantic_ai")
    code = f"import sys, server.adapters; print([name for name in {frameworks!r} if name in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
