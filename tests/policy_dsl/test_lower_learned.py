"""policy_dsl/lower_learned.py: what a rule was learned from; learnables (errors/learned.yaml has what is refused)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import Learnable, LearnedFrom, ParseError, Rule, format, parse, spelling
from policy_dsl.lower_rules import CLAUSES, TAKES

EVIDENCE = "23 for, 1 against, 6 reporters; bound 0.86 >= 0.60 (beta, 5%); e-value 41.2; support 0.35; state active"
LEARNED = LearnedFrom(
    confirming=Decimal(23),
    against=Decimal(1),
    reporters=6,
    bound=Decimal("0.86"),
    threshold=Decimal("0.60"),
    gate="beta",
    alpha=Decimal("0.05"),
    e_value=Decimal("41.2"),
    support=Decimal("0.35"),
    state="active",
)


def only(text: str) -> Any:
    (statement,) = parse(f"language 1\n{text}").statements
    return statement


def test_the_evidence_as_it_is_printed() -> None:
    rule = only(f"learned forbid f as L-7d1f0a93c2 evidence {EVIDENCE}")
    assert isinstance(rule, Rule)
    assert rule.learned == LEARNED
    assert (rule.shadow, rule.origin, rule.is_written) == (False, "written", True)  # a PolicySet says more
    assert spelling.learned_from(LEARNED) == EVIDENCE


def test_a_learnable_is_an_allow_of_its_own_kind() -> None:
    found = only("learnable send(to, ...) as own when to == 1 unless to == 2")
    assert isinstance(found, Learnable)
    assert (found.name, found.rule.origin, found.rule.effect, found.rule.learned) == ("own", "learnable", "allow", None)
    assert not found.rule.is_written
    inside = only('for agent "a" { learnable f() }')
    assert isinstance(inside.rules[0], Learnable)


@pytest.mark.parametrize("head", ["learned allow f(...)", "learned forbid f", "learned require approval for f"])
def test_learned_rules_take_the_clauses_of_their_effect(head: str) -> None:
    rule = only(f'{head} as n when a == 1 message "m" owner "o" because "b" evidence {EVIDENCE}')
    assert rule.learned == LEARNED
    assert (rule.message, rule.metadata.because) == ("m", "b")


def test_evidence_is_the_last_clause_of_every_rule_that_takes_it() -> None:
    assert list(CLAUSES.values())[-1] == "evidence"
    assert {kind for kind, (_, takes) in TAKES.items() if "evidence" in takes} == {
        "allow",
        "ask",
        "forbid",
        "require_approval",
    }


def test_one_reporter_is_one() -> None:
    rule = only(f"learned forbid f evidence {EVIDENCE.replace('6 reporters', '1 reporter')}")
    assert "1 reporter;" in format(
        parse(f"language 1\nlearned forbid f evidence {spelling.learned_from(rule.learned)}")
    )


def test_what_is_learned_needs_no_name_that_is_kept() -> None:
    """The new words are words only where they stand: as arguments they are names like any other."""
    words = "learnable, learned, evidence, against, reporters, bound, support, state, beta, active"
    only(f"allow f({words}) when state == 1 and active == 2 and learned == 3 and evidence == 4 and support == 5")


AMOUNTS = st.decimals(0, 10**12, allow_nan=False, places=3).map(lambda found: +found)
PARTS = st.decimals(0, 1, allow_nan=False, places=6)
EVIDENCES = st.builds(
    LearnedFrom,
    confirming=AMOUNTS,
    against=AMOUNTS,
    reporters=st.integers(0, 10**6),
    bound=PARTS,
    threshold=PARTS,
    gate=st.sampled_from(["beta", "eprocess"]),
    alpha=st.decimals("0.0000001", "0.99", allow_nan=False, places=9),
    e_value=st.decimals(0, 10**60, allow_nan=False, places=0),
    support=PARTS,
    state=st.sampled_from(["shadow", "pending", "active", "contested", "dormant", "retired"]),
)


@given(EVIDENCES)
def test_every_evidence_reads_back(learned: LearnedFrom) -> None:
    text = f"language 1\nlearned forbid f as n\n  evidence {spelling.learned_from(learned)}\n"
    file = parse(text)
    assert file.statements[0].learned == learned  # type: ignore[union-attr]  # it is a rule
    assert format(parse(format(file))) == format(file)


def test_text_in_evidence_is_no_text() -> None:
    """What a reporter wrote can stand in `because`, and nowhere in the evidence."""
    for word in ('"x"', "x", "1e9", "0x5", "1 for", "-1"):
        with pytest.raises(ParseError):
            only(f"learned forbid f evidence {EVIDENCE.replace('23', word)}")
