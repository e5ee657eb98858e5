"""server/cli/reasoning.py, anatomy.py and readings.py: an explanation says what the Program decides, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from guardrail import Guard, Principal, Session, ToolCall
from policy_dsl import EMPTY_CATALOGUE, Catalogue, compile_policy, parse, policy_set
from policy_dsl.state import StatePlan
from policy_dsl.strict_json import parse_object
from server.cli.anatomy import Anatomy
from server.cli.reasoning import UNASKED, Reasoning, reason

CORPUS = Path(__file__).parents[1] / "corpus" / "decide"
PEOPLE = {"tenant", "agent", "user", "roles", "claims", "via"}


def _cases() -> Iterator[Any]:
    for file in sorted(CORPUS.glob("*.yaml")):
        for case in yaml.safe_load(file.read_text(encoding="utf-8")):
            if case.get("principal", {}).keys() <= PEOPLE and not case.keys() - {
                "case", "policy", "tools", "server", "principal", "user", "calls",
            }:  # fmt: skip
                yield pytest.param(case, id=f"{file.stem}: {case['case']}")


def _session(case: dict[str, Any], plan: StatePlan) -> Session:
    who = {**case.get("principal", {})}
    who["roles"] = frozenset(who.get("roles", ()))
    session = Session(Principal(**who), plan=plan)
    session.user_said(case.get("user", ()))
    return session


@pytest.mark.parametrize("case", list(_cases()))
def test_an_explanation_agrees_with_the_decision(case: dict[str, Any]) -> None:
    catalogue = Catalogue.from_tools(case["tools"], case.get("server")) if "tools" in case else EMPTY_CATALOGUE
    policy = policy_set([parse(case["policy"], "policy.lw")], catalogue)
    program = compile_policy(policy)
    for call in case["calls"]:
        arguments = parse_object(call["args"])
        session = _session(case, StatePlan(policy))
        told = reason(Guard(program), ToolCall(call["tool"], arguments, server=call.get("server")), session)
        outcome = program.decide(call["tool"], arguments, session.facts, call.get("server"))
        assert (told.decision.effect, told.decision.rule, told.decision.reason, told.decision.errors) == (
            outcome.effect, outcome.rule, outcome.reason.value, outcome.errors,
        )  # fmt: skip
        if outcome.reason.value in UNASKED:
            assert told.rules == ()
            continue
        assert told.step
        assert (told.decision.effect, told.decision.rule) == _settled(told.rules)
        errors = {one.id: (one.truth.code, one.truth.place) for one in told.rules if one.truth.value is None}
        assert all(errors[error.rule] == (error.code, error.place) for error in outcome.errors)
        assert [(one.effect, one.rule) for one in told.layers] == [(outcome.effect, outcome.rule)]
        _parts_agree(told.rules)


def _settled(rules: Sequence[Anatomy]) -> tuple[str, str | None]:
    """What the anatomies alone come to in one layer (docs/language.md, Deciding)."""
    approval = doubt = None
    for priority in sorted({one.rule.priority for one in rules}, reverse=True):
        level = sorted((one for one in rules if one.applies and one.rule.priority == priority), key=lambda one: one.id)
        if forbid := _first(level, "forbid", True) or _first(level, "forbid", None):
            return "forbid", forbid
        approval = approval or _first(level, "require approval", True) or _first(level, "require approval", None)
        if ask := _first(level, "ask", True):
            return "ask", ask
        doubt = doubt or _first(level, "ask", None)
        if allow := _first(level, "allow", True):
            held = approval or doubt
            return ("ask", held) if held else ("allow", allow)
    return "forbid", None


def _first(level: Sequence[Anatomy], effect: str, truth: bool | None) -> str | None:
    return next((one.id for one in level if one.rule.effect.value == effect and one.truth.value is truth), None)


def _parts_agree(rules: Sequence[Anatomy]) -> None:
    """The truth of `and` and `or` is what their parts come to (strong Kleene)."""
    for one in rules:
        for at, part in enumerate(one.parts):
            words = part.head.removeprefix("when ").removeprefix("unless ")
            inner = []
            for below in one.parts[at + 1 :]:
                if below.depth <= part.depth:
                    break
                if below.depth == part.depth + 1:
                    inner.append(below.truth.value)
            if words == "all of":
                assert part.truth.value == (False if False in inner else None if None in inner else True)
            elif words == "any of":
                assert part.truth.value == (True if True in inner else None if None in inner else False)
            elif words == "not":
                assert part.truth.value == (None if inner[0] is None else not inner[0])


def _reason(text: str, tool: str, arguments: dict[str, Any], **who: Any) -> Reasoning:
    policy = policy_set([parse(text, "policy.lw")])
    session = Session(Principal(**who), plan=StatePlan(policy))
    return reason(Guard(compile_policy(policy)), ToolCall(tool, arguments), session)


def test_a_test_tells_what_it_looked_at() -> None:
    told = _reason(
        'language 1\nallow pay(to, amount) when amount + 1 <= 5 and to == principal user and claim "mfa" == true'
        " and (missing note or note == to)",
        "pay", {"to": "ann", "amount": 3}, user="ann", claims={"mfa": True},
    )  # fmt: skip
    saw = [str(reading) for part in told.rules[0].parts for reading in part.saw]
    assert saw == [
        "amount = 3", 'to = "ann"', 'principal user = "ann"', 'claim "mfa" = true', "note is not there",
        "note is not there", 'to = "ann"',
    ]  # fmt: skip
    assert (told.decision.effect, [str(part.truth) for part in told.rules[0].parts][-1]) == (
        "allow", "error (missing at note)",
    )  # fmt: skip


def test_a_long_value_is_cut_for_people_and_whole_for_programs() -> None:
    told = _reason('language 1\nforbid f when a == "x"', "f", {"a": "y" * 500})
    (reading,) = told.rules[0].parts[0].saw
    assert len(str(reading)) < 100
    assert reading.value == "y" * 500


def test_limits_say_what_is_left() -> None:
    text = "language 1\nallow pay(...)\nlimit pay to 10 of amount released per session as spend\n"
    policy = policy_set([parse(text, "policy.lw")])
    guard, session = Guard(compile_policy(policy)), Session(Principal(), plan=StatePlan(policy))
    for amount in (4, 5):
        call = ToolCall("pay", {"amount": amount})
        session.decided(call, guard.decide(call, session))
    told = reason(guard, ToolCall("pay", {"amount": 2}), session)
    assert (told.decision.effect, told.decision.rule, told.decision.reason) == ("forbid", "spend", "limit")
    (limit,) = told.limits
    assert (limit.rule, limit.counted, limit.bound, limit.left) == ("spend", 9, 10, 1)
    assert reason(guard, ToolCall("pay", {"amount": 1}), session).decision.effect == "allow"


def test_each_layer_speaks_for_itself() -> None:
    top = "language 1\nallow pay(...) as top\nforbid pay as never when amount > 100\n"
    team = "language 1\nlayer team\nforbid pay as team-cap when amount > 10\n"
    run = "language 1\nlayer run\nallow pay(...) as mine when amount < 5\n"
    files = [parse(text, name) for text, name in ((top, "top.lw"), (team, "team.lw"), (run, "run.lw"))]
    guard = Guard(compile_policy(policy_set(files)))

    def layers(amount: int) -> list[tuple[str, str | None, str | None]]:
        told = reason(guard, ToolCall("pay", {"amount": amount}), Session(Principal()))
        strictest = max(told.layers, key=lambda one: ["allow", "ask", "forbid"].index(one.effect or "allow"))
        assert (told.decision.effect, told.decision.rule) == (strictest.effect, strictest.rule)
        return [(one.layer, one.effect, one.rule) for one in told.layers]

    assert layers(3) == [("organisation", "allow", "top"), ("team", None, None), ("run", None, None)]
    assert layers(20) == [("organisation", "allow", "top"), ("team", "forbid", "team-cap"), ("run", "forbid", None)]
    assert layers(200)[0] == ("organisation", "forbid", "never")


def test_the_call_is_judged_as_rewrites_make_it() -> None:
    text = "language 1\nallow mail(to, cc?) as ok when missing cc\nrewrite mail remove cc as no-cc when has cc\n"
    told = _reason(text, "mail", {"to": "a", "cc": "b"})
    assert told.decision.effect == "allow"
    assert told.arguments == {"to": "a"}
    assert [(id, truth.value) for id, _, truth in told.rewrites] == [("no-cc", True)]
    assert [str(part.truth) for part in told.rules[0].parts] == ["true"]


def test_a_shadow_rule_is_shown_and_decides_nothing() -> None:
    told = _reason("language 1\nallow f(...) as ok\nshadow forbid f as maybe when x > 1\n", "f", {"x": 2})
    assert (told.decision.effect, told.decision.shadow) == ("allow", ("forbid", "maybe"))
    assert [(one.id, one.rule.shadow, one.matches) for one in told.rules] == [
        ("ok", False, True),
        ("maybe", True, True),
    ]


def test_what_no_rule_was_asked_about() -> None:
    policy = policy_set([parse("language 1\nallow f()", "p.lw")], Catalogue.from_tools([{"name": "f"}]))
    told = reason(Guard(compile_policy(policy)), ToolCall("g", {}), Session(Principal()))
    assert (told.decision.reason, told.rules, told.layers) == ("unknown-tool", (), ())
    assert "no rule was asked" in told.step


def test_if_shows_both_ways() -> None:
    told = _reason("language 1\nforbid f when if x == 1 then y == 2 else z == 3", "f", {"x": 1, "y": 2, "z": 4})
    assert [(part.depth, part.head, str(part.truth)) for part in told.rules[0].parts] == [
        (0, "when if", "true"), (1, "x == 1", "true"), (1, "then y == 2", "true"), (1, "else z == 3", "false"),
    ]  # fmt: skip
