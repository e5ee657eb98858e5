"""The policy files as an editor has them, and which of them are one policy together.

A file belongs to the policy that the nearest `leastward.yaml` above it names, as the gate would load it; else it is a
policy of its own. What it imports belongs to it either way. An open buffer stands in place of its file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from os.path import normpath
from pathlib import Path
from typing import Any, Final

import yaml

from policy_dsl import (
    EMPTY_CATALOGUE,
    BundleError,
    Catalogue,
    CatalogueError,
    PolicyError,
    PolicyFile,
    PolicySet,
    UseTools,
    ast,
    policy_set,
    quoted,
)

from .recovery import Reading, read

SETTINGS: Final = "leastward.yaml"

MOST_FILES: Final = 1_000
"""Files of one policy; a glob in a settings file can name any number."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """`texts` and `readings` by path. `files` are the trees there are: of a text that cannot be read at all, the last
    that could. `policy` is None where there is a `fault`, or a text has faults of its own."""

    texts: Mapping[Path, str]
    readings: Mapping[Path, Reading]
    files: Mapping[Path, PolicyFile]
    catalogue: Catalogue
    policy: PolicySet | None
    fault: PolicyError | None

    @property
    def is_whole(self) -> bool:
        return not any(reading.faults for reading in self.readings.values())


class Workspace:
    """What is open, and what was read before. Not thread-safe: one task serves an editor."""

    def __init__(self) -> None:
        self._buffers: dict[Path, str] = {}
        self._read: dict[Path, tuple[str, Reading]] = {}
        self._last_good: dict[Path, PolicyFile] = {}
        self._tools: dict[Path, tuple[int, Catalogue]] = {}

    def put(self, path: Path, text: str) -> None:
        """The buffer of a file, from when it is opened."""
        self._buffers[path] = text

    def close(self, path: Path) -> None:
        """From here on the file itself is read."""
        self._buffers.pop(path, None)

    @property
    def open(self) -> tuple[Path, ...]:
        return tuple(self._buffers)

    def text(self, path: Path) -> str | None:
        """The text of a policy file, None where it cannot be read."""
        if path in self._buffers:
            return self._buffers[path]
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError):  # a NUL in the path, or no UTF-8
            return None

    def bundle(self, path: Path) -> Bundle:
        """The policy that the file at `path` belongs to."""
        texts: dict[Path, str] = {}
        readings: dict[Path, Reading] = {}
        files: dict[Path, PolicyFile] = {}
        fault: PolicyError | None = None
        together, tools = _settings(path)
        waiting = [path, *together]
        while waiting and len(readings) < MOST_FILES:
            one = waiting.pop(0)
            text = self.text(one)
            if one in readings or text is None:
                continue
            texts[one], readings[one] = text, self._reading(one, text)
            tree = readings[one].file or self._last_good.get(one)
            if tree is not None:
                files[one] = tree
                waiting += [place for statement in tree.statements if (place := imported(one, statement)) is not None]
        catalogue = EMPTY_CATALOGUE
        try:
            catalogue = Catalogue.merged(self._catalogues(files, tools))
        except PolicyError as error:
            fault = error
        policy = None
        if fault is None and not any(reading.faults for reading in readings.values()):
            try:
                policy = policy_set([files[one] for one in files], catalogue)
            except PolicyError as error:
                fault = error
        return Bundle(texts, readings, files, catalogue, policy, fault)

    def _reading(self, path: Path, text: str) -> Reading:
        known = self._read.get(path)
        if known is None or known[0] != text:
            known = self._read[path] = (text, read(text, str(path)))
        if known[1].file is not None:
            self._last_good[path] = known[1].file
        return known[1]

    def _catalogues(self, files: Mapping[Path, PolicyFile], more: Path | None) -> Iterator[Catalogue]:
        """Every tool list there is. Raises PolicyError at the line that names one which cannot be read."""
        if more is not None:
            yield self._catalogue(more)
        for path, file in files.items():
            for statement in file.statements:
                if not isinstance(statement, UseTools):
                    continue
                try:
                    yield self._catalogue(path.parent / statement.path)
                except CatalogueError as error:
                    raise BundleError(
                        f"{quoted(statement.path)}: {error.message}",
                        code="tool-list",
                        span=statement.span,
                        path=file.path,
                        source=file.source,
                        help=error.help,
                    ) from error

    def _catalogue(self, path: Path) -> Catalogue:
        try:
            changed = path.stat().st_mtime_ns
        except (OSError, ValueError):
            return Catalogue.read(path)  # which says what is wrong
        known = self._tools.get(path)
        if known is None or known[0] != changed:
            known = self._tools[path] = (changed, Catalogue.read(path))
        return known[1]


def imported(path: Path, statement: ast.Statement) -> Path | None:
    """The file that a statement of the file at `path` imports."""
    if not isinstance(statement, ast.Import):
        return None
    if statement.package is None:
        return Path(normpath(path.parent / statement.path))
    # The package is found and never imported: opening a policy in an editor runs nothing.
    top, *inner = statement.package.split(".")
    try:
        found = find_spec(top)
    except (ImportError, ValueError):
        return None
    homes = () if found is None else found.submodule_search_locations or ()
    return next((Path(normpath(Path(home, *inner, statement.path))) for home in homes), None)


def _settings(path: Path) -> tuple[list[Path], Path | None]:
    """The other files of the policy and its tool list, where a settings file above names this one."""
    for folder in path.parents:
        tree = _tree(folder / SETTINGS)
        if tree is None:
            continue
        patterns = tree.get("policies", ["*.lw"])
        named = sorted(_matches(folder, patterns if isinstance(patterns, list) else []))
        if path in named:
            tools = tree.get("tools")
            return named, folder / tools if isinstance(tools, str) else None
        return [], None
    return [], None


def _tree(path: Path) -> dict[str, Any] | None:
    """The settings without what the gate alone needs to be right about; None where there is no such file."""
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return tree if isinstance(tree, dict) else None


def _matches(folder: Path, patterns: Iterable[Any]) -> Iterator[Path]:
    for pattern in patterns:
        try:
            yield from folder.glob(str(pattern))
        except (ValueError, NotImplementedError):  # an absolute pattern, or none at all
            continue
