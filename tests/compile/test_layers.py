"""policy_dsl/compile/layers.py: whose verdict counts, and what may be granted at all (the corpus has the outcomes)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from policy_dsl import Facts, Program, compile_policy, parse, policy_set


def program_of(*texts: str) -> Program:
    files = [parse(f"language 1\n{text}", f"file{number}.lw") for number, text in enumerate(texts)]
    return compile_policy(policy_set(files))


def test_one_layer_costs_nothing_more(compiled: Callable[..., Any]) -> None:
    """A policy of one layer, whichever it is, is one function; so is a tool that lower layers say nothing about."""
    text = "allow act(a) as ok when a == 1"
    alone, _ = compiled(text)
    team = program_of(f"layer team\n{text}")
    beside = program_of(text, "layer team\nforbid other")
    assert alone.source("act") == team.source("act") == beside.source("act")
    assert beside.decide_bare("act", {"a": 1}).rule == "ok"


def test_the_source_shows_every_layer() -> None:
    both = program_of("allow act(...) as ok", "layer team\nforbid act as cap when a > 5")
    assert both.source("act").count("def decide(a, facts):") == 2


def test_what_no_call_can_be_granted_may_not_be() -> None:
    assert program_of("allow act(...)").may_grant("act")
    assert not program_of("allow act(...)\nforbid act").may_grant("act")
    assert not program_of("ask act(...)\nforbid act priority 5").may_grant("act")
    assert program_of("allow act(...) priority 9\nforbid act priority 5").may_grant("act")
    assert program_of("allow act(...)\nforbid act when a == 1").may_grant("act")
    assert program_of("allow act(...)\nforbid act unless a == 1").may_grant("act")
    assert not program_of("require approval for act").may_grant("act")
    assert not program_of("shadow allow act(...)").may_grant("act")
    assert program_of("allow act(...)\nshadow forbid act").may_grant("act")


def test_every_layer_has_a_say_in_what_may_be_granted() -> None:
    top = "allow act(...)\nallow other(...)"
    assert program_of(top, "layer team\nforbid act when a == 1").may_grant("act")
    assert not program_of(top, "layer team\nforbid act").may_grant("act")
    assert not program_of(top, "layer team\nallow other(...)\notherwise forbid").may_grant("act")
    assert program_of(top, "layer team\nallow other(...)").may_grant("act")
    assert not program_of("allow other(...)", "layer team\nallow act(...)").may_grant("act")
    scoped = program_of(top, 'layer team\nfor agent "bot" { forbid act }')
    assert scoped.may_grant("act")
    assert not scoped.may_grant("act", Facts(agent="bot", key="bot"))


def test_a_principal_is_told_apart_by_its_chain() -> None:
    program = program_of('allow act(...)\nfor via "planner" { forbid act }')
    assert program.decide("act", {}, Facts(agent="a", key="k")).effect == "allow"
    assert program.decide("act", {}, Facts(agent="a", key="k", via=("x", "planner"))).effect == "forbid"
    assert program.decide("act", {}, Facts(agent="a", key="k", via=("x",))).effect == "allow"


def test_hidden_tools(compiled: Callable[..., Any]) -> None:
    program, _ = compiled('hide admin_*, srv/drop\nfor agent "bot" { hide read }')
    assert program.hides("admin_x")
    assert not program.hides("drop")
    assert program.hides("drop", server="srv")
    assert not program.hides("read")
    assert program.hides("read", Facts(agent="bot", key="bot"))
