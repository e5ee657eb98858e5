"""A learned rule as a person judges it: its text, what `check` finds in it, and how the policy differs with it.

The rule is looked at as if it spoke already. It goes through the parser like any policy: what cannot be written in the
language is never shown as if it could.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from memory import Abstraction, Snapshot
from memory.text import learned_text
from policy_dsl import PolicyError, PolicySet, ToolPattern, check, parse, policy_set, spelling
from policy_dsl.analysis import Comparison, Counterexample, SolverMissing, ToolComparison, compare

PATH: Final = "learned.lw"


def proposal_tree(one: Abstraction, snapshot: Snapshot, policy: PolicySet) -> dict[str, Any]:
    """`text`, `findings` of the learned rule alone, and `diff`: what the policy grants with it and without."""
    text = learned_text((one,), snapshot, policy)
    try:
        speaking = parse(learned_text((replace(one, phase="active"),), snapshot, policy), PATH)
        together = policy_set([*policy.files, speaking], policy.catalogue)
        findings = [found for found in check(together) if found.path == PATH]
    except PolicyError as error:
        broken = {"code": error.code, "severity": "error", "message": error.message, "rendered": error.render()}
        return {"text": text, "findings": [broken], "diff": _unknown("the rule does not load with the policy")}
    return {
        "text": text,
        "findings": [
            {
                "code": found.code,
                "severity": found.severity,
                "message": found.message,
                "rendered": found.render(),
            }
            for found in findings
        ],
        "diff": _difference(policy, together),
    }


def _difference(old: PolicySet, new: PolicySet) -> dict[str, Any]:
    try:
        found = compare(old, new)
    except SolverMissing as error:
        return _unknown(str(error))
    return {"widens": found.widens, "narrows": found.narrows, "lines": _lines(found)}


def _unknown(why: str) -> dict[str, Any]:
    """Nothing is proved, so it counts as widening, as `leastward diff` counts it."""
    return {"widens": True, "narrows": False, "lines": [f"unknown: {why}"]}


def _lines(found: Comparison) -> list[str]:
    lines = [line for tool in found.tools if tool.relation != "equal" for line in _of_tool(tool)]
    return [*lines, *(f"unknown: {change}" for change in found.beside)]


def _of_tool(tool: ToolComparison) -> list[str]:
    name = tool.tool if tool.server is None else f"{tool.server}/{tool.tool}"
    lines = [f"{name}: {tool.relation}"]
    for direction in (tool.widening, tool.narrowing):
        for shown in direction.both:
            if shown.counterexample is not None:
                lines.append(f"  {_call(shown.counterexample)}")
            elif shown.because is not None:
                lines.append(f"  unknown: {shown.because}")
    return list(dict.fromkeys(lines))


def _call(example: Counterexample) -> str:
    given = ", ".join(f"{spelling.key(name)}: {spelling.json_value(one)}" for name, one in example.arguments.items())
    tool = spelling.tool(ToolPattern(example.server, example.tool))
    return f"{tool}({given}): {example.old.effect} becomes {example.new.effect}"
