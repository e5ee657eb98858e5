"""The tables for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from .tables import Cell, Table


def as_json(tables: Sequence[Table], paths: int, seed: int) -> dict[str, Any]:
    return {
        "paths": paths,
        "seed": seed,
        "tables": {
            table.name: {
                "title": table.title,
                "columns": list(table.columns),
                "rows": [
                    {"row": row, "cells": [{"value": c.value, "error": c.error, "seed": c.seed} for c in cells]}
                    for row, cells in table.rows
                ],
            }
            for table in tables
        },
    }


def print_tables(console: Console, tables: Sequence[Table], paths: int, seed: int) -> None:
    """As Markdown, so that what is printed is what docs/memory-mathematics.md says."""
    console.print(f"{paths:,} paths a cell (a tenth for the e-detector), seed {seed}", highlight=False)
    for table in tables:
        lines = ["", f"**{table.name}**: {table.title}", "", _line(["", *table.columns])]
        lines.append(_line(["---"] * (1 + len(table.columns))))
        lines += [_line([row, *map(_text, cells)]) for row, cells in table.rows]
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(cell: Cell) -> str:
    if cell.value is None:
        return "-"
    if cell.error is None:
        return f"{cell.value:g}"
    digits = 4 if cell.value <= 1 else 1
    return f"{cell.value:.{digits}f} ± {cell.error:.{digits}f}"
