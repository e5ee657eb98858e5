"""The log's chain shows what was changed; its order is the one in which it was folded (memory/store/events.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory import Approved, Condition, Edited, Event, Refreshed, Rejected, Released, Reported, Retracted, RolledBack
from memory.store.events import KINDS, NO_LINK, Logged, Row, in_order, link, logged, place, verify

Rows = list[Row]


@pytest.fixture
def rows(kept: Any) -> Rows:
    first = kept.reported(because="a \N{SNOWMAN} and a \x00", key="k")
    events: list[tuple[Event, int | None]] = [
        (first, None),
        (Refreshed(2, 7, "7b"), 1),
        (Approved(3, "eve", "L-1", 1, "forbid"), 2),
        (Edited(4, "eve", "L-1", Condition("t", (("a", ("1", "2")),)), "narrower"), 3),
        (Rejected(5, "eve", "L-1", "no"), 4),
        (RolledBack(6, "eve", 1), 5),
        (Retracted(7, "eve", "bob"), 6),
        (Released(8, "eve", first), 7),
    ]
    made: Rows = []
    for event, through in events:
        head, before = (made[-1].sequence, made[-1].link) if made else (0, NO_LINK)
        made.append(place("acme", head, before, event, through))
    assert {row.kind for row in made} == set(KINDS)
    return made


def codes(rows: Rows, head: int, last: bytes, tenant: str = "acme") -> list[tuple[str, int]]:
    return [(problem.code, problem.sequence) for problem in verify(tenant, rows, head, last)]


def test_every_event_is_read_as_it_was_written(rows: Rows) -> None:
    for row in rows:
        found = logged(row)
        assert type(found.event) is KINDS[row.kind]
        assert place("acme", row.sequence - 1, NO_LINK, found.event, found.through).body == row.body
    assert codes(rows, 8, rows[-1].link) == []


def test_the_body_is_canonical(rows: Rows) -> None:
    assert rows[2].body == (
        b'{"event":{"abstraction":"L-1","at":3,"by":"eve","narrows_to":"forbid","version":1},'
        b'"kind":"approved","sequence":3,"tenant":"acme","through":2,"v":1}'
    )


def _link_anew(rows: Rows, first: int) -> Rows:
    """What somebody who can compute SHA-256 does after a change: the links from row `first` on, made again."""
    made = rows[:first]
    for row in rows[first:]:
        made.append(row._replace(link=link(made[-1].link if made else NO_LINK, row.body)))
    return made


TAMPERED: dict[str, tuple[Callable[[Rows], Rows], tuple[str, int]]] = {
    "a label is turned": (
        lambda rows: [rows[0]._replace(body=rows[0].body.replace(b'"forbid"', b'"allow"')), *rows[1:]],
        ("link", 1),
    ),
    "a row is left out": (lambda rows: [rows[0], *rows[2:]], ("sequence", 3)),
    "two rows change places": (lambda rows: [rows[1], rows[0], *rows[2:]], ("sequence", 2)),
    "a row becomes garbage": (lambda rows: [rows[0]._replace(body=b"{}"), *rows[1:]], ("unreadable", 1)),
    "an unknown kind": (
        lambda rows: [rows[0]._replace(body=rows[0].body.replace(b'"kind":"reported"', b'"kind":"x"')), *rows[1:]],
        ("unreadable", 1),
    ),
    "a column says another time": (lambda rows: [*rows[:2], rows[2]._replace(at=9), *rows[3:]], ("columns", 3)),
    "a column says another order": (lambda rows: [*rows[:2], rows[2]._replace(through=1), *rows[3:]], ("columns", 3)),
    "the tail is cut": (lambda rows: rows[:-1], ("truncated", 8)),
    "the tail is written anew": (
        lambda rows: _link_anew([*rows[:6], rows[6]._replace(body=rows[6].body.replace(b'"bob"', b'"ann"'))], 6),
        ("truncated", 8),
    ),
    "all is gone": (lambda rows: [], ("truncated", 1)),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_change_shows_at_its_first_row(rows: Rows, name: str) -> None:
    change, expected = TAMPERED[name]
    assert codes(change(rows), 8, rows[-1].link) == [expected]


def test_another_tenants_row_shows(rows: Rows) -> None:
    assert codes(rows, 8, rows[-1].link, "other") == [("tenant", 1)]


def test_the_order_of_the_fold_is_that_in_which_it_was_folded(kept: Any) -> None:
    """Three reports, a refresh that saw only the first, a report, a refresh that saw all but the last."""
    one, two, three, four, five = (kept.reported(f"dec-{n}") for n in range(1, 6))
    first, second = Refreshed(1, 0), Refreshed(2, 0)
    log = [
        Logged(number, through, event)
        for number, (event, through) in enumerate(
            [(one, None), (two, None), (three, None), (first, 1), (four, None), (five, None), (second, 5)], 1
        )
    ]
    assert list(in_order(log)) == [one, first, two, three, four, second, five]
    incremental = [*in_order(log[:1]), first, *in_order([log[1], log[2], log[4]]), second, *in_order([log[5]])]
    assert incremental == list(in_order(log))


def test_nothing_of_a_retracted_reporter_is_in_the_order(kept: Any) -> None:
    ann, bob = kept.reported(), kept.reported(by="bob")
    log = [Logged(1, None, bob), Logged(2, None, ann), Logged(3, 2, Retracted(1, "eve", "bob"))]
    assert list(in_order(log, frozenset({"bob"}))) == [ann]
    assert list(in_order(log)) == [bob, ann], "who is left out is the caller's: the store knows who was retracted"


def test_text_that_is_no_unicode_is_not_placed(kept: Any) -> None:
    with pytest.raises(UnicodeEncodeError):
        place("acme", 0, NO_LINK, kept.reported(because="\ud800"))


def test_a_report_is_the_only_event_without_an_order(rows: Rows) -> None:
    assert [isinstance(logged(row).event, Reported) for row in rows] == [row.through is None for row in rows]
