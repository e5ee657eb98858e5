"""Parse tree to rules with all their clauses, limits, clearances, rewrites and what is hidden."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from policy_dsl import Argument, Compare, Effect, ListLiteral, Literal, ParseError, Rule, Signature, ToolPattern, parse
from policy_dsl.ast import (
    Calendar,
    Clearance,
    CounterValue,
    Duration,
    EventKind,
    Ever,
    Hide,
    IntentName,
    Label,
    Limit,
    Metadata,
    RedactArgument,
    RemoveArgument,
    Rewrite,
    SetArgument,
    Sliding,
    Terms,
    Validity,
)
from policy_dsl.lower_rules import CLAUSES, TAKES

F = (ToolPattern(None, "f"),)
NONE = Signature((), False)
WHEN = Compare("==", Argument(("a",)), Literal(1))
RELEASED = EventKind.RELEASED


@pytest.mark.parametrize(
    ("written", "statement"),
    [
        ("shadow forbid f", Rule(Effect.FORBID, F, None, None, None, shadow=True)),
        ("forbid f end session", Rule(Effect.FORBID, F, None, None, None, ends_session=True)),
        (
            'ask f() prompt "p {tool}" valid 2 hours uses 1',
            Rule(Effect.ASK, F, NONE, None, None, terms=Terms("p {tool}", Duration(2, "hour"), 1)),
        ),
        (
            'allow f() valid from "2026-01-01T00:00Z" until "2026-01-01T00:00:01Z"',
            Rule(Effect.ALLOW, F, NONE, None, None, validity=Validity("2026-01-01T00:00Z", "2026-01-01T00:00:01Z")),
        ),
        (
            'allow f() valid until "2026-01-01T00:00-05:00"',
            Rule(Effect.ALLOW, F, NONE, None, None, validity=Validity(None, "2026-01-01T00:00-05:00")),
        ),
        (
            'forbid f owner "o" ticket "t" because "b"',
            Rule(Effect.FORBID, F, None, None, None, metadata=Metadata("o", "t", "b")),
        ),
        ('forbid f because "b"', Rule(Effect.FORBID, F, None, None, None, metadata=Metadata(because="b"))),
        ("limit f to 5 released per session", Limit(F, Literal(5), None, RELEASED, (), "session", None)),
        (
            'shadow limit { f, intent p } to counter n of a requested by b per user each day in "UTC" as l when a == 1'
            ' message "{remaining}"',
            Limit(
                (*F, IntentName("p")),
                CounterValue("n"),
                Argument(("a",)),
                EventKind.REQUESTED,
                (Argument(("b",)),),
                "user",
                Calendar("day", "UTC"),
                WHEN,
                "l",
                "{remaining}",
                True,
            ),
        ),
        ("limit f to 5 released per agent ever", Limit(F, Literal(5), None, RELEASED, (), "agent", Ever())),
        (
            "limit f to 5 released per tenant within 1 second",
            Limit(F, Literal(5), None, RELEASED, (), "tenant", Sliding(Duration(1, "second"))),
        ),
        ("clearance of f is none", Clearance(F, ())),
        (
            'clearance of f is { a, b(c) } as n message "m"',
            Clearance(F, (Label("a"), Label("b", "c")), "n", "m"),
        ),
        (
            'rewrite f set a.b = [], remove c, redact d matching /x\\/y/ with "" as r when a == 1',
            Rewrite(
                F,
                (
                    SetArgument(("a", "b"), ListLiteral(())),
                    RemoveArgument(("c",)),
                    RedactArgument(("d",), "x/y", ""),
                ),
                WHEN,
                None,
                "r",
            ),
        ),
        ("shadow rewrite f remove .time", Rewrite(F, (RemoveArgument(("time",)),), None, shadow=True)),
        ("hide a, s/b", Hide((ToolPattern(None, "a"), ToolPattern("s", "b")))),
        ("hide { a }", Hide((ToolPattern(None, "a"),))),
    ],
)
def test_a_sentence_becomes(written: str, statement: Any) -> None:
    (parsed,) = parse(f"language 1\n{written}").statements
    assert repr(parsed) == repr(statement)


WRITTEN = {
    "as": "as n",
    "priority": "priority 1",
    "subject to judge": "subject to judge",
    "when": "when a == 1",
    "unless": "unless a == 1",
    "message": 'message "m"',
    "prompt": 'prompt "p"',
    "by role": 'by role "r"',
    "valid": "valid 1 hour",
    "valid from": 'valid until "2027-01-01T00:00Z"',
    "uses": "uses 1",
    "end session": "end session",
    "owner": 'owner "o"',
    "ticket": 'ticket "t"',
    "because": 'because "b"',
    "evidence": "evidence 2 for, 0 against, 2 reporters; bound 0.7 >= 0 (beta, 5%); e-value 3; support 0; state active",
}
SENTENCES = {
    "allow": "allow f(...)",
    "ask": "ask f(...)",
    "forbid": "forbid f",
    "require_approval": "require approval for f",
    "learnable": "learnable f(...)",
    "limit": "limit f to 5 released per session",
    "clearance": "clearance of f is none",
    "rewrite": "rewrite f remove a",
    "label_results": "label results of f as s",
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_takes_its_clauses_and_no_other(sentence: str) -> None:
    assert set(WRITTEN) == set(CLAUSES.values())
    _, takes = TAKES[sentence]
    ordered = [word for word in CLAUSES.values() if word in takes and word != "evidence"]  # test_lower_learned.py
    parse(f"language 1\n{SENTENCES[sentence]} {' '.join(WRITTEN[word] for word in ordered)}")
    for word, clause in WRITTEN.items():
        if word in takes:
            continue
        with pytest.raises(ParseError) as caught:
            parse(f"language 1\n{SENTENCES[sentence]} {clause}")
        assert caught.value.code == "clause-here"


@pytest.mark.parametrize("sentence", SENTENCES)
def test_clauses_have_one_order(sentence: str) -> None:
    _, takes = TAKES[sentence]
    ordered = [word for word in CLAUSES.values() if word in takes and word != "evidence"]  # test_lower_learned.py
    for first, second in pairwise(ordered):
        with pytest.raises(ParseError) as caught:
            parse(f"language 1\n{SENTENCES[sentence]} {WRITTEN[second]} {WRITTEN[first]}")
        assert caught.value.code == "clause-order"
