"""From the field back in: recorded decisions as training cases.

Input is JSON lines, one decision each, as the caller joins them from `leastward audit export`, the payloads, what the
model proposed and what users reported:

    {"record": Policy Decision Record, "arguments": {...}, "model": "allow", "context": {...},
     "report": {"wanted": "forbid", "accepted": true}}

`record` and `arguments` are needed. A line becomes a case where the model said something else than the gate did, or
where a report was accepted. The label is never the recorded one: the engine of the policy in force is asked again, and
a line that it answers otherwise than the record is left out, because then something that decided (an earlier call, a
message) is not in the line. For an accepted report the engine must say what the report wants, so the learned rule has
to stand in the policy first: what the gate does not enforce is not taught.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policy_dsl import StrictJsonError, parse_json, strict_json

from .cases import Engine, Tracer
from .example import DataError, Example

FORMAT: Final = "leastward/policy-decision-record/1"
_EFFECTS: Final = ("allow", "ask", "forbid")


@dataclass(frozen=True, slots=True)
class Left:
    """A decision that became no case, and why: `agreed`, `no-arguments`, `no-call`, `other-policy`, `not-reproduced`,
    `not-accepted`, `not-in-policy`."""

    id: str
    why: str


@dataclass(frozen=True, slots=True)
class Field:
    """What the lines came to."""

    examples: tuple[Example, ...]
    left: tuple[Left, ...]


def from_records(lines: Iterable[str], engine: Engine, identifier: str, place: str = "records") -> Field:
    """The cases of the lines; `identifier` is what the cases call the engine's policy, `place` names the lines in an
    error. DataError where a line is not of the form above."""
    tracer = Tracer(engine)
    examples, left = [], []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        line = _read(text, f"{place}:{number}")
        why = _why_not(line, engine)
        if why is None:
            examples.append(_example(line, engine, tracer, identifier))
        else:
            left.append(Left(line["record"]["id"], why))
    return Field(tuple(examples), tuple(left))


def _read(text: str, place: str) -> dict[str, Any]:
    try:
        line = parse_json(text)
    except StrictJsonError as error:
        raise DataError(f"`{place}` is no strict JSON: {error}") from error
    record = line.get("record") if isinstance(line, dict) else None
    if not isinstance(line, dict) or not isinstance(record, dict) or record.get("format") != FORMAT:
        raise DataError(f"`{place}` holds no `{FORMAT}` as `record`")
    decision = record.get("decision")
    if not isinstance(record.get("id"), str) or not isinstance(decision, dict):
        raise DataError(f"the record in `{place}` lacks its id or its decision")
    report = line.get("report") or {"wanted": "ask"}
    if not isinstance(report, dict) or not isinstance(line.get("context", {}), dict):
        raise DataError(f"`{place}` has a report or a context that is no object")
    if any(said not in _EFFECTS for said in (decision.get("effect"), line.get("model", "ask"), report.get("wanted"))):
        raise DataError(f"`{place}` has an effect that is none")
    return line


def _why_not(line: Mapping[str, Any], engine: Engine) -> str | None:
    record, report = line["record"], line.get("report")
    if record.get("kind") != "decision" or not isinstance(record.get("call"), dict):
        return "no-call"
    if not isinstance(line.get("arguments"), dict):
        return "no-arguments"
    said = engine.label(_call(line), _context(line)).effect
    if report is not None:
        if report.get("accepted") is not True:
            return "not-accepted"
        return None if said == report["wanted"] else "not-in-policy"
    recorded = record["decision"]["effect"]
    if line.get("model", recorded) == recorded:
        return "agreed"
    if record.get("decided_by", {}).get("policy_hash") != engine.policy.hash:
        return "other-policy"
    return None if said == recorded else "not-reproduced"


def _call(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"tool": line["record"]["call"]["tool"], "args": line["arguments"]}


def _context(line: Mapping[str, Any]) -> dict[str, Any]:
    """What the line says was around the call; who acted is the record's, whatever else is said."""
    record = line["record"]
    context = {**line.get("context", {})}
    principal = {name: value for name, value in record.get("principal", {}).items() if value}
    context["facts"] = {**context.get("facts", {}), **principal}
    if isinstance(record.get("at"), str):
        context["at"] = record["at"]
    return context


def _example(line: Mapping[str, Any], engine: Engine, tracer: Tracer, identifier: str) -> Example:
    call, context = _call(line), _context(line)
    label, facts = engine.label_with_facts(call, context)
    rule = tracer.rule(label.rule)
    depth = 0 if rule is None else tracer.depth(rule)
    around = strict_json.encode({name: value for name, value in context.items() if value}).decode()
    return Example(
        id=f"field-{line['record']['id']}",
        policy=identifier,
        question=f"{around} The agent calls {call['tool']} with {strict_json.encode(call['args']).decode()}.",
        thought=tracer.thought(call, facts, label),
        answer=label.answer(),
        effect=label.effect,
        rule=label.rule,
        level=f"L{min(4, max(1, depth))}",
        depth=depth,
        path=f"{call['tool']}:{label.rule or label.reason}",
        boundary=False,
        split="train",
        call=call,
        context=context,
    )
