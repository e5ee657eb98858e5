"""`leastward diff`: what a new policy grants beyond an old one, proved or shown by a call; what recorded calls say."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .errors import CalledWrongly
from .output import console, plain, write_json
from .policy_files import policy_paths, read_policies

if TYPE_CHECKING:
    from rich.console import Console

    from policy_dsl.analysis import Comparison, Counterexample, Direction, ToolComparison

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
        write_json(_document(comparison, flips))
    else:
        _print(comparison, flips, console())
    return int(comparison.widens)


# --- for programs ---------------------------------------------------------------------------------------------------


def _document(comparison: Comparison, flips: Flips | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "widens": comparison.widens,
        "narrows": comparison.narrows,
        "unknowns": comparison.unknowns,
        "beside": list(comparison.beside),
        "tools": [_tool(tool) for tool in comparison.tools],
        "ceilings": [_tool(tool) for tool in comparison.ceilings],
    }
    return document if flips is None else {**document, "traffic": flips.as_json()}


def _tool(tool: ToolComparison) -> dict[str, Any]:
    return {
        "tool": tool.tool,
        "server": tool.server,
        "named": tool.named,
        "relation": tool.relation,
        "widening": _direction(tool.widening),
        "narrowing": _direction(tool.narrowing),
    }


def _direction(direction: Direction) -> dict[str, Any]:
    shown = {"allowed": direction.allowed, "granted": direction.granted}
    return {
        name: {
            "answer": one.answer,
            "because": one.because,
            "counterexample": None if one.counterexample is None else _example(one.counterexample),
        }
        for name, one in shown.items()
    }


def _example(example: Counterexample) -> dict[str, Any]:
    return {
        "tool": example.tool,
        "server": example.server,
        "args": example.arguments,
        "assuming": list(example.assuming),
        "old": {"effect": example.old.effect, "rule": example.old.rule, "reason": example.old.reason},
        "new": {"effect": example.new.effect, "rule": example.new.rule, "reason": example.new.reason},
        "line": _line(example),
    }


# --- for people -----------------------------------------------------------------------------------------------------


def _print(comparison: Comparison, flips: Flips | None, out: Console) -> None:
    from rich.table import Table

    table = Table("tool", "new is", "widening", "narrowing", box=None, pad_edge=False)
    for tool in comparison.tools:
        if tool.named or tool.relation != "equal":
            table.add_row(
                plain(_name(tool)), tool.relation, _MARKS[tool.widening.answer], _MARKS[tool.narrowing.answer]
            )
    out.print(table)
    for title, tools, side in (
        ("widening: NEW grants", comparison.tools, "widening"),
        ("narrowing: NEW no longer grants", comparison.tools, "narrowing"),
        ("memory may now open", comparison.ceilings, "widening"),
        ("memory may no longer open", comparison.ceilings, "narrowing"),
    ):
        lines = [line for tool in tools for line in _said(getattr(tool, side), learns=tools is comparison.ceilings)]
        if lines:
            out.print(f"\n{title}")
            for line in lines:
                out.print(plain(f"  {line}"))
    for change in comparison.beside:
        out.print(plain(f"\nunknown: {change}"))
    if flips is not None:
        flips.print(out)
    out.print(f"\n{_verdict(comparison)}")


def _name(tool: ToolComparison) -> str:
    name = tool.tool if tool.server is None else f"{tool.server}/{tool.tool}"
    return name if tool.named else f"others, such as {name}"


def _said(direction: Direction, *, learns: bool) -> list[str]:
    lines: dict[str, None] = {}
    for shown in direction.both:
        if shown.counterexample is not None:
            for fact in shown.counterexample.assuming:
                lines[f"# {fact}"] = None
            lines[(_most if learns else _line)(shown.counterexample)] = None
        elif shown.because is not None:
            lines[f"# unknown: {shown.because}"] = None
    return list(lines)


def _line(example: Counterexample) -> str:
    """A line that a `test` block of NEW takes as it is."""
    return f"{_call(example)} => {example.new.effect}  # was {example.old.effect}"


def _most(example: Counterexample) -> str:
    """A call and what it comes to at most, which no `test` block can ask: without memory nothing is open."""
    return f"{_call(example)}  # {example.new.effect} at most, was {example.old.effect} at most"


def _call(example: Counterexample) -> str:
    from policy_dsl import ToolPattern, spelling

    tool = spelling.tool(ToolPattern(example.server, example.tool))
    given = ", ".join(f"{spelling.key(name)}: {spelling.json_value(one)}" for name, one in example.arguments.items())
    return f"call {tool}({given})"


def _verdict(comparison: Comparison) -> str:
    unknown = f", {comparison.unknowns} unknown" if comparison.unknowns else ""
    if comparison.widens and not (comparison.beside or any(not tool.widening.is_empty for tool in comparison.tools)):
        return f"NEW grants what OLD did, and memory may open more{unknown}"
    if comparison.widens:
        return f"NEW may grant what OLD did not{unknown}"
    return f"NEW is narrower than OLD{unknown}" if comparison.narrows else "NEW and OLD grant the same"
