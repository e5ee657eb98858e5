"""`leastward explain`: why a call comes out as it does, part by part."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .errors import CalledWrongly
from .memory_access import add_memory_options
from .output import console, write_json
from .policy_files import add_policy_options, read_policies

if TYPE_CHECKING:
    from rich.console import Console

    from guardrail import Decision, Session
    from policy_dsl import PolicySet

    from .anatomy import Anatomy, Part
    from .reasoning import Reasoning

_COLOURS = {"true": "green", "false": "dim", "error": "yellow"}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "explain",
        help="say why a call comes out as it does",
        description="Decide one call and say why: what rewrites make of it, every rule that fits its tool, what each "
        "part of its condition comes to (true, false, or the error and its place) and the values it looked at, what "
        "the limits have left, what each layer says, and the step that decided. Exit code 0 whatever was decided. With "
        "the id of a recorded decision and nothing else: what memory said in it, on what evidence, and what was "
        "reported since.",
    )
    parser.add_argument("tool", metavar="TOOL", help="the tool, as `tool` or `server/tool`; or a decision's id")
    parser.add_argument("arguments", nargs="?", metavar="ARGUMENTS", help="its arguments: a JSON object")
    add_policy_options(parser, takes_many=False, required=False)
    add_memory_options(parser)
    parser.add_argument(
        "--user", action="append", default=[], metavar="WORDS", help="what the user said, for `from user`"
    )
    parser.add_argument(
        "--principal", metavar="JSON", help='who calls: {"tenant","agent","user","roles":[],"claims":{}}'
    )
    parser.add_argument("--at", metavar="TIME", help="when, as in 2026-11-20T10:00:00Z; else no time is known")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.arguments is None and options.tool.startswith("dec-"):
        from .explain_decision import explain_decision

        return explain_decision(options)
    if options.arguments is None or options.policy is None:
        raise CalledWrongly("a call needs its ARGUMENTS and -p; without both, TOOL is a decision's id, as `dec-...`")

    from guardrail import Guard, ToolCall
    from policy_dsl import StrictJsonError, compile_policy, strict_json

    from ..lines import tool_and_server
    from .reasoning import reason

    policy = read_policies(options.policy, options.tools)
    try:
        arguments = strict_json.parse_object(options.arguments)
    except StrictJsonError as error:
        raise CalledWrongly(str(error)) from error
    session = _session(options, policy)
    tool, server = tool_and_server(options.tool)
    reasoning = reason(Guard(compile_policy(policy)), ToolCall(tool, arguments, server=server), session)
    if options.json:
        write_json(_as_json(reasoning))
    else:
        _print(reasoning, console())
    return 0


def _session(options: argparse.Namespace, policy: PolicySet) -> Session:
    from guardrail import ANYONE, Session
    from policy_dsl import StrictJsonError, strict_json
    from policy_dsl.state import StatePlan

    from ..lines import BadLine, read_principal

    try:
        principal = ANYONE if options.principal is None else read_principal(strict_json.parse(options.principal))
    except (StrictJsonError, BadLine) as error:
        raise CalledWrongly(str(error)) from error
    session = Session(principal, plan=StatePlan(policy))
    if options.at is not None:
        session.tick(_microseconds(options.at))
    session.user_said(options.user)
    return session


def _microseconds(text: str) -> int:
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CalledWrongly(f"`{text}` is no moment with its zone, as in 2026-11-20T10:00:00Z")
    return round(moment.timestamp() * 1_000_000)


# --- for people -----------------------------------------------------------------------------------------------------


def _print(told: Reasoning, out: Console) -> None:
    from rich.text import Text

    for id, rewrite, truth in told.rewrites:
        does = "applies" if truth.value else f"does not apply: {truth}"
        shadow = "shadow " if rewrite.shadow else ""
        out.print(Text.assemble((f"{shadow}rewrite", "bold"), f" {id} (line {rewrite.span.line}): {does}"))
    if told.decision.arguments is not None:
        from policy_dsl import spelling

        out.print(Text(f"judged with the arguments {spelling.json_value(dict(told.arguments))}"))
    for one in told.rules:
        _print_rule(one, out, len(told.layers) > 1)
    for limit in told.limits:
        standing = (
            "the session cannot tell"
            if limit.left is None
            else f"{limit.counted} of {limit.bound} used, {limit.left} left"
        )
        out.print(Text(f"limit {limit.rule}: {standing}"))
    if len(told.layers) > 1:
        for layer in told.layers:
            by = f" by {layer.rule}" if layer.rule else ""
            says = "has no objection" if layer.effect is None else f"says {layer.effect}{by} ({layer.reason})"
            out.print(Text(f"layer {layer.layer} {says}"))
    _print_decision(told.decision, told.step, out)


def _print_rule(one: Anatomy, out: Console, layered: bool) -> None:
    from rich.text import Text

    standing = "matches" if one.matches else "does not match" if one.applies else f"does not apply: {one.why}"
    known = [f"line {one.rule.span.line}"]
    if one.rule.origin != "written":
        known.append(one.rule.origin)
    elif one.rule.priority:
        known.append(f"priority {one.rule.priority}")
    if one.rule.subject is not None:
        known.append(f"subject to {one.rule.subject}")
    if layered:
        known.append(f"layer {one.rule.layer}")
    effect = f"shadow {one.rule.effect.value}" if one.rule.shadow else one.rule.effect.value
    out.print(Text.assemble((effect, "bold"), f" {one.id} ({', '.join(known)}): {standing}"))
    for part in one.parts:
        truth = str(part.truth)
        colour = _COLOURS[truth.partition(" ")[0]]
        saw = f"  [{', '.join(map(str, part.saw))}]" if part.saw else ""
        out.print(Text.assemble("  " * (part.depth + 1), (truth, colour), f"  {part.head}", (saw, "dim")))


def _print_decision(decision: Decision, step: str, out: Console) -> None:
    from rich.text import Text

    by = f" by {decision.rule}" if decision.rule else ""
    out.print(Text.assemble((f"{decision.effect}{by}", "bold"), f" ({decision.reason}): {step}"))
    if decision.message:
        out.print(Text(f"the model is told: {decision.message}"))
    if decision.terms is not None and decision.terms.prompt:
        out.print(Text(f"the person is asked: {decision.terms.prompt}"))
    for roles in () if decision.terms is None else decision.terms.by:
        out.print(Text(f"who answers has a role of: {', '.join(roles)}"))
    if decision.ends_session:
        out.print(Text("the session ends"))
    if decision.shadow is not None:
        effect, rule = decision.shadow
        out.print(Text(f"with the shadow rules: {effect}{f' by {rule}' if rule else ''}"))


# --- for programs ---------------------------------------------------------------------------------------------------


def _as_json(told: Reasoning) -> dict[str, Any]:
    decision = told.decision
    return {
        "effect": decision.effect,
        "rule": decision.rule,
        "reason": decision.reason,
        "message": decision.message,
        "step": told.step,
        "errors": [{"rule": error.rule, "code": error.code, "place": error.place} for error in decision.errors],
        "arguments": dict(told.arguments),
        "rewritten": decision.rewritten,
        "ends_session": decision.ends_session,
        "prompt": None if decision.terms is None else decision.terms.prompt,
        "by_roles": [] if decision.terms is None else [list(roles) for roles in decision.terms.by],
        "shadow": None if decision.shadow is None else dict(zip(("effect", "rule"), decision.shadow, strict=True)),
        "layers": [
            {"layer": one.layer, "effect": one.effect, "rule": one.rule, "reason": one.reason} for one in told.layers
        ],
        "rules": [_rule_as_json(one) for one in told.rules],
        "limits": [
            {"rule": one.rule, "counted": one.counted, "bound": one.bound, "left": one.left} for one in told.limits
        ],
        "rewrites": [
            {"rewrite": id, "line": rewrite.span.line, "shadow": rewrite.shadow, "applies": truth.value is True}
            for id, rewrite, truth in told.rewrites
        ],
        "session": {
            "tenant": told.facts.tenant,
            "agent": told.facts.agent,
            "user": told.facts.user,
            "roles": sorted(told.facts.roles),
            "via": list(told.facts.via),
            "now": told.facts.now or None,
            "labels": sorted(list(label) for label in told.facts.history.labels),
        },
    }


def _rule_as_json(one: Anatomy) -> dict[str, Any]:
    return {
        "rule": one.id,
        "effect": one.rule.effect.value,
        "priority": one.rule.priority,
        "layer": one.rule.layer,
        "origin": one.rule.origin,
        "shadow": one.rule.shadow,
        "subject_to": one.rule.subject,
        "line": one.rule.span.line,
        "applies": one.applies,
        "why_not": one.why or None,
        "matches": one.matches,
        "parts": [_part_as_json(part) for part in one.parts],
    }


def _part_as_json(part: Part) -> dict[str, Any]:
    return {
        "text": part.text,
        "depth": part.depth,
        "line": part.condition.span.line,
        "column": part.condition.span.column,
        "truth": str(part.truth),
        "saw": [{"what": seen.what, "there": seen.there, "value": seen.value} for seen in part.saw],
    }
