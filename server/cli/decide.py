"""`leastward decide`: calls in as JSON lines, decisions out as JSON lines, so that a pipe can judge a recorded run."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager, nullcontext
from typing import IO, TYPE_CHECKING, Any

from .errors import CalledWrongly, ProblemFound
from .policy_files import add_policy_options, read_policies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from guardrail import Judgement, Question
    from policy_dsl import PolicySet

    from ..propose import Proposer
    from ..recorded import Listening
    from .desk import Judging

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one input line. The gate's own bound on a request is lower; a longer line is a bad line."""

_DESCRIPTION = """\
Reads JSON lines. `{"tool", "args", "session"?, "principal"?, "call_id"?, "at"?}` is a call and
gives one output line; `args` is an object, or the raw JSON text of one. `{"user", "session"?}` (what the user asked
for) and `{"result", "session"?, "tool"?, "call_id"?, "status"?}` feed the session and give none. Any other line gives
{"effect":"forbid","reason":"bad-line"}, and 1 as the exit code at the end. Within this pipe an allowed call counts as
released for the calls after it. Nothing is recorded, and nothing leaves but what --judge shows to a model."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "decide", help="decide calls from stdin, one JSON line each", description=_DESCRIPTION
    )
    add_policy_options(parser, takes_many=True)
    parser.add_argument(
        "--propose",
        choices=["entities"],
        help="draft a session policy from each session's user lines, without a model; it can only tighten",
    )
    parser.add_argument("--memory", metavar="URL", help="decide with what was learned in this database, too")
    parser.add_argument(
        "--tenant", metavar="TENANT", help="whose memory; else that of each line's principal, none where it names none"
    )
    parser.add_argument(
        "--judge", action="store_true", help="ask the judge of the configuration where a rule is subject to one"
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="whose judge (default: leastward.yaml here)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from .desk import Desk

    policy = read_policies(options.policy, options.tools)
    if options.config is not None and not options.judge:
        raise CalledWrongly("--config says whose judge is asked, and needs --judge")
    listening = None if options.memory is None else _listening(options, policy)
    with _judging(options.config) if options.judge else nullcontext() as judging:
        desk = Desk(policy, _proposer(options.propose), listening, judging)
        for line in _lines(sys.stdin.buffer):
            answer = desk.take(line)
            if answer is not None:
                # Whoever feeds the pipe may wait for this answer before the next line.
                sys.stdout.write(answer + "\n")
                sys.stdout.flush()
    return int(desk.bad_lines > 0)


@contextmanager
def _judging(config: str | None) -> Iterator[Judging]:
    """The judge that `serve` would ask with the same configuration. One event loop for all calls: a member may keep
    connections in it."""
    import asyncio

    from ..asking import NoLibrary
    from ..judging import NoClassifier
    from .configuration import read_settings

    settings = read_settings(config).judge
    try:
        judges, scan = settings.judges(), settings.scan()
    except (NoLibrary, NoClassifier) as error:
        raise ProblemFound(str(error)) from error

    class Asked:
        def judge(self, question: Question) -> Judgement:
            return runner.run(judges.judge(question))

        def label_of(self, answer: object) -> str | None:
            return None if scan is None else scan.label_of(answer)

    with asyncio.Runner() as runner:
        yield Asked()


def _listening(options: argparse.Namespace, policy: PolicySet) -> Callable[[str], Listening]:
    """What decides with the memory of a tenant, by the tenant of a line's principal. Snapshots are read once."""
    from functools import cache

    from guardrail import Guard
    from policy_dsl import compile_policy

    from ..remembering import listening_at
    from ..store import StoreError

    try:
        of = cache(listening_at(options.memory, Guard(compile_policy(policy))))
    except StoreError as error:
        raise ProblemFound(error.message) from error
    return lambda named: of(named if options.tenant is None else options.tenant)


def _proposer(kind: str | None) -> Proposer | None:
    if kind is None:
        return None
    from ..propose import propose_entities

    return propose_entities


def _lines(stream: IO[bytes]) -> Any:
    """Each line without its end; None for one above MAX_LINE, whose rest is skipped."""
    while line := stream.readline(MAX_LINE + 1):
        if len(line) <= MAX_LINE or line.endswith(b"\n"):
            yield line.removesuffix(b"\n").removesuffix(b"\r")
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE)
        yield None
