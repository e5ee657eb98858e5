"""Where what is learned is kept: the address in the settings, made absolute."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_SQLITE: Final = "sqlite:///"


def address_of(url: str, folder: Path) -> str:
    """The address for SQLAlchemy. A SQLite path is relative to `folder`; a bare path is that of a SQLite file."""
    if "://" not in url:
        url = _SQLITE + url
    if not url.startswith(_SQLITE):
        return url
    path, question, options = url.removeprefix(_SQLITE).partition("?")
    return f"{_SQLITE}{(folder / path).absolute()}{question}{options}"
