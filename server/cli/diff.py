"""`leastward diff`: what a new policy grants beyond an old one, proved or shown by a call; what recorded calls say."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .errors import CalledWrongly
from .output import console, plain, write_json
from .policy_files import policy_paths, read_policies

if TYPE_CHECKING:
    from rich.console import Console

    from policy_dsl.analysis import Comparison, ToolComparison

    from .flips import Flips

_DESCRIPTION = """\
Compares two policies, each a file or a folder of `.lw` files: for every tool, whether NEW grants a call that OLD did
not (widening), or the other way round (narrowing), by itself or, where a policy has learnables, once memory has learned
all it may. Each answer is proved, or shown by a call that both engines were
asked about, or unknown, which counts as widening. Needs the extra `analysis`. Exit code 0: equal or proved narrower."""

_MARKS = {"proved": "none", "counterexample": "shown", "unknown": "unknown"}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "diff", help="say what a new policy grants beyond an old one", description=_DESCRIPTION
    )
    parser.add_argument("old", metavar="OLD", help="a policy file, or a folder of them")
    parser.add_argument("new", metavar="NEW", help="a policy file, or a folder of them")
    parser.add_argument("--tools", metavar="TOOLS.json", help="a tool list besides those that the policies `use`")
    parser.add_argument(
        "--traffic", metavar="LOG", help="JSON lines as `decide` reads them: list each call that comes out otherwise"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from policy_dsl.analysis import SolverMissing, compare

    from ..differences import document

    old, new = (read_policies(policy_paths(path), options.tools) for path in (options.old, options.new))
    try:
        comparison = compare(old, new)
    except SolverMissing as error:
        raise CalledWrongly(str(error)) from error
    flips = None
    if options.traffic is not None:
        from .flips import replay

        flips = replay(options.traffic, old, new)
    if options.json:
        tree = document(comparison)
        write_json(tree if flips is None else {**tree, "traffic": flips.as_json()})
    else:
        _print(comparison, flips, console())
    return int(comparison.widens)


# --- for people -----------------------------------------------------------------------------------------------------


def _print(comparison: Comparison, flips: Flips | None, out: Console) -> None:
    from rich.table import Table

    from ..differences import sections, verdict_of

    table = Table("tool", "new is", "widening", "narrowing", box=None, pad_edge=False)
    for tool in comparison.tools:
        if tool.named or tool.relation != "equal":
            table.add_row(
                plain(_name(tool)), tool.relation, _MARKS[tool.widening.answer], _MARKS[tool.narrowing.answer]
            )
    out.print(table)
    for title, lines in sections(comparison).items():
        out.print(f"\n{title}")
        for line in lines:
            out.print(plain(f"  {line}"))
    for change in comparison.beside:
        out.print(plain(f"\nunknown: {change}"))
    if flips is not None:
        flips.print(out)
    out.print(f"\n{verdict_of(comparison)}")


def _name(tool: ToolComparison) -> str:
    name = tool.tool if tool.server is None else f"{tool.server}/{tool.tool}"
    return name if tool.named else f"others, such as {name}"
