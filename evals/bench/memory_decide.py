"""What memory adds to a decision, with CASES cases behind ABSTRACTIONS active abstractions.

`python -m evals.bench.memory_decide [--json]`

Every call is decided twice by one Guard, without memory and with it; the figure is the difference, in microseconds of
thread CPU time. With memory the call's Context is read, the abstractions that hold are found, and their supports are
compared with it. `spread` has the abstractions on TOOLS tools, `crowded` all of them on one; `fired` is how many held
for a call, on average. `silent` is an empty memory. Words of every call are new, so that every one is encoded.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from guardrail import Experience, Guard, Principal, Session, ToolCall
from memory import Abstraction, Condition, Context, GateReading, Snapshot, Terms
from memory.context import Reader
from memory.encoders import HashingEncoder
from memory.voice import Remembering, Voice
from policy_dsl import PolicySet, compile_policy, parse, policy_set

from .machine import machine

CASES = 10_000
ABSTRACTIONS = 500
TOOLS = 25
CALLS = 2_000
SEED = 4

POLICY = """language 1
set own = mail at { "corp.example" }
allow * (to, amount, subject, body, urgent?) as known when to in own
learnable * (to, amount, subject, body, urgent?) as most
"""
_OPEN = GateReading("beta", True, "open", 23.0, 1.0, 6, 2, 0.86, 3.7, 0.6, 0.05)
_WORDS = ("rent", "invoice", "travel", "salary", "server", "lunch", "contract", "refund", "deposit", "license")


@dataclass(frozen=True, slots=True)
class Figure:
    """Microseconds added to a decision; `changed` is the share of decisions that memory changed."""

    what: str
    abstractions: int
    cases: int
    p50: float
    p99: float
    highest: float
    fired: float
    changed: float


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.memory_decide", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    options = parser.parse_args(argv)
    policy = policy_set([parse(POLICY, "bench.lw")])
    figures = [_figure("silent", policy, TOOLS, 0), _figure("spread", policy, TOOLS, ABSTRACTIONS)]
    figures.append(_figure("crowded", policy, 1, ABSTRACTIONS))
    if options.json:
        print(json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}))
    else:
        for one in figures:
            counts = f"{one.abstractions:>5} rules {one.cases:>7} cases"
            times = f"p50 {one.p50:7.1f} us  p99 {one.p99:7.1f} us  max {one.highest:8.1f} us"
            print(f"{one.what:8}{counts}  {times}  fired {one.fired:5.2f}  changed {one.changed:.1%}")
    return 0


def _call(chance: random.Random, tools: int) -> ToolCall:
    domain = chance.choice(("corp.example", "shop.example", "evil.example"))
    arguments: dict[str, object] = {
        "to": f"user{chance.randrange(40)}@{domain}",
        "amount": chance.choice((5, 50, 500, 5_000)),
        "subject": chance.choice(_WORDS),
        "body": " ".join(chance.choices(_WORDS, k=30)) + f" {chance.random()}",
    }
    if chance.random() < 0.3:
        arguments["urgent"] = True
    return ToolCall(f"tool{chance.randrange(tools)}", arguments)


def _figure(what: str, policy: PolicySet, tools: int, abstractions: int) -> Figure:
    chance = random.Random(SEED)
    guard, reader = Guard(compile_policy(policy)), Reader(policy)
    session = Session(Principal("acme", "bot", "ada"))
    session.user_said(["Please pay the rent to user7@shop.example, 500 in all."])
    cases: dict[str, Context] = {}
    for number in range(CASES if abstractions else 0):
        call = _call(chance, tools)
        cases[f"c{number}"] = reader.read(call.tool, None, call.arguments, session.facts)
    voice = Voice(_snapshot(chance, cases, abstractions), HashingEncoder(), Terms())
    experience = Remembering(voice, reader)
    voice.warm()  # as the gate does when it takes a snapshot into force
    return _timed(what, guard, experience, voice, session, [_call(chance, tools) for _ in range(CALLS)], len(cases))


def _snapshot(chance: random.Random, cases: dict[str, Context], abstractions: int) -> Snapshot:
    """Each abstraction is two tests of a case, and rests on the cases that pass them."""
    by_tool: dict[str, list[str]] = {}
    for id, context in cases.items():
        by_tool.setdefault(context.tool, []).append(id)
    made: dict[str, Abstraction] = {}
    ids = list(cases)
    while len(made) < abstractions:
        seed = cases[chance.choice(ids)]
        telling = [pair for pair in seed.attributes if pair[0] in ("arg to", "arg subject", "arg amount", "domain to")]
        tests = tuple(sorted((name, (value,)) for name, value in chance.sample(telling, 2)))
        condition = Condition(seed.tool, tests)
        support = tuple(id for id in by_tool[seed.tool] if condition.holds(cases[id]))[:64]
        id = f"L-{seed.tool}-{'-'.join(value for _, (value,) in tests)}"
        made[id] = Abstraction(
            id, 1, chance.choice(("allow", "forbid")), condition, 1, 0, "", support, 0.4, 0.05, "active", approved=1,
            reading=_OPEN, encoder=HashingEncoder().id,
        )  # fmt: skip
    return Snapshot("acme", 1 if made else 0, "", tuple(made.values()), cases, "bench")


def _timed(
    what: str, guard: Guard, experience: Experience, voice: Voice, session: Session, calls: list[ToolCall], cases: int
) -> Figure:
    added: list[float] = []
    fired = changed = 0
    reader = Reader(guard.program.policy)
    for call in calls:
        guard.decide(call, session)  # what the Guard itself remembers of a tool is no part of the figure
        start = time.thread_time_ns()
        guard.decide(call, session)
        between = time.thread_time_ns()
        decision = guard.decide(call, session, experience=experience)
        end = time.thread_time_ns()
        added.append((end - between - (between - start)) / 1e3)
        changed += decision.memory is not None
        fired += len(voice.fired(reader.read(call.tool, None, call.arguments, session.facts)))
    cuts = statistics.quantiles(added, n=100)
    rules = len(voice.snapshot.abstractions)
    return Figure(what, rules, cases, cuts[49], cuts[98], max(added), fired / len(calls), changed / len(calls))


if __name__ == "__main__":
    sys.exit(main())
