"""intake.py, word.py, evidence.py: what a report counts before its label is read, and what it is evidence of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from memory import Label, Released, Reported, Retracted, Terms
from memory.learning import canonical, fold, step

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
    assert not story.state.evidence[rule][decision].right, "the first word stands against one other"
    story.report(region_of(0), "forbid", "cid", decision=decision)
    piece = story.state.evidence[rule][decision]
    assert (piece.right, piece.reporters, piece.audit) == (True, ("bob", "cid"), False), "and not against two"
    story.report(region_of(0), "forbid", "eve", kind="audit", decision=decision)
    piece = story.state.evidence[rule][decision]
    assert (piece.right, piece.weight, piece.audit, piece.reporters) == (True, 1.0, True, ("bob", "cid", "eve"))
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


# --- what was held back, and let count --------------------------------------------------------------------------------


def held(story: Any, by: str = "ann", label: Label = "forbid") -> Reported:
    """The last report of this reporter's, which must be held back."""
    (*_, found) = [one for one in story.events if isinstance(one, Reported) and one.reporter.id == by]
    assert found.label == label
    assert [one.standing for one in story.state.reports if one.decision == found.observed.id] == ["quarantined"]
    return found


def test_a_released_report_counts_as_a_new_reporters(new_story: Any, region_of: Any) -> None:
    story = new_story(Terms(missed_harm=1.0, reports_a_day=50))
    rule = story.learned()
    story.terms = replace(story.terms, reports_a_day=0)
    story.report(region_of(0), by="ann")
    report = held(story)
    assert report.observed.id not in story.state.cases
    assert story.tell(Released(story.now, "boss", report)).acts == {"released": [(report.observed.id, "person")]}
    assert weights(story)[-1] == ("ann", 0.5, "released")
    assert story.state.evidence[rule][report.observed.id].weight == 0.5
    again = story.tell(Released(story.now, "boss", report))
    assert again.acts == {"ignored": [(report.observed.id, "not-quarantined")]}


def test_what_would_be_struck_out_stays_so(new_story: Any) -> None:
    story = new_story(Terms(reports_a_day=0))
    story.report(CALL, "allow", "bot", kind="automated", base="forbid")
    story.tell(Released(story.now, "boss", held(story, "bot", "allow")))
    assert weights(story) == [("bot", 0.0, "released")]
    assert not story.state.cases


def test_trust_moves_by_a_released_report_as_if_it_had_counted(new_story: Any) -> None:
    """Whichever of the two a person does first, the release or the audit."""
    trust = []
    for order in ("release first", "audit first"):
        story = new_story(Terms(reports_a_day=0))
        decision = story.report(CALL, "allow", by="ann")
        report = held(story, label="allow")
        if order == "release first":
            story.tell(Released(story.now, "boss", report))
        story.report(CALL, by="eve", kind="audit", decision=decision)
        if order == "audit first":
            story.tell(Released(story.now, "boss", report))
        trust.append(story.state.trust)
        assert canonical(story.folded()) == canonical(story.state)
    assert trust == [{"ann": (0.0, 1.0)}] * 2


def test_a_state_that_was_loaded_folds_a_release_alike(new_story: Any) -> None:
    """The index is made anew from the State: the release counts no report of the day twice."""
    story = new_story(Terms(reports_a_day=2))
    for _ in range(4):
        story.report(CALL, by="ann")
    story.tell(Released(story.now, "boss", held(story)))
    story.state.index = None
    for _ in range(3):
        story.report(CALL, by="bob")
    assert canonical(story.folded()) == canonical(story.state)


def test_who_is_retracted_is_not_released(new_story: Any) -> None:
    story = new_story(Terms(reports_a_day=0))
    story.report(CALL, by="ann")
    released = Released(story.now, "boss", held(story))
    retracted = Retracted(story.now, "boss", "ann")
    state = fold(story.terms, [*story.events, released, retracted], "acme")
    assert not state.reports
