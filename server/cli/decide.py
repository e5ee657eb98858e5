"""`leastward decide`: calls in as JSON lines, decisions out as JSON lines, so that a pipe can judge a recorded run."""

from __future__ import annotations

import argparse
import sys
from typing import IO, TYPE_CHECKING, Any

from .policy_files import add_policy_options, read_policies

if TYPE_CHECKING:
    from guardrail import Guard, Principal, Session

    from ..lines import CallLine

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one input line. The gate's own bound on a request is lower; a longer line is a bad line."""

_DESCRIPTION = """\
Reads JSON lines. `{"tool", "args", "session"?, "principal"?, "call_id"?, "at"?}` is a call and
gives one output line; `args` is an object, or the raw JSON text of one. `{"user", "session"?}` (what the user asked
for) and `{"result", "session"?, "tool"?, "call_id"?, "status"?}` feed the session and give none. Any other line gives
{"effect":"forbid","reason":"bad-line"}, and 1 as the exit code at the end. Nothing is recorded, counted or released."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "decide", help="decide calls from stdin, one JSON line each", description=_DESCRIPTION
    )
    add_policy_options(parser, takes_many=True)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from guardrail import Guard
    from policy_dsl import compile_policy

    desk = Desk(Guard(compile_policy(read_policies(options.policy, options.tools))))
    for line in _lines(sys.stdin.buffer):
        answer = desk.take(line)
        if answer is not None:
            # Whoever feeds the pipe may wait for this answer before the next line.
            sys.stdout.write(answer + "\n")
            sys.stdout.flush()
    return int(desk.bad_lines > 0)


class Desk:
    """Takes lines one by one and keeps a Session per session name and principal.

    A user's words belong to the session's name, whoever the calls of that session are made by.
    """

    def __init__(self, guard: Guard) -> None:
        self.bad_lines = 0
        self._guard = guard
        self._words: dict[str | None, list[str]] = {}
        self._sessions: dict[tuple[str | None, str], Session] = {}

    def take(self, line: bytes | None) -> str | None:
        """The output line for an input line (None: it was too long), None for a line that gives none."""
        from ..lines import BadLine, CallLine, UserLine, read_line

        try:
            if line is None:
                raise BadLine("too long")
            read = read_line(line)
        except BadLine as error:
            self.bad_lines += 1
            print(f"leastward decide: bad line: {error}", file=sys.stderr)
            return _encoded({"effect": "forbid", "reason": "bad-line"})
        if isinstance(read, CallLine):
            return self._decide(read)
        if isinstance(read, UserLine):
            self._words.setdefault(read.session, []).append(read.words)
            for (name, _), session in self._sessions.items():
                if name == read.session:
                    session.user_said((read.words,))
        return None

    def _decide(self, line: CallLine) -> str:
        from guardrail import ANYONE, Decision, ToolCall

        from ..lines import answer

        if line.arguments is None:
            # As the gate refuses such a call: without asking the Guard.
            decision = Decision("forbid", None, line.problem or "bad-json-arguments", None, (), self._guard.policy_hash)
        else:
            call = ToolCall(line.tool, line.arguments, line.call_id, line.server)
            decision = self._guard.decide(call, self._session(line.session, line.principal or ANYONE))
        return _encoded(answer(decision))

    def _session(self, name: str | None, principal: Principal) -> Session:
        from guardrail import Session

        session = self._sessions.get((name, principal.key))
        if session is None:
            session = self._sessions[name, principal.key] = Session(principal, name or "")
            session.user_said(self._words.get(name, ()))
        return session


def _encoded(document: dict[str, Any]) -> str:
    import json

    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _lines(stream: IO[bytes]) -> Any:
    """Each line without its end; None for one above MAX_LINE, whose rest is skipped."""
    while line := stream.readline(MAX_LINE + 1):
        if len(line) <= MAX_LINE or line.endswith(b"\n"):
            yield line.removesuffix(b"\n").removesuffix(b"\r")
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE)
        yield None
