"""`leastward explain`: why a call comes out as it does, part by part."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .errors import CalledWrongly
from .output import console, write_json
from .policy_files import add_policy_options, read_policies

if TYPE_CHECKING:
    from policy_dsl import Outcome

    from .anatomy import Anatomy

_STEPS = {
    ("forbid", "unknown-tool"): "no tool list that the policy uses has this tool, so no rule was asked",
    ("forbid", "bad-arguments"): "the arguments do not fit the tool's own schema, so no rule was asked",
    ("forbid", "no-rule"): "no rule grants it, and what nothing grants is refused",
    ("forbid", "rule"): "a forbid that matches refuses the call, whatever grants it at this level or below",
    ("forbid", "rule-error"): "a forbid that cannot be evaluated counts as matching",
    ("ask", "rule"): "a person has to agree: an ask, or a require approval over what would be allowed, matches",
    ("ask", "rule-error"): "a rule that wants a person cannot be evaluated, so a person has to agree",
    ("allow", "rule"): "an allow matches, and nothing at this level or above is stricter",
}
"""The step that decided, by effect and reason (docs/language.md, Deciding)."""

_COLOURS = {"true": "green", "false": "dim", "error": "yellow"}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "explain",
        help="say why a call comes out as it does",
        description="Decide one call and say why: every rule that fits its tool, what each part of its condition comes "
        "to (true, false, or the error and its place), and the step that decided. Exit code 0 whatever was decided.",
    )
    parser.add_argument("tool", metavar="TOOL", help="the tool, as `tool` or `server/tool`")
    parser.add_argument("arguments", metavar="ARGUMENTS", help="its arguments: a JSON object")
    add_policy_options(parser, takes_many=False)
    parser.add_argument(
        "--user", action="append", default=[], metavar="WORDS", help="what the user said, for `from user`"
    )
    parser.add_argument(
        "--principal", metavar="JSON", help='who calls: {"tenant","agent","user","roles":[],"claims":{}}'
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from guardrail import ANYONE, Session
    from policy_dsl import StrictJsonError, compile_policy, strict_json

    from ..lines import BadLine, read_principal, tool_and_server
    from .anatomy import Question, dissect

    policy = read_policies(options.policy, options.tools)
    try:
        arguments = strict_json.parse_object(options.arguments)
        principal = ANYONE if options.principal is None else read_principal(strict_json.parse(options.principal))
    except (StrictJsonError, BadLine) as error:
        raise CalledWrongly(str(error)) from error
    session = Session(principal)
    session.user_said(options.user)
    tool, server = tool_and_server(options.tool)
    outcome = compile_policy(policy).decide(tool, arguments, session.facts, server)
    asked_rules = outcome.reason.value not in ("unknown-tool", "bad-arguments")
    rules = dissect(policy, Question(tool, server, arguments, session.facts)) if asked_rules else []
    if options.json:
        write_json(_as_json(outcome, rules))
    else:
        _print(outcome, rules)
    return 0


def _step(outcome: Outcome) -> str:
    return _STEPS[outcome.effect, outcome.reason.value]


def _print(outcome: Outcome, rules: list[Anatomy]) -> None:
    from rich.text import Text

    out = console()
    for one in rules:
        standing = "matches" if one.matches else "does not match" if one.applies else f"does not apply: {one.why}"
        level = f", priority {one.rule.priority}" if one.rule.priority else ""
        head = Text.assemble(
            (one.rule.effect.value, "bold"), f" {one.id} (line {one.rule.span.line}{level}): {standing}"
        )
        out.print(head)
        for part in one.parts:
            truth = str(part.truth)
            colour = _COLOURS[truth.partition(" ")[0]]
            out.print(Text.assemble("  " * (part.depth + 1), (truth, colour), f"  {part.head}"))
    by = f" by {outcome.rule}" if outcome.rule else ""
    out.print(Text.assemble((f"{outcome.effect}{by}", "bold"), f" ({outcome.reason.value}): {_step(outcome)}"))
    if outcome.message:
        out.print(Text(f"the model is told: {outcome.message}"))


def _as_json(outcome: Outcome, rules: list[Anatomy]) -> dict[str, Any]:
    return {
        "effect": outcome.effect,
        "rule": outcome.rule,
        "reason": outcome.reason.value,
        "message": outcome.message,
        "step": _step(outcome),
        "errors": [{"rule": error.rule, "code": error.code, "place": error.place} for error in outcome.errors],
        "rules": [
            {
                "rule": one.id,
                "effect": one.rule.effect.value,
                "priority": one.rule.priority,
                "line": one.rule.span.line,
                "applies": one.applies,
                "why_not": one.why or None,
                "matches": one.matches,
                "parts": [
                    {
                        "text": part.text,
                        "depth": part.depth,
                        "line": part.span.line,
                        "column": part.span.column,
                        "truth": str(part.truth),
                    }
                    for part in one.parts
                ],
            }
            for one in rules
        ],
    }
