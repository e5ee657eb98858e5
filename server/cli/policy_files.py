"""How verbs read policies: the files of one policy set and the tool lists that are its authority."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .errors import ProblemFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policy_dsl import Catalogue, PolicySet


def add_policy_options(parser: argparse.ArgumentParser, *, takes_many: bool) -> None:
    """`-p`, repeatable; `takes_many`: several files each time, which a verb with arguments of its own cannot offer."""
    says = "policy files, loaded together"
    if takes_many:
        parser.add_argument("-p", "--policy", nargs="+", action="extend", required=True, metavar="POLICY", help=says)
    else:
        parser.add_argument(
            "-p", "--policy", action="append", required=True, metavar="POLICY", help=f"{says}; repeatable"
        )
    parser.add_argument("--tools", metavar="TOOLS.json", help="a tool list besides those that the policies `use`")


def read_policies(paths: Sequence[str], tools: str | None) -> tuple[PolicySet, Catalogue]:
    """The policy set of `paths` and its catalogue. A fault ends the verb, rendered with its place."""
    loaded = read_policies_or_fault(paths, tools)
    if isinstance(loaded, dict):
        raise ProblemFound(loaded["rendered"])
    return loaded


def read_policies_or_fault(paths: Sequence[str], tools: str | None) -> tuple[PolicySet, Catalogue] | dict[str, Any]:
    """As `read_policies`, but a fault comes back in the shape of one of `check`'s findings."""
    from pathlib import Path

    from policy_dsl import Catalogue, PolicyError, UseTools, load

    try:
        extra = [] if tools is None else [Catalogue.read(tools)]
        policy = load(paths, *extra)
        used = [
            Catalogue.read(Path(file.path).parent / statement.path)
            for file in policy.files
            for statement in file.statements
            if isinstance(statement, UseTools)
        ]
        return policy, Catalogue.merged([*extra, *used])
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
