"""How verbs read policies: the files of one policy set, with the tool lists that are its authority."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .errors import ProblemFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policy_dsl import PolicySet


def add_policy_options(parser: argparse.ArgumentParser, *, takes_many: bool, required: bool = True) -> None:
    """`-p`, repeatable; `takes_many`: several files each time, which a verb with arguments of its own cannot offer."""
    says = "policy files, loaded together"
    if takes_many:
        parser.add_argument(
            "-p", "--policy", nargs="+", action="extend", required=required, metavar="POLICY", help=says
        )
    else:
        parser.add_argument(
            "-p", "--policy", action="append", required=required, metavar="POLICY", help=f"{says}; repeatable"
        )
    parser.add_argument("--tools", metavar="TOOLS.json", help="a tool list besides those that the policies `use`")


def policy_paths(path: str) -> list[str]:
    """The policy files that one argument names: itself, or all `.lw` files in a folder."""
    from pathlib import Path

    folder = Path(path)
    if not folder.is_dir():
        return [path]
    found = sorted(str(file) for file in folder.glob("*.lw"))
    if not found:
        raise ProblemFound(f"there is no `.lw` file in {path}")
    return found


def read_policies(paths: Sequence[str], tools: str | None) -> PolicySet:
    """The policy set of `paths`. A fault ends the verb, rendered with its place."""
    loaded = read_policies_or_fault(paths, tools)
    if isinstance(loaded, dict):
        raise ProblemFound(loaded["rendered"])
    return loaded


def read_policies_or_fault(paths: Sequence[str], tools: str | None) -> PolicySet | dict[str, Any]:
    """As `read_policies`, but a fault comes back in the shape of one of `check`'s findings."""
    from policy_dsl import Catalogue, PolicyError, load

    try:
        return load(paths, None if tools is None else Catalogue.read(tools))
    except PolicyError as error:
        return {
            "code": error.code,
            "severity": "error",
            "message": error.message,
            "path": error.path,
            "line": error.span.line,
            "column": error.span.column,
            "start": error.span.start,
            "end": error.span.end,
            "help": error.help,
            "docs": None,
            "rendered": error.render(),
        }
