"""The parts of a page that are printed from what a run measured, so that no number in them is typed.

A part stands between the lines `<!-- measured: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path


class NoPart(ValueError):
    """The page has no such part, or more than one. The text is for the user."""


def rewrite(path: Path, name: str, text: str) -> None:
    """Put `text` into the part of that name. Raises NoPart, and OSError where the page cannot be read or written."""
    begin, end = f"<!-- measured: {name} -->\n", "<!-- end -->"
    found, times = re.subn(
        rf"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n{text.strip()}\n\n{end}",
        path.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    if times != 1:
        raise NoPart(f"`{path.name}` has {times} parts between `{begin.strip()}` and `{end}`, and one is needed")
    path.write_text(found, encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
