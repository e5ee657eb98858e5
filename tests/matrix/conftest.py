"""docs/matrix.md: the page that the runs of the matrix print, table by table, and compare with what is committed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "matrix.md"


@pytest.fixture(scope="session")
def page() -> Callable[[str, Sequence[str], Sequence[Sequence[str]]], None]:
    """`page(name, head, rows)`: fails where the table of that name is another one. `LEASTWARD_MATRIX=write` in the
    environment writes it first, for who changes a door."""

    def compare(name: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        lines = [head, ["---"] * len(head), *rows]
        table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        marked = re.compile(rf"(?s)(?<=<!-- table {name} -->\n).*?(?=<!-- end -->)")
        text = PAGE.read_text(encoding="utf-8")
        if os.environ.get("LEASTWARD_MATRIX") == "write":
            text = marked.sub(lambda _: table, text, count=1)
            PAGE.write_text(text, encoding="utf-8")
        found = marked.search(text)
        assert found is not None, f"docs/matrix.md has no table `{name}`"
        assert found[0] == table, "run the tests of tests/matrix with LEASTWARD_MATRIX=write, and read what changed"

    return compare
