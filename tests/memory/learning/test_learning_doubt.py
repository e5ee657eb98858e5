"""doubt.py and carve.py: a rule that speaks falls silent where different people contradict it, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from memory import Context, Terms
from memory.learning.index import fires

PEOPLE = ("ann", "bob", "cid", "dan")


def _learned(story: Any, region_of: Any) -> str:
    """A rule that speaks, confirmed on Sundays too: too well for split.py to tell them apart by four contradictions."""
    rule: str = story.learned(confirmations=48)
    for at in range(8):
        story.report(region_of(at, day="sun"), "forbid", PEOPLE[at % 4])
    story.refresh()
    return rule


def _contradicted(story: Any, region_of: Any, people: tuple[str, ...], **more: Any) -> tuple[str, Any]:
    """A rule that was right on Sundays, then a complaint of each of `people`; what the next refresh changed."""
    rule = _learned(story, region_of)
    for at, name in enumerate(people):
        story.report(region_of(at, day="sun"), "allow", name, **{"effect": "ask", **more})
    return rule, story.refresh()


def _speaks(story: Any, rule: str, day: str, region_of: Any) -> bool:
    found = story.state.abstractions[rule]
    context = Context("send", tuple(sorted(region_of(0, day=day).items())))
    return found.phase == "active" and fires(story.state, found, context)


def test_four_people_running_silence_it_where_they_were_and_nowhere_else(story: Any, region_of: Any) -> None:
    rule, changes = _contradicted(story, region_of, PEOPLE)
    ((child, why),) = changes.acts["split"]
    assert why == "contradicted"
    assert story.state.abstractions[rule].exceptions == (child,)
    assert story.state.abstractions[child].label == "allow"
    assert not _speaks(story, rule, "sun", region_of)
    assert _speaks(story, rule, "mon", region_of)
    assert story.state.lineage[-1].parents == (rule,)
    assert not story.refresh(), "a second refresh changes nothing"


@pytest.mark.parametrize(
    ("people", "more"),
    [
        pytest.param(("ann",) * 9, {}, id="one person, nine times"),
        pytest.param(("ann", "bob") * 3, {}, id="two people, three times each"),
        pytest.param(("bot-1", "bot-2", "bot-3", "bot-4", "bot-5"), {"kind": "automated"}, id="agents"),
        pytest.param(PEOPLE, {"effect": "allow"}, id="decisions that it had not touched"),
    ],
)
def test_fewer_agents_and_complaints_about_the_base_do_not(
    new_story: Any, region_of: Any, people: tuple[str, ...], more: dict[str, Any]
) -> None:
    story = new_story()
    _, changes = _contradicted(story, region_of, people, **more)
    assert "contradicted" not in {why for rows in changes.acts.values() for _, why in rows}


@pytest.mark.parametrize(("people", "is_silenced"), [(PEOPLE[:3], False), (PEOPLE, True)])
def test_whom_the_terms_half_believe_there_have_to_be_more_of(
    new_story: Any, region_of: Any, people: tuple[str, ...], is_silenced: bool
) -> None:
    story = new_story(terms=Terms(missed_harm=1.0, new_reporter_weight=0.25, reports_a_day=1_000))
    _, changes = _contradicted(story, region_of, people)
    assert ("contradicted" in {why for rows in changes.acts.values() for _, why in rows}) == is_silenced


def test_a_confirmation_among_the_last_ends_the_run(story: Any, region_of: Any) -> None:
    rule = _learned(story, region_of)
    for at, name in enumerate(PEOPLE):
        story.report(region_of(at, day="sun"), "allow", name, effect="ask")
    story.report(region_of(0, day="sun"), "forbid", "ann", effect="ask")
    story.report(region_of(1, day="sun"), "forbid", "bob", effect="ask")
    assert "contradicted" not in {why for rows in story.refresh().acts.values() for _, why in rows}
    assert not story.state.abstractions[rule].exceptions


def test_histories_that_differ_in_nothing_else_fold_to_the_same_state(story: Any, region_of: Any) -> None:
    _contradicted(story, region_of, PEOPLE)
    assert story.folded().abstractions == story.state.abstractions
