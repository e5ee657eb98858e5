"""intake.py, word.py, evidence.py: what a report counts before its label is read, and what it is evidence of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from memory import Terms
from memory.learning import step

CALL = {"info": "health", "to": "vendor"}


def weights(story: Any) -> list[tuple[str, float, str]]:
    return [(one.reporter, one.weight, one.standing) for one in story.state.reports]


def test_weights_follow_from_who_reports(new_story: Any) -> None:
    story = new_story(Terms(new_reporter_weight=0.25))
    story.report(CALL, by="ann")
    story.report(CALL, by="eve", kind="audit")
    story.report(CALL, by="adam", kind="admin")
    story.report(CALL, by="bot", kind="automated")
    assert weights(story) == [
        ("ann", 0.25, "accepted"),
        ("eve", 1.0, "accepted"),
        ("adam", 1.0, "accepted"),
        ("bot", 0.25, "accepted"),
    ]


def test_an_agent_never_widens_and_nobody_widens_their_own_runs(story: Any) -> None:
    story.report(CALL, "allow", "bot", kind="automated", base="forbid")
    story.report(CALL, "allow", "ann", own=True, base="forbid")
    story.report(CALL, "allow", "adam", kind="admin", own=True, base="forbid")
    assert [weight for _, weight, _ in weights(story)] == [0.0, 0.0, 0.0]
    assert not story.state.cases
    story.report(CALL, "allow", "ann", own=True, base="allow", effect="ask")
    story.report(CALL, "forbid", "ann", own=True)
    assert [weight for _, weight, _ in weights(story)][3:] == [0.5, 0.5]


def test_trust_comes_from_auditors_only_and_before_they_speak(new_story: Any) -> None:
    story = new_story(Terms())
    for _ in range(6):
        decision = story.report(CALL, by="ann")
        story.report(CALL, "allow", "bob", decision=decision)
        story.report(CALL, by="eve", kind="audit", decision=decision)
        story.report(CALL, by="late", decision=decision)
    assert story.state.trust == {"ann": (6.0, 0.0), "bob": (0.0, 6.0)}
    story.report(CALL, by="ann")
    story.report(CALL, by="bob")
    (*_, (_, ann, _), (_, bob, _)) = weights(story)
    assert ann == 0.5
    assert bob < 0.25


def test_the_quota_and_a_burst_set_reports_aside_but_never_auditors(new_story: Any) -> None:
    story = new_story(Terms(reports_a_day=5))
    for _ in range(8):
        story.report(CALL, by="ann")
    assert [standing for _, _, standing in weights(story)] == ["accepted"] * 5 + ["quarantined"] * 3
    story = new_story(gap=1_000_000)
    for at in range(200):
        story.report(CALL, by=f"new-{at}")
    story.report(CALL, by="eve", kind="audit")
    standings = [standing for _, _, standing in weights(story)]
    assert standings[:10] == ["accepted"] * 10
    assert standings.count("quarantined") > 100
    assert standings[-1] == "accepted"


def test_another_tenants_report_is_not_heard(story: Any) -> None:
    story.report(CALL)
    event = story.events[0]
    foreign = replace(event, observed=replace(event.observed, id="dec-x", tenant="other"))
    step(story.terms, story.state, foreign)
    assert len(story.state.reports) == 1


def test_one_case_is_one_piece_of_evidence_however_often_it_is_reported(story: Any, region_of: Any) -> None:
    rule = story.learned()
    before = len(story.state.evidence[rule])
    decision = story.report(region_of(0), "allow", "ann")
    assert not story.state.evidence[rule][decision].right
    story.report(region_of(0), "forbid", "bob", decision=decision)
    assert decision not in story.state.evidence[rule]
    story.report(region_of(0), "forbid", "eve", kind="audit", decision=decision)
    piece = story.state.evidence[rule][decision]
    assert (piece.right, piece.weight, piece.audit, piece.reporters) == (True, 1.0, True, ("bob", "eve"))
    assert len(story.state.evidence[rule]) == before + 1


def test_an_agent_contradicts_and_never_confirms(story: Any, region_of: Any) -> None:
    rule = story.learned()
    decision = story.report(region_of(0), "forbid", "bot", kind="automated")
    assert decision not in story.state.evidence[rule]


def test_a_report_against_what_spoke_weighs_more_than_one_for_it(new_story: Any, region_of: Any) -> None:
    story = new_story(Terms(missed_harm=1.0, new_reporter_weight=0.25, contradiction=1.0))
    rule = story.learned(confirmations=80)
    right = story.report(region_of(0), "forbid", "zoe")
    wrong = story.report(region_of(1), "allow", "zed", effect="ask")
    weight = {key: row.weight for key, row in story.state.evidence[rule].items()}
    assert (weight[right], weight[wrong]) == (0.25, 0.5)


def test_evidence_is_only_of_decisions_that_the_rule_would_change(story: Any, region_of: Any) -> None:
    rule = story.learned()
    decision = story.report(region_of(0), "forbid", "zoe", base="forbid")
    assert decision not in story.state.evidence[rule]
