"""What a decision costs with session state, and whether that grows with the session.

`python -m evals.bench.session [--json]`

Microseconds of thread CPU time, each the median of ROUNDS rounds with the smallest and the largest beside it:

- `flow`: a flow rule as Invariant has them (after a read of an internal file, mail only to the house), decided in a
  session of 10, 1,000 and 10,000 events
- `provenance`: a rule on whether an argument comes from an answer, after 10 to 10,000 answers
- `plain` and `counted`: a decision by rules without session words, and by the same with a limit and labels on
- `event`: what it costs to tell a session of one call and its answer
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from guardrail import Decision, Guard, Principal, Session, ToolCall
from policy_dsl import compile_policy, parse, policy_set
from policy_dsl.state import StatePlan

from .machine import machine

EVENTS = (10, 1_000, 10_000)
ROUNDS = 9
REPEATS = 2_000

PLAIN = """language 1
allow read_file(path) as read
allow send_email(to, body) as send when to ends with "@house.example"
"""
FLOW = """
forbid send_email as leak
  when after released read_file(path under "/internal") and not (to ends with "@house.example")
"""
COUNTED = """
levels public < internal
label results of read_file(path under "/internal") as internal
limit send_email to 1_000_000 released by to per agent each day in "Europe/Berlin" as mails
clearance of send_email is { internal } as cleared
trust results of read_file
"""
PROVENANCE = """
allow pay(to) as known when to from results of read_file
"""
MAIL = ToolCall("send_email", {"to": "ann@house.example", "body": "Hello"})
NOW = 1_790_000_000_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """Microseconds; `events` is how many calls the session had released and answered before."""

    what: str
    events: int
    median: float
    low: float
    high: float


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.session", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    options = parser.parse_args(argv)
    figures = [*_growing("flow", PLAIN + FLOW, MAIL), *_growing("provenance", PLAIN + PROVENANCE, _PAY)]
    for what, text in (("plain", PLAIN), ("counted", PLAIN + COUNTED)):
        guard, session, _ = _played(text, 1_000)
        figures.append(_figure(what, 1_000, partial(guard.decide, MAIL, session)))
    figures.append(_event())
    if options.json:
        print(json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}))
    else:
        for one in figures:
            print(f"{one.what:12}{one.events:>8} events  {one.median:8.2f} us  ({one.low:.2f} to {one.high:.2f})")
        counted, plain = (next(f.median for f in figures if f.what == what) for what in ("counted", "plain"))
        print(f"with state {counted / plain:.2f}x a decision without")
    return 0


_PAY = ToolCall("pay", {"to": "line 7 of nobody"})


def _growing(what: str, text: str, call: ToolCall) -> list[Figure]:
    figures = []
    for events in EVENTS:
        guard, session, _ = _played(text, events)
        figures.append(_figure(what, events, partial(guard.decide, call, session)))
    return figures


def _played(text: str, events: int) -> tuple[Guard, Session, StatePlan]:
    """A session in which so many files were read."""
    policy = policy_set([parse(text, "bench.lw")])
    guard, plan = Guard(compile_policy(policy)), StatePlan(policy)
    session = Session(Principal("acme", "bot"), plan=plan)
    for number in range(events):
        _read(guard, session, number)
    return guard, session, plan


def _read(guard: Guard, session: Session, number: int) -> Decision:
    session.tick(NOW + number)
    folder = "internal" if number % 7 == 3 else "public"
    call = ToolCall("read_file", {"path": f"/{folder}/{number}.txt"}, f"call-{number}")
    decision = guard.decide(call, session)
    session.decided(call, decision)
    session.answered(call.call_id, f"line {number} of a file for ann{number}@house.example", observed=True)
    return decision


def _event() -> Figure:
    guard, session, _ = _played(PLAIN + FLOW + COUNTED, 1_000)
    numbers = iter(range(1_000, 10_000_000))
    return _figure("event", 1_000, lambda: _read(guard, session, next(numbers)))


def _figure(what: str, events: int, do: Callable[[], object]) -> Figure:
    times = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        for _ in range(REPEATS):
            do()
        times.append((time.thread_time() - start) / REPEATS * 1e6)
    return Figure(what, events, statistics.median(times), min(times), max(times))


if __name__ == "__main__":
    sys.exit(main())
