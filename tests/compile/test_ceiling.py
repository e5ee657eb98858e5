"""policy_dsl/compile/program.py: ceilings, and which tools memory may open (the corpus has the outcomes)."""

from __future__ import annotations

from dataclasses import replace

from policy_dsl import Catalogue, Facts, Program, compile_policy, parse, policy_set

EVIDENCE = "evidence 2 for, 0 against, 2 reporters; bound 0.7 >= 0.6 (beta, 5%); e-value 3; support 0; state "


def program_of(*texts: str) -> Program:
    files = [parse(f"language 1\n{text}", f"file{number}.lw") for number, text in enumerate(texts)]
    return compile_policy(policy_set(files))


def test_a_policy_without_learnables_has_no_ceiling() -> None:
    program = program_of("allow act(...)")
    assert program.ceiling is None
    assert not program.may_learn("act")


def test_learnables_change_no_decision() -> None:
    """Whatever layer they stand in, and whatever else there is."""
    texts = ("allow act(a)\nask other(...)", "layer team\nallow act(a) when a == 1")
    bare = program_of(*texts)
    for layer in ("organisation", "team", "agent", "run"):
        more = program_of(*texts, f"layer {layer}\nlearnable act(...)\nlearnable *(...)")
        for tool, a in (("act", 1), ("act", 2), ("other", 1), ("none", 1)):
            assert replace(more.decide(tool, {"a": a}), message=None) == bare.decide(tool, {"a": a}), (layer, tool, a)
            assert more.may_grant(tool) is bare.may_grant(tool)


def test_what_memory_may_open() -> None:
    program = program_of("learnable act(a) as more when a == 1\nallow read(...)")
    assert (program.may_grant("act"), program.may_learn("act")) == (False, True)
    assert (program.may_grant("read"), program.may_learn("read")) == (True, False)
    assert (program.may_grant("none"), program.may_learn("none")) == (False, False)


def test_a_forbid_of_all_leaves_nothing_to_learn() -> None:
    assert not program_of("learnable act(...)\nforbid act").may_learn("act")
    assert not program_of("learnable act(...)\nforbid act priority 5").may_learn("act")
    assert program_of("learnable act(...)\nforbid act priority -1").may_learn("act")
    assert program_of("learnable act(...)\nforbid act when a == 1").may_learn("act")
    assert not program_of("learnable act(...)\nallow read(...)", "layer team\nforbid act").may_learn("act")
    assert not program_of("allow read(...)", "layer team\nlearnable act(...)").may_learn("act")


def test_for_whom_memory_may_open() -> None:
    program = program_of('for agent "bot" { learnable act(...) }\nlearnable srv/drop()')
    assert program.may_learn("act", Facts(agent="bot", key="bot"))
    assert not program.may_learn("act", Facts(agent="other", key="other"))
    assert (program.may_learn("drop"), program.may_learn("drop", server="srv")) == (False, True)


def test_a_tool_that_nobody_knows_is_never_opened() -> None:
    closed = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    tools = Catalogue.from_tools([{"name": "act", "inputSchema": closed}])
    policy = policy_set([parse("language 1\nlearnable *(...)", "p.lw")], tools)
    program = compile_policy(policy)
    assert (program.may_learn("act"), program.may_learn("made_up")) == (True, False)
    assert program.ceiling is not None
    assert program.ceiling("made_up", {}).reason == "unknown-tool"
    assert program.ceiling("act", {"b": 1}).reason == "bad-arguments"
    assert program.ceiling("act", {"a": 1}).effect == "allow"


def test_invented_names_are_not_kept_for_ever() -> None:
    program = program_of("learnable *(...)")
    assert all(program.may_learn(f"tool{number}") for number in range(3_000))


def test_what_was_learned_stays_under_the_ceiling() -> None:
    program = program_of(
        "learnable act(a) as more when a == 1\nlearnable act(b) as other",
        f"learned allow act(...) as n {EVIDENCE}active",
    )
    assert program.ceiling is not None
    for arguments in ({"a": 1}, {"a": 2}, {"b": 1}, {"a": 1, "b": 1}, {}):
        decided, most = program.decide("act", arguments), program.ceiling("act", arguments)
        assert decided.effect == most.effect == ("allow" if arguments in ({"a": 1}, {"b": 1}) else "forbid")
