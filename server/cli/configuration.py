"""How verbs find the configuration: the file that was named, else `leastward.yaml` here, else the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ProblemFound

if TYPE_CHECKING:
    from ..settings import Settings


def find_configuration(named: str | None) -> Path | None:
    """The path of the configuration, None where there is none and nobody named one."""
    from ..settings import FILE_NAME

    if named is not None:
        return Path(named)
    return Path(FILE_NAME) if Path(FILE_NAME).exists() else None


def read_settings(named: str | None) -> Settings:
    """The settings that `serve` would use. A fault in them ends the verb."""
    from ..settings import SettingsError, load_settings

    try:
        return load_settings(find_configuration(named))
    except SettingsError as error:
        raise ProblemFound(str(error)) from error


def folder_of(named: str | None) -> Path:
    """What relative paths in the settings are relative to."""
    found = find_configuration(named)
    return Path() if found is None else found.parent
