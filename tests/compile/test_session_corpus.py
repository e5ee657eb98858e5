"""The corpus of decisions that need more than a policy and a call (tests/corpus/decide/session), run by both engines.

The reference asks a Recollection of all events, the program a State that was fed with them one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_dsl import EMPTY_CATALOGUE, PolicySet, compile_policy, parse, policy_set, reference
from policy_dsl.ast import EventKind
from policy_dsl.facts import Facts
from policy_dsl.reference import Answer, Event, Recollection
from policy_dsl.state import Shared, State, StatePlan
from policy_dsl.strict_json import encode, parse_object
from policy_dsl.strict_json import parse as parse_json

CORPUS = Path(__file__).parents[1] / "corpus" / "decide" / "session"
KINDS = {kind.value for kind in EventKind}


def cases() -> Iterator[Any]:
    for file in sorted(CORPUS.glob("*.yaml")):
        for case in yaml.safe_load(file.read_text()):
            yield pytest.param(case, id=f"{file.stem}: {case['case']}")


def moment(written: str | None) -> int:
    return 0 if written is None else int(datetime.fromisoformat(written).timestamp() * 1_000_000)


def facts_of(case: dict[str, Any]) -> Facts:
    who = {**case.get("facts", {})}
    who |= {"now": moment(who.get("now")), "roles": frozenset(who.get("roles", ())), "via": tuple(who.get("via", ()))}
    return Facts(**who, key=str(sorted(who.items(), key=str)))


def events(case: dict[str, Any], facts: Facts) -> list[Event]:
    found = []
    for number, given in enumerate(case.get("given", ())):
        (kind,) = KINDS & given.keys()
        result = Answer(parse_json(given["result"])) if "result" in given else None
        at = moment(given["at"]) if "at" in given else facts.now
        call, observed = given.get("call", 100 + number), given.get("observed", True)
        arguments = parse_object(given["args"])
        kinds = (EventKind(kind),) if observed else (EventKind.SUCCEEDED, EventKind.FAILED)
        found += [Event(one, None, given[kind], arguments, at, facts, "run", call, result, observed) for one in kinds]
    return found


def remembered(policy: PolicySet, told: list[Event], facts: Facts) -> State:
    state = State(StatePlan(policy), facts, Shared())
    for event in told:
        about = (None, event.tool, event.arguments)
        match event.kind:
            case EventKind.REQUESTED:
                state.requested(*about, event.at)
            case EventKind.REFUSED:
                state.refused(*about, event.at)
            case EventKind.RELEASED:
                state.released(str(event.call), *about, event.at)
            case kind if event.observed or kind is EventKind.SUCCEEDED:  # one claim is two events
                assert event.result is not None
                ok = kind is EventKind.SUCCEEDED
                state.answered(str(event.call), *about, event.result.value, event.at, ok=ok, observed=event.observed)
    return state


@pytest.mark.parametrize("case", list(cases()))
def test_decides(case: dict[str, Any]) -> None:
    files = {"policy.lw": case["policy"], **case.get("files", {})}
    policy = policy_set([parse(text, path) for path, text in files.items()], EMPTY_CATALOGUE)
    program = compile_policy(policy)
    facts = facts_of(case)
    told = events(case, facts)
    naive = replace(facts, history=Recollection(policy, told, facts, "run"))
    kept = replace(facts, history=remembered(policy, told, facts))
    for call in case["calls"]:
        tool, arguments = call["tool"], parse_object(call["args"])
        outcome = reference.decide(policy, EMPTY_CATALOGUE, tool, arguments, naive)
        rule = call.get("rule")
        reason = call.get("reason", "no-rule" if rule is None else "rule")
        got = [(error.rule, error.code, error.place) for error in outcome.errors]
        errors = [tuple(error) for error in call.get("errors", [])]
        assert (outcome.effect, outcome.rule, outcome.reason, got) == (call["effect"], rule, reason, errors), call
        assert outcome.message == call.get("message", outcome.message), call
        assert program.decide(tool, arguments, kept) == outcome
        assert program.decide_bare(tool, arguments, kept) == replace(outcome, errors=())
        shadow = reference.shadow(policy, EMPTY_CATALOGUE, tool, arguments, naive)
        assert (shadow and [shadow.effect, shadow.rule]) == call.get("shadow"), call
        assert (program.shadow and program.shadow(tool, arguments, kept)) == shadow
        ceiling = reference.ceiling(policy, EMPTY_CATALOGUE, tool, arguments, naive)
        assert (ceiling and [ceiling.effect, ceiling.rule]) == call.get("ceiling"), call
        assert (program.ceiling and program.ceiling(tool, arguments, kept)) == ceiling
        rewriting = reference.rewrite(policy, tool, arguments, naive)
        assert repr(program.rewrite(tool, arguments, kept)) == repr(rewriting)
        written = rewriting and rewriting.arguments
        wanted = parse_object(call["rewritten"]) if "rewritten" in call else None
        assert (written and encode(written)) == (wanted and encode(wanted)), call
        refusal = rewriting and rewriting.refusal
        assert (refusal and [refusal.rule, refusal.reason]) == call.get("refused"), call
        refused = [[error.rule, error.code, error.place] for error in refusal.errors] if refusal else []
        assert refused == call.get("refused_errors", []), call


def test_the_corpus_has_the_size_that_its_readers_count_on() -> None:
    listed = [param.values[0] for param in cases()]
    assert len({case["case"] for case in listed}) == len(listed) >= 35
    assert sum(len(case["calls"]) for case in listed) >= 85
