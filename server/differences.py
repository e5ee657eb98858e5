"""A comparison of two policies as programs and people read it: for `leastward diff`, and for a gate before a version is
put in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policy_dsl import Outcome
    from policy_dsl.analysis import Comparison, Counterexample, Direction, ToolComparison


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as a JSON tree."""
    return {
        "widens": comparison.widens,
        "narrows": comparison.narrows,
        "unknowns": comparison.unknowns,
        "beside": list(comparison.beside),
        "tools": [_tool(tool) for tool in comparison.tools],
        "ceilings": [_tool(tool) for tool in comparison.ceilings],
    }


def sections(comparison: Comparison) -> dict[str, list[str]]:
    """What a person reads, by title: a line for each call that shows a difference, and one for each unknown."""
    found: dict[str, list[str]] = {}
    for title, tools, side in (
        ("widening: NEW grants", comparison.tools, "widening"),
        ("narrowing: NEW no longer grants", comparison.tools, "narrowing"),
        ("memory may now open", comparison.ceilings, "widening"),
        ("memory may no longer open", comparison.ceilings, "narrowing"),
    ):
        lines = [line for tool in tools for line in _said(getattr(tool, side), learns=tools is comparison.ceilings)]
        if lines:
            found[title] = lines
    return found


def verdict_of(comparison: Comparison) -> str:
    """One line that says what the comparison came to."""
    unknown = f", {comparison.unknowns} unknown" if comparison.unknowns else ""
    if comparison.widens and not (comparison.beside or any(not tool.widening.is_empty for tool in comparison.tools)):
        return f"NEW grants what OLD did, and memory may open more{unknown}"
    if comparison.widens:
        return f"NEW may grant what OLD did not{unknown}"
    return f"NEW is narrower than OLD{unknown}" if comparison.narrows else "NEW and OLD grant the same"


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
        "old": _outcome(example.old),
        "new": _outcome(example.new),
        "line": _line(example),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "effect": outcome.effect,
        "rule": outcome.rule,
        "reason": outcome.reason,
        "subject": outcome.subject,
    }


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
    """A line that a `test` block of NEW takes as it is: such a block has a judge who lets everything pass."""
    said = [_subject(example.new), f"was {example.old.effect}", _subject(example.old)]
    return f"{_call(example)} => {example.new.effect}  # {', '.join(filter(None, said))}"


def _most(example: Counterexample) -> str:
    """A call and what it comes to at most, which no `test` block can ask: without memory nothing is open."""
    said = [f"{example.new.effect} at most", _subject(example.new)]
    said += [f"was {example.old.effect} at most", _subject(example.old)]
    return f"{_call(example)}  # {', '.join(filter(None, said))}"


def _subject(outcome: Outcome) -> str:
    """In the words of the rule that grants: what it grants is no more than a judge lets pass."""
    return "" if outcome.subject is None else f"subject to {outcome.subject}"


def _call(example: Counterexample) -> str:
    from policy_dsl import ToolPattern, spelling

    tool = spelling.tool(ToolPattern(example.server, example.tool))
    given = ", ".join(f"{spelling.key(name)}: {spelling.json_value(one)}" for name, one in example.arguments.items())
    return f"call {tool}({given})"
