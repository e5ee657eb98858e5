"""docs/vocabulary.md decides the words: its third column must not appear as a public name."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _banned() -> set[str]:
    words = set()
    for line in (ROOT / "docs" / "vocabulary.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0] not in ("word", "---"):
            words |= {w.strip().replace(" ", "").lower() for w in cells[2].split(",") if w.strip()}
    # Ordinary words that other things are rightly called: a result is what a tool answered.
    return words - {"error", "client", "check", "checker", "result"}


def test_the_table_is_read() -> None:
    assert {"verdict", "guideline", "middleware"} <= _banned()


@pytest.mark.parametrize("package", ["policy_dsl", "guardrail", "server"])
def test_public_names_use_the_words(package: str) -> None:
    banned = _banned()
    for name in importlib.import_module(package).__all__:
        words = {w.lower() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)} | {name.replace("_", "").lower()}
        assert not words & banned, f"`{name}` uses a word that docs/vocabulary.md replaces"
