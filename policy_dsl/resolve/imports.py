"""Which file an `import` names, and that no file needs itself. Nothing here reads one.

A file is known by its place: the absolute path without `.` and `..`, or `package:name/path` for a file that an
installed package holds. Links are not followed.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from typing import Final

from ..ast import Import, PolicyFile, UseTools
from ..errors import quoted
from .faults import fault

PACKAGE: Final = "package:"
"""How the path of a file begins that stands in an installed package."""


def place_of(path: str) -> str:
    """What tells one file from another."""
    return path if path.startswith(PACKAGE) else os.path.abspath(path)


def target_of(file: PolicyFile, statement: Import | UseTools) -> str:
    """The path of the file that is named. Raises BundleError for a place outside the package that it stands in."""
    if isinstance(statement, Import) and statement.package is not None:
        if not statement.package.isidentifier():
            # A dotted name is found by running the code of the package around it, which reading a policy never does.
            raise fault(
                file,
                statement.span,
                f"{quoted(statement.package)} is no name of a package",
                "bad-package",
                'the outermost package, as in `from package "acme_policies"`',
            )
        return _inside(file, statement, statement.package, statement.path)
    if file.path.startswith(PACKAGE):
        package, _, here = file.path.removeprefix(PACKAGE).partition("/")
        return _inside(file, statement, package, posixpath.join(posixpath.dirname(here), statement.path))
    return os.path.normpath(os.path.join(os.path.dirname(file.path), statement.path))


def _inside(file: PolicyFile, statement: Import | UseTools, package: str, path: str) -> str:
    plain = posixpath.normpath(path)
    if plain.startswith(("/", "../")) or plain in ("..", ".") or "\\" in plain:
        raise fault(
            file,
            statement.span,
            f"{quoted(statement.path)} is not inside the package `{package}`",
            "outside-package",
            "a file of a package names files of that package",
        )
    return f"{PACKAGE}{package}/{plain}"


def refuse_circles(files: Sequence[PolicyFile]) -> None:
    """Raises BundleError where a file needs itself, however far around, or one that is not there."""
    known = {place_of(file.path): file for file in files}
    needs = {place: _needed(file, known) for place, file in known.items()}
    done: set[str] = set()
    for place in sorted(known, key=lambda place: known[place].path):
        _follow(place, known, needs, [], done)


def _needed(file: PolicyFile, known: Mapping[str, PolicyFile]) -> list[tuple[Import, str]]:
    found = []
    for statement in file.statements:
        if isinstance(statement, Import):
            place = place_of(target_of(file, statement))
            if place not in known:
                raise fault(
                    file,
                    statement.span,
                    f"{quoted(statement.path)} is not among the files of this policy",
                    "not-imported",
                    "give the file too: here, nothing is read",
                )
            found.append((statement, place))
    return found


def _follow(
    place: str,
    known: Mapping[str, PolicyFile],
    needs: Mapping[str, list[tuple[Import, str]]],
    around: list[str],
    done: set[str],
) -> None:
    if place in done:
        return
    if len(around) >= MAX_IMPORTS:
        file = known[around[-1]]
        raise fault(file, needs[around[-1]][0][0].span, f"files import files more than {MAX_IMPORTS} deep", "too-deep")
    around.append(place)
    for statement, target in needs[place]:
        if target in around:
            names = [f"`{known[other].path}`" for other in [*around[around.index(target) :], target]]
            raise fault(
                known[place],
                statement.span,
                f"the file `{known[target].path}` imports itself",
                "circle",
                f"{' needs '.join(names)}: take one of these imports out",
            )
        _follow(target, known, needs, around, done)
    around.pop()
    done.add(place)


MAX_IMPORTS: Final = 64
"""Files that import each other in a row."""
