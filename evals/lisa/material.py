"""Reading the data folder: what is absent or not as described is said, with the file's name."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any


class Unreadable(Exception):
    """A file of the data folder is absent, or is not what its README describes."""


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unreadable(f"`{path.name}` of the data folder cannot be read: {error}") from error


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise Unreadable(f"`{path.name}` of the data folder cannot be read: {error}") from error


def read_arrow(path: Path) -> list[dict[str, Any]]:
    """The rows of an Arrow IPC stream. Needs pyarrow, which nothing else here does: imported for whoever reads one."""
    try:
        pyarrow: Any = import_module("pyarrow")  # it has no types
        ipc: Any = import_module("pyarrow.ipc")
    except ImportError as error:
        raise Unreadable(f"`{path.name}` is an Arrow file: install pyarrow to read it") from error
    try:
        with path.open("rb") as file:
            rows: list[dict[str, Any]] = ipc.open_stream(file).read_all().to_pylist()
            return rows
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise Unreadable(f"`{path.name}` of the data folder cannot be read: {error}") from error
