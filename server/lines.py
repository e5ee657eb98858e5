"""The lines of `leastward decide`, and the body of `/v1/decide`: strict JSON objects, read into calls, the user's
words and results; and the line that a Decision becomes.

A line is refused as a whole (BadLine) where anything in it is unknown, twice or of a wrong type: half a line understood
is a decision about a call that nobody made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from guardrail import Decision, Judged, Principal
from policy_dsl import StrictJsonError, strict_json


class BadLine(Exception):
    """The line is none of the three kinds; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call to decide. `principal` is None where the line names none.

    Where the raw text of the arguments is no strict JSON object, `arguments` is None and `problem` the gate's code
    for it.
    """

    tool: str
    server: str | None
    arguments: dict[str, Any] | None
    session: str | None
    principal: Principal | None
    call_id: str
    problem: str | None = None
    at: int | None = None
    """Microseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class UserLine:
    """What the user asked for, in the user's own words."""

    words: str
    session: str | None


@dataclass(frozen=True, slots=True)
class ResultLine:
    """What a tool answered: to the call with `call_id`, or the last one to `tool`. `principal` is who had called."""

    session: str | None
    result: Any
    status: Literal["ok", "error"]
    tool: str | None
    server: str | None
    call_id: str
    principal: Principal | None
    at: int | None


Line = CallLine | UserLine | ResultLine

_KEYS = {
    "args": frozenset({"tool", "args", "session", "principal", "call_id", "at"}),
    "user": frozenset({"user", "session", "principal", "at"}),
    "result": frozenset({"result", "session", "principal", "tool", "call_id", "status", "at"}),
}
"""By the member that tells the kind: every member such a line may have."""


def read_line(data: bytes) -> Line:
    """One line, without its line end. Raises BadLine, and nothing else."""
    try:
        line = strict_json.parse(data)
    except StrictJsonError as error:
        raise BadLine(str(error)) from error
    if not isinstance(line, dict):
        raise BadLine("a line is an object")
    kinds = [kind for kind in _KEYS if kind in line]
    if len(kinds) != 1:
        raise BadLine("a line has exactly one of `args`, `user` and `result`")
    unknown = sorted(line.keys() - _KEYS[kinds[0]])
    if unknown:
        raise BadLine(f"unknown member `{unknown[0]}`")
    members: dict[str, Any] = line
    at = _instant(_text(members, "at"))
    session = _text(members, "session")
    principal = read_principal(members["principal"]) if "principal" in members else None
    if kinds[0] == "args":
        return _call(members, session, principal, at)
    if kinds[0] == "user":
        return UserLine(_required(members, "user"), session)
    tool, server = tool_and_server(_text(members, "tool") or "")
    call_id, status = _text(members, "call_id") or "", _text(members, "status") or "ok"
    if status not in ("ok", "error"):
        raise BadLine("`status` is `ok` or `error`")
    failed: Literal["ok", "error"] = "error" if status == "error" else "ok"
    return ResultLine(session, members["result"], failed, tool or None, server, call_id, principal, at)


def read_principal(value: Any) -> Principal:
    """`{"tenant","agent","user","roles":[],"claims":{}}`, each of them optional. Raises BadLine."""
    if not isinstance(value, dict):
        raise BadLine("`principal` is an object")
    unknown = sorted(value.keys() - {"tenant", "agent", "user", "roles", "claims"})
    if unknown:
        raise BadLine(f"unknown member `{unknown[0]}` of `principal`")
    roles, claims = value.get("roles", []), value.get("claims", {})
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise BadLine("`roles` is a list of texts")
    if not isinstance(claims, dict):
        raise BadLine("`claims` is an object")
    return Principal(_text(value, "tenant"), _text(value, "agent"), _text(value, "user"), frozenset(roles), claims)


def answer(decision: Decision) -> dict[str, Any]:
    """The output line of a Decision; `args` are what a rewritten call became, `judge` what the judge said of it."""
    judged = decision.judge
    return {
        "effect": decision.effect,
        "rule": decision.rule,
        "reason": decision.reason,
        "rewritten": decision.rewritten,
        **({"args": decision.arguments} if decision.rewritten else {}),
        "errors": [{"rule": error.rule, "code": error.code, "place": error.place} for error in decision.errors],
        **({"judge": _judge(judged)} if judged is not None else {}),
    }


def _judge(judged: Judged) -> dict[str, Any]:
    objections = [{"code": one.code, "judge": one.judge, "place": one.place} for one in judged.objections]
    return {
        "base": judged.base,
        "effect": judged.effect,
        "failed": judged.failed,
        "judges": list(judged.judges),
        "objections": objections,
    }


def tool_and_server(identity: str) -> tuple[str, str | None]:
    """`server/tool` apart; a name without `/` is of no server in particular."""
    server, slash, tool = identity.partition("/")
    return (tool, server) if slash else (identity, None)


def _call(members: dict[str, Any], session: str | None, principal: Principal | None, at: int | None) -> CallLine:
    tool, server = tool_and_server(_required(members, "tool"))
    arguments = members["args"]
    problem = None
    if isinstance(arguments, str):
        arguments, problem = _parsed(arguments)
    elif not isinstance(arguments, dict):
        raise BadLine("`args` is an object, or text that spells one")
    return CallLine(tool, server, arguments, session, principal, _text(members, "call_id") or "", problem, at)


def _parsed(text: str) -> tuple[dict[str, Any] | None, str | None]:
    try:
        return strict_json.parse_object(text), None
    except StrictJsonError as error:
        return None, "arguments-not-object" if error.code == "not-an-object" else "bad-json-arguments"


def _required(members: dict[str, Any], name: str) -> str:
    value = _text(members, name)
    if value is None:
        raise BadLine(f"`{name}` is missing")
    return value


def _text(members: dict[str, Any], name: str) -> str | None:
    value = members.get(name)
    if value is None and name not in members:
        return None
    if not isinstance(value, str):
        raise BadLine(f"`{name}` is text")
    return value


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _instant(text: str | None) -> int | None:
    """Microseconds since 1970 UTC; a finer fraction is cut off."""
    if text is None:
        return None
    try:
        if match := _RFC_3339.fullmatch(text):
            # A fraction beyond microseconds is RFC 3339 too, but more than datetime reads.
            whole = datetime.fromisoformat(re.sub(r"\.\d+", "", text).upper())
            return int(whole.timestamp()) * 1_000_000 + int((match[1] or ".")[1:7].ljust(6, "0"))
    except (ValueError, OverflowError):
        pass
    raise BadLine("`at` is an RFC 3339 time")
