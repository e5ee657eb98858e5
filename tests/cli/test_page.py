"""server/cli/page.py: docs/cli.md says what the parser does."""

from __future__ import annotations

from pathlib import Path

from server.cli import VERBS
from server.cli.page import reference_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def test_the_page_is_printed_from_the_parser() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_page(), "docs/cli.md is stale: make docs"


def test_every_verb_has_a_section() -> None:
    for verb in VERBS:
        assert f"\n## `leastward {verb}`\n" in reference_page()
