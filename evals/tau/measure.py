"""Deciding truths and dialogues, call by call, in sessions that learn what was released and what was answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from guardrail import ANYONE, Decision, Guard, Session, ToolCall
from policy_dsl import compile_policy, load
from policy_dsl.state import StatePlan

from .lookups import is_write, owner_of, wanted_before
from .material import Call, Dialogue, DomainName, Task
from .shop import Shop

POLICIES = Path(__file__).resolve().parents[2] / "examples" / "tau"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was not allowed. `place` names the task, or the dialogue."""

    place: str
    call: Call
    decision: Decision


@dataclass(slots=True)
class Measured:
    """Counts of one domain. A refusal is a forbid or an ask."""

    truths: int = 0
    truths_allowed: int = 0
    truth_writes: int = 0
    looked_up: int = 0
    tasks: int = 0
    tasks_allowed: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    """Of truths, and of the looking up before them."""


@dataclass(slots=True)
class Dialogues:
    """Counts of the recorded dialogues. By effect: `allow`, `ask`, `forbid`."""

    failed: int = 0
    failed_with_wrong_write: int = 0
    failed_with_refused_wrong_write: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    """Wrong writes of failed dialogues that the tool carried out."""
    wrong_in_vain: Counter[str] = field(default_factory=Counter)
    """Wrong writes of failed dialogues that the tool itself answered with an error."""
    wrong_by_tool: dict[str, Counter[str]] = field(default_factory=dict)
    right: Counter[str] = field(default_factory=Counter)
    """Writes of any dialogue that equal a call of the task's truth."""
    passed: int = 0
    passed_with_any_refusal: int = 0
    other_in_passed: Counter[str] = field(default_factory=Counter)
    """Writes of dialogues that reached the goal and equal no call of the truth."""


class Domain:
    """One domain's policy, compiled against its tools."""

    def __init__(self, name: DomainName, policies: Path = POLICIES) -> None:
        self.name: DomainName = name
        policy = load([policies / f"{name}.lw"])
        self.guard = Guard(compile_policy(policy))
        self.plan = StatePlan(policy)


class Visit:
    """One session."""

    def __init__(self, domain: Domain, words: Iterable[str]) -> None:
        self.guard = domain.guard
        self.session = Session(ANYONE, plan=domain.plan)
        self.session.user_said(tuple(words))
        self._number = 0

    def take(self, call: Call) -> Decision:
        """Decide a call; released, its recorded answer is what the gate sees."""
        self._number += 1
        asked = ToolCall(call.tool, call.arguments, f"call_{self._number}")
        decision = self.guard.decide(asked, self.session)
        self.session.decided(asked, decision)
        return decision

    def answered(self, call: Call) -> None:
        status: Literal["ok", "error"] = "error" if call.failed else "ok"
        self.session.answered(f"call_{self._number}", call.output, observed=True, status=status, tool=call.tool)


def measure_truths(domain: Domain, tasks: Iterable[Task], database: dict[str, Any]) -> Measured:
    """Every call of every task's truth, in its own session, with what an agent has to look up before."""
    measured = Measured()
    for task in tasks:
        before = len(measured.refusals)
        _measure_task(measured, domain, task, database)
        measured.tasks += 1
        measured.tasks_allowed += len(measured.refusals) == before
    return measured


def _measure_task(measured: Measured, domain: Domain, task: Task, database: dict[str, Any]) -> None:
    visit, shop, owner = Visit(domain, [task.words]), Shop(database), owner_of(domain.name, task.truth, database)
    seen: list[Call] = []
    finds = any(call.tool.startswith("find_") for call in task.truth)
    for call in task.truth:
        for lookup in wanted_before(domain.name, call, shop, owner, task.words):
            if lookup in seen or (finds and lookup.tool.startswith("find_")):
                continue
            measured.looked_up += 1
            seen.append(lookup)
            _step(measured, visit, shop, task, lookup)
        seen.append(Call(call.tool, call.arguments))
        measured.truths += 1
        measured.truth_writes += is_write(call)
        measured.truths_allowed += _step(measured, visit, shop, task, call)


def _step(measured: Measured, visit: Visit, shop: Shop, task: Task, call: Call) -> bool:
    decision = visit.take(call)
    if decision.effect != "allow":
        measured.refusals.append(Refusal(f"task {task.id}", call, decision))
        return False
    visit.answered(shop.answer(call))
    return True


def measure_dialogues(domain: Domain, dialogues: Iterable[Dialogue]) -> Dialogues:
    """Every call of every dialogue, in its own session. The recording goes on after a refusal, with its own answers: a
    refused call's answer is not told to the session."""
    counts = Dialogues()
    for dialogue in dialogues:
        visit = Visit(domain, dialogue.words)
        wrong: list[str] = []
        refused = False
        for call in dialogue.calls:
            decision = visit.take(call)
            refused |= decision.effect != "allow"
            if decision.effect == "allow":
                visit.answered(call)
            if is_write(call):
                right = any((one.tool, one.arguments) == (call.tool, call.arguments) for one in dialogue.truth)
                _count_write(counts, dialogue, call, decision.effect, right=right)
                if not right and not dialogue.passed:
                    wrong.append(decision.effect)
        if dialogue.passed:
            counts.passed += 1
            counts.passed_with_any_refusal += refused
        else:
            counts.failed += 1
            counts.failed_with_wrong_write += bool(wrong)
            counts.failed_with_refused_wrong_write += any(effect != "allow" for effect in wrong)
    return counts


def _count_write(counts: Dialogues, dialogue: Dialogue, call: Call, effect: str, *, right: bool) -> None:
    if right:
        counts.right[effect] += 1
    elif dialogue.passed:
        counts.other_in_passed[effect] += 1
    else:
        (counts.wrong_in_vain if call.failed else counts.wrong)[effect] += 1
        counts.wrong_by_tool.setdefault(call.tool, Counter())[effect] += 1
