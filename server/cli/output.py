"""How verbs print: JSON for programs, rich for people. rich itself obeys NO_COLOR and leaves colours out of pipes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

PIPE_WIDTH = 120
"""Columns of a table that goes into a file or a pipe, where there is no terminal to ask."""


def write_json(document: Any) -> None:
    """Print one JSON document, indented, UTF-8, exact numbers as they are."""
    import json

    print(json.dumps(document, indent=2, ensure_ascii=False, default=_number))


def console(*, to_stderr: bool = False) -> Console:
    """Where a verb prints to people."""
    from rich.console import Console

    is_terminal = (sys.stderr if to_stderr else sys.stdout).isatty()
    return Console(stderr=to_stderr, highlight=False, soft_wrap=True, width=None if is_terminal else PIPE_WIDTH)


def plain(said: object) -> Text:
    """What a model, a client or a database said, for a table: never markup, and no character that moves a terminal."""
    from rich.text import Text

    text = str(said)
    return Text("".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text))


def whole(name: str) -> Column:
    """A column that no table shortens: people copy what stands in it."""
    from rich.table import Column

    return Column(name, no_wrap=True)


def print_lines(lines: Iterable[str | Table]) -> None:
    """Lines and tables for people; a line is never markup."""
    out = console()
    for line in lines:
        out.print(plain(line) if isinstance(line, str) else line)


def _number(value: Any) -> Any:
    from decimal import Decimal

    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{value!r} has no JSON form")
