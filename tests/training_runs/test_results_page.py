"""docs/training-results.md: its tables are those of the committed results, its plots exist."""

from __future__ import annotations

from pathlib import Path

from training.measure import read_results, tables

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "training-results.md").read_text()
_RESULTS = sorted((_ROOT / "training" / "runs" / "results").glob("*/*.json"))


def test_the_tables_of_the_page_are_those_of_the_results() -> None:
    assert _RESULTS
    for folder in sorted({path.parent for path in _RESULTS}):
        found = [read_results(path) for path in sorted(folder.glob("*.json"))]
        found.sort(key=lambda one: (one.made.get("place", 0), one.made.get("seed", 0)))
        for table in tables(found).strip().split("\n\n"):
            assert table in _PAGE, f"{folder.name}: {table.splitlines()[0]}"


def test_arms_that_are_compared_had_the_same_data() -> None:
    hashes = {read_results(path).made["data"] for path in _RESULTS if path.parent.name == "cpu"}
    assert len(hashes) == 1
