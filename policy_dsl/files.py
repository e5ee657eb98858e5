"""Policy files and tool lists as they lie on disk or in an installed package, and the files that they import.

Reading a policy never runs code: a package is found by name and its files are read through its loader, but it is not
imported. So only a package at the top of the module path can be named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.abc import TraversableResources
from importlib.resources import as_file
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from .ast import Import, PolicyFile, UseTools
from .catalogue import Catalogue
from .errors import BundleError, PolicyError, quoted
from .parse import MAX_LENGTH, parse
from .resolve import PACKAGE, fault, place_of, target_of

MAX_BYTES: Final = 4 * MAX_LENGTH
"""Bytes of one policy file: UTF-8 takes at most four for a character."""

MAX_FILES: Final = 1_000
"""Files of one policy, imported ones included."""


def read_all(paths: Iterable[str | Path]) -> list[PolicyFile]:
    """The files, and those that they import, each once: files first named first. Raises PolicyError."""
    waiting: list[tuple[str, PolicyFile | None, Import | None]] = [(str(path), None, None) for path in paths]
    found: dict[str, PolicyFile] = {}
    while waiting:
        path, importer, statement = waiting.pop(0)
        place = place_of(path)
        if place in found:
            continue
        if len(found) >= MAX_FILES:
            raise BundleError(f"a policy has at most {MAX_FILES} files", code="too-long", path=path)
        text = _read(path) if importer is None or statement is None else _imported(path, importer, statement)
        file = found[place] = parse(text, path)
        waiting += [(target_of(file, other), file, other) for other in file.statements if isinstance(other, Import)]
    return list(found.values())


def tool_lists(files: Iterable[PolicyFile]) -> list[Catalogue]:
    """What the `use tools` lines of the files name, each found from the folder of its file."""
    return [
        _tools(file, statement) for file in files for statement in file.statements if isinstance(statement, UseTools)
    ]


def _imported(path: str, importer: PolicyFile, statement: Import) -> str:
    try:
        return _read(path)
    except BundleError as error:
        message = f"{quoted(statement.path)}: {error.message}"
        raise fault(importer, statement.span, message, error.code, error.help) from error


def _read(path: str) -> str:
    try:
        with _opened(path) as place, place.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BundleError(f"cannot be read: {error.strerror}", code="unreadable", path=path) from error
    except ValueError as error:  # a NUL in the path
        raise BundleError("is no path", code="unreadable", path=path) from error
    if len(data) > MAX_BYTES:
        raise BundleError(f"is larger than {MAX_BYTES} bytes", code="too-long", path=path)
    try:
        return bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BundleError(f"is not UTF-8, on line {line}", code="bad-utf8", path=path) from error


def _tools(file: PolicyFile, use: UseTools) -> Catalogue:
    path = target_of(file, use)
    try:
        with _opened(path) as place:
            return Catalogue.read(place)
    except PolicyError as error:
        raise fault(file, use.span, f"{quoted(use.path)}: {error.message}", "tool-list", error.help) from error
    except ValueError as error:  # a NUL in the path
        raise fault(file, use.span, f"{quoted(use.path)} is no path", "tool-list") from error


@contextmanager
def _opened(path: str) -> Iterator[Path]:
    """Where a file can be opened: for one inside a package that is packed, a copy for the time of the block."""
    if not path.startswith(PACKAGE):
        yield Path(path)
        return
    package, *steps = path.removeprefix(PACKAGE).split("/")
    place: Traversable = _folder(package, path)
    for step in steps:
        place = place.joinpath(step)
    with as_file(place) as copy:
        yield copy


def _folder(package: str, path: str) -> Traversable:
    spec = find_spec(package)
    find = getattr(None if spec is None else spec.loader, "get_resource_reader", None)
    reader = None if find is None else find(package)
    if not isinstance(reader, TraversableResources):
        raise BundleError(
            f"there is no package {quoted(package)}",
            code="no-package",
            path=path,
            help="install it where leastward runs",
        )
    return reader.files()
