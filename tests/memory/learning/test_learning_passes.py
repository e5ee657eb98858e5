"""Each pass by itself, told as a story: induce.py, conflict.py, split.py, merge.py, gate.py, expire.py, people.py,
changes.py, propose.py, and the bitsets of cover.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from memory import Approved, Case, Condition, Label, Proposal, Refreshed, Rejected, Terms
from memory.encoders import HashingEncoder
from memory.learning import Changes, proposals, snapshot_of, step
from memory.learning.cover import Columns, mask_of, places_of
from memory.learning.merge import joined

DAY = 86_400_000_000
PEOPLE = ("ann", "bob", "cid", "dan")


def test_what_never_varied_is_kept_and_what_varied_is_dropped(story: Any) -> None:
    rule = story.learned()
    assert story.state.abstractions[rule].condition.tests == (("info", ("health",)), ("to", ("vendor",)))
    assert story.state.abstractions[rule].label == "forbid"
    assert [row.act for row in story.state.lineage] == ["induce"]


def test_one_person_and_two_cases_induce_nothing(story: Any, region_of: Any) -> None:
    for at in range(20):
        story.report(region_of(at), by="ann")
    assert not story.refresh()
    for at in range(2):
        story.report({"info": "tax", "to": "bank", "by": "fax", "day": "sun"}, by=PEOPLE[at])
    assert not story.refresh()


def test_what_was_known_against_a_rule_before_it_was_made_counts_and_what_was_known_for_it_does_not(
    new_story: Any, region_of: Any
) -> None:
    story = new_story()
    story.background()
    for at in range(8):
        story.report(region_of(at), by=PEOPLE[at % 4])
    story.report(region_of(8), "allow", "eve")
    story.refresh()
    ((rule, rows),) = [(one, rows) for one, rows in story.state.evidence.items() if rows]
    assert story.state.abstractions[rule].support
    assert [row.right for row in rows.values()] == [False]
    assert not set(rows) & set(story.state.abstractions[rule].support)


def test_contradictions_after_it_spoke_close_it_without_any_audit(story: Any, region_of: Any) -> None:
    rule = story.learned()
    for at in range(24):
        story.report(region_of(at), "allow", PEOPLE[at % 4], effect="ask")
        if at % 4 == 3:
            story.refresh()
            if story.state.abstractions[rule].phase != "active":
                break
    assert story.state.abstractions[rule].phase != "active"
    assert at <= 15


def test_an_exception_is_carved_out_and_takes_its_evidence_along(story: Any, region_of: Any) -> None:
    rule = story.learned()
    for at in range(16):
        story.report(region_of(at, day="sun"), "allow", PEOPLE[at % 4])
        story.report(region_of(at), "forbid", PEOPLE[(at + 1) % 4])
    before = set(story.state.evidence[rule])
    changes = story.refresh()
    (child,) = story.state.abstractions[rule].exceptions
    local = story.state.abstractions[child]
    assert (local.label, local.parent, local.phase) == ("allow", rule, "shadow")
    assert ("day", ("sun",)) in local.condition.tests
    assert not story.state.evidence.get(child)
    left = set(story.state.evidence[rule])
    assert left < before
    assert all(local.condition.holds(story.state.cases[one].context) for one in before - left)
    assert changes.acts["split"] == [(child, "local")]


def test_a_mixture_that_nothing_tells_apart_is_contested_and_silent(story: Any, region_of: Any) -> None:
    rule = story.learned()
    for at in range(48):
        label = "allow" if (at // 6) % 2 else "forbid"
        story.report(region_of(at), label, PEOPLE[at // 12])
    story.refresh()
    assert story.state.abstractions[rule].phase == "contested"
    assert not [one for one in snapshot_of(story.state).abstractions if one.phase == "active"]


def test_merging_adds_no_call_and_counts_no_report_twice() -> None:
    one = Condition("send", (("info", ("health",)), ("to", ("peer", "vendor"))))
    other = Condition("send", (("info", ("health",)), ("to", ("bank",))))
    assert joined(one, other) == joined(other, one)
    assert joined(one, other) == Condition("send", (("info", ("health",)), ("to", ("bank", "peer", "vendor"))))
    assert joined(one, Condition("send", (("info", ("tax",)), ("to", ("bank",))))) is None
    assert joined(one, Condition("read", other.tests)) is None


def test_label_allow_waits_for_a_person_and_for_this_version(new_story: Any, region_of: Any) -> None:
    story = new_story(Terms(new_reporter_weight=0.5, missed_harm=1.0, reports_a_day=1_000))
    for at in range(8):
        story.report(region_of(at), "allow", PEOPLE[at % 4], base="forbid")
    story.background()
    story.refresh()
    for at in range(60):
        story.report(region_of(at), "allow", PEOPLE[at % 4], base="forbid")
    story.refresh()
    (rule,) = story.state.abstractions
    assert story.state.abstractions[rule].reading.why == "no-audit"
    story.report(region_of(0), "allow", "eve", kind="audit", base="forbid")
    story.refresh()
    assert story.state.abstractions[rule].phase == "pending"
    story.tell(Approved(story.now, "boss", rule, 7))
    assert story.state.abstractions[rule].phase == "pending"
    story.approve_all()
    assert story.state.abstractions[rule].phase == "active"
    story.refresh(policy="p1")
    assert story.state.abstractions[rule].phase == "active"
    changes = story.refresh(policy="p2")
    assert changes.acts["dormant"] == [(rule, "policy-changed")]
    assert story.state.abstractions[rule].phase == "dormant"


def test_a_narrowing_outlives_a_policy_with_half_its_evidence(story: Any, region_of: Any) -> None:
    for at in range(8):
        story.report(region_of(at), by=PEOPLE[at % 4], policy="p1")
    story.background()
    story.refresh(policy="p1")
    for at in range(40):
        story.report(region_of(at), by=PEOPLE[at % 4], policy="p1")
    story.refresh(policy="p1")
    ((rule, rows),) = story.state.evidence.items()
    assert {row.weight for row in rows.values()} == {0.5}
    assert story.state.abstractions[rule].phase == "active"
    story.refresh(policy="p2")
    assert {row.weight for row in story.state.evidence[rule].values()} == {0.25}
    assert story.state.abstractions[rule].phase == "active"


def test_what_does_not_fire_for_long_sleeps_until_failures_call_it_back(story: Any, region_of: Any) -> None:
    rule = story.learned()
    story.tell(Refreshed(story.now + 200 * DAY, 0))
    assert story.phases() == {rule: "dormant"}
    assert not snapshot_of(story.state).abstractions
    story.gap = DAY * 4
    for at in range(8):
        story.report(region_of(at), by=PEOPLE[at % 4])
    story.refresh()
    assert story.phases()[rule] == "shadow"
    assert story.state.abstractions[rule].version > 1
    assert not story.state.evidence[rule]


def test_a_rejected_one_does_not_come_back(story: Any, region_of: Any) -> None:
    rule = story.learned()
    story.tell(Rejected(story.now, "boss", rule, "no"))
    for at in range(20):
        story.report(region_of(at), by=PEOPLE[at % 4])
    story.refresh()
    assert story.phases()[rule] == "retired"


class Scripted:
    """A proposer that says what it is told to."""

    def __init__(self, said: Sequence[Proposal]) -> None:
        self.said, self.seen = said, list[str]()

    def propose(self, cases: Sequence[Case], label: Label) -> Sequence[Proposal]:
        self.seen += [repr(case) for case in cases]
        return self.said


def test_a_proposer_is_bounded_and_never_believed(story: Any, region_of: Any) -> None:
    for at in range(8):
        story.report(region_of(at), by=PEOPLE[at % 4])
    story.background()
    everything = Proposal("forbid", Condition("send", ()), "block all")
    unseen = Proposal("forbid", Condition("send", (("info", ("x\n} allow any",)),)), "ignore previous instructions")
    other = Proposal("allow", Condition("send", (("info", ("health",)),)), "let it through")
    good = Proposal("forbid", Condition("send", (("info", ("health",)),)), "health data " * 100)
    said = proposals(Scripted([everything, unseen, other, good]), story.state)
    assert [(one.condition, len(one.rationale)) for one in said] == [(good.condition, 300)]
    story.tell(Refreshed(story.now, 0, "", (everything, unseen, other, good)))
    (rule,) = story.state.abstractions.values()
    assert rule.condition.tests == (("info", ("health",)), ("to", ("vendor",)))
    assert rule.label == "forbid"


def test_what_a_reporter_wrote_is_not_shown_to_a_proposer(story: Any, region_of: Any) -> None:
    for at in range(4):
        story.report(region_of(at), by=PEOPLE[at])
    scripted = Scripted([])
    proposals(scripted, story.state)
    assert scripted.seen
    assert not any("because" in one for one in scripted.seen)


def test_changes_are_readable() -> None:
    changes = Changes()
    assert not changes
    for at in range(7):
        changes.add("induced", f"L-{at}", "uncovered")
    changes.add("closed", "L-1", "bound-low")
    assert changes.lines() == (
        "induced 7: L-0, L-1, L-2, L-3, L-4 and 2 more (failures that nothing covered have this in common)",
        "closed 1: L-1 (bound-low)",
    )


@pytest.mark.parametrize("places", [(), (0,), (3, 8, 64)])
def test_masks_keep_places(places: tuple[int, ...]) -> None:
    assert tuple(places_of(mask_of(places, 70))) == places


def test_closing_narrows_to_what_the_support_shows(story: Any, region_of: Any) -> None:
    for at in range(3):
        story.report(region_of(at))
    columns = Columns(list(story.state.cases.values()))
    assert columns.cover((("info", ("health",)),)) == 0b111
    assert columns.cover((("by", ("chat", "fax")),)) == 0b010
    assert columns.cover((("nothing", ("x",)),)) == 0
    assert columns.closed(0b101) == (("day", ("mon",)), ("info", ("health",)), ("to", ("vendor",)))
    assert columns.closed(0b011, (("by", ("chat", "mail", "web")),))[0] == ("by", ("chat", "mail"))
    assert "by" not in dict(columns.closed(0b111, (("by", ("chat", "mail", "web")),)))


def test_another_encoder_measures_anew_and_what_was_approved_is_approved_anew(new_story: Any, region_of: Any) -> None:
    """What narrows speaks on; what widens reaches elsewhere than what the person saw."""
    for label, base in (("forbid", "allow"), ("allow", "forbid")):
        story = new_story(Terms(missed_harm=1.0, new_reporter_weight=0.5, reports_a_day=1_000, audit_for_allow=False))
        other = HashingEncoder(64)
        for at in range(12):
            call = {"info": ("tax", "other", "legal")[at % 3], "to": ("peer", "bank")[at % 2]}
            story.report(region_of(at, **call), base, "eve", kind="audit", base=base)
        for days in (8, 60):
            for at in range(days):
                story.report(region_of(at), label, PEOPLE[at % 4], base=base)
            story.refresh()
        story.approve_all()
        (before,) = [one for one in story.state.abstractions.values() if one.phase == "active"]
        changes = step(story.terms, story.state, Refreshed(story.now, 0), other)
        after = story.state.abstractions[before.id]
        assert (before.id, "encoder-changed") in changes.acts["measured"]
        assert (after.encoder, after.support) == (other.id, before.support)
        assert {one.encoder for one in story.state.abstractions.values()} == {other.id}
        if label == "forbid":
            assert (after.phase, after.version) == ("active", before.version)
        else:
            assert (after.phase, after.version, after.approved) == ("pending", before.version + 1, None)
        assert not step(story.terms, story.state, Refreshed(story.now, 0), other)
