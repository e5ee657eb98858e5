"""policy_dsl/check/learnables.py, and what the other passes say of learnables and learned rules (corpus/ has more)."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_dsl import Catalogue, check, parse, policy_set

TOOLS = Catalogue.read(Path(__file__).parent / "corpus" / "tools.json")
EVIDENCE = "evidence 2 for, 0 against, 2 reporters; bound 0.7 >= 0.6 (beta, 5%); e-value 3; support 0; state "


def codes(*texts: str) -> list[str]:
    files = [parse(f"language 1\n{text}", f"file{number}.lw") for number, text in enumerate(texts)]
    return [finding.code for finding in check(policy_set(files, TOOLS))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("learnable no_tool()", ["unknown-tool"]),
        ("learnable get_webpage(link)", ["required-unnamed", "unknown-argument"]),
        ("learnable get_webpage(url) when url > 5", ["type-mismatch"]),
        ('learnable get_webpage(url) when url == "a" and url == "b"', ["never-matches"]),
        ("learnable send_money(recipient, amount, subject)", ["unconstrained-text"]),
        ("learnable create_ticket(queue, urgent, contact?) when contact.name == \"x\"", ["optional-untested"]),
        ("learnable *(...)", ["broad-pattern"]),
        ('learnable create_ticket(queue, urgent) when queue == "hr"', ["unknown-value"]),
        ('learnable get_webpage(url) when url matches /(\\pL{2,20}-){3}/', ["costly-pattern"]),
        ("learnable get_webpage(url)\nlimit get_webpage to 5 released per session", []),
    ],
)  # fmt: skip
def test_a_learnable_is_read_like_an_allow(text: str, found: list[str]) -> None:
    assert codes(text) == found


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("allow get_webpage(url)", "learnable-granted"),
        ("allow get_webpage(...)", "learnable-granted"),
        ("allow get_*(...)", "learnable-granted"),
        ("allow get_webpage(url) priority 5", "learnable-granted"),
        ("allow get_webpage(url) priority -5", None),
        ("allow get_webpage(url?)", None),
        ("allow get_webpage(url) when length of url < 9", None),
        ("shadow allow get_webpage(url)", None),
        ('allow get_webpage(url) valid from "2026-01-01T00:00Z"', None),
        ("ask get_webpage(url)", None),
        ('for agent "a" { allow get_webpage(url) }', None),
        ("forbid get_webpage", "learnable-forbidden"),
        ("forbid get_*", "learnable-forbidden"),
        ("forbid get_webpage priority -1", None),
        ("forbid get_webpage when length of url > 9", None),
        ("shadow forbid get_webpage", None),
        ("require approval for get_webpage", None),
        (f"learned forbid get_webpage {EVIDENCE}active", None),
    ],
)
def test_what_stands_over_a_learnable(rule: str, code: str | None) -> None:
    found = codes(f'learnable get_webpage(url) when url in https at {{ "a.example" }}\n{rule}')
    assert [one for one in found if one.startswith("learnable-")] == ([] if code is None else [code])


def test_layers_decide_apart() -> None:
    ceiling = "learnable get_webpage(url)"
    assert "learnable-granted" not in codes(ceiling, "layer team\nallow get_webpage(url)")
    assert "learnable-forbidden" not in codes(ceiling, "layer team\nforbid get_webpage")


@pytest.mark.parametrize("state", ["shadow", "pending", "active", "contested", "dormant", "retired"])
def test_a_learned_allow_outside(state: str) -> None:
    found = codes("learnable get_balance()", f"learned allow get_webpage(...) as n {EVIDENCE}{state}")
    assert found == ([] if state == "retired" else ["learned-outside"])


@pytest.mark.parametrize("state", ["shadow", "active"])
def test_learned_rules_inside_are_quiet(state: str) -> None:
    """They are printed by a program: no warning about a shadow that is meant, or text that the learnable holds."""
    text = f"learned allow send_money(...) as n when amount == 5 {EVIDENCE}{state}"
    text += f"\nlearned require approval for send_money as o when amount == 6 {EVIDENCE}{state}"
    assert (
        codes('learnable send_money(recipient, amount, subject) when subject == "a" and recipient == "b"', text) == []
    )


def test_learned_rules_are_held_to_the_tools() -> None:
    ceiling = "learnable get_webpage(url)"
    for rule, code in (
        ("allow get_webpage(...) when url > 5", "type-mismatch"),
        ("forbid get_webpage when link == 1", "unknown-argument"),
        ("forbid get_page when url == 1", "unknown-tool"),
    ):
        assert code in codes(ceiling, f"learned {rule} {EVIDENCE}active")
