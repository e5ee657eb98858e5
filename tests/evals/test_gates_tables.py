"""evals/gates/tables.py, report.py and plot.py: what is printed, and that it is the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.gates.__main__ import TABLES, main
from evals.gates.plot import draw

ROOT = Path(__file__).resolve().parents[2]


def test_json_has_every_table_with_seeds_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--paths", "100", "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert (tree["paths"], tree["seed"], len(tree["tables"])) == (100, 1, TABLES)
    cell = tree["tables"]["looks"]["rows"][0]["cells"][0]
    assert set(cell) == {"value", "error", "seed"}
    for table in tree["tables"].values():
        assert all(len(row["cells"]) == len(table["columns"]) for row in table["rows"])


def test_the_page_prints_the_tables_as_they_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers are those of 20,000 paths; what can be compared quickly is the headings and the table without chance."""
    assert main(["--paths", "100"]) == 0
    printed = capsys.readouterr().out
    page = (ROOT / "docs" / "memory-mathematics.md").read_text(encoding="utf-8")
    for line in printed.splitlines():
        if line.startswith(("**", "| threshold 0.6 |", "| threshold 0.7 |", "| threshold 0.8 |", "| threshold 0.9 |")):
            assert line in page


def test_the_picture_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        draw(tmp_path / name, 200, 1)
    one, two = ((tmp_path / name).read_bytes() for name in ("one.svg", "two.svg"))
    assert one == two
    assert b"<dc:date>" not in one
    assert b"e-process" in one


def test_too_few_paths_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--paths", "5"])
    assert "fewer than 100 paths measure nothing" in capsys.readouterr().err
