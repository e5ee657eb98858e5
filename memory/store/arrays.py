"""What intake.py asks and writes, for PostgreSQL: one statement of constant text each, with an array for every column.

A list of values in the text of a statement makes another statement for every length of the list, which SQLAlchemy has
to spell and PostgreSQL to plan anew; and an insert of many rows is a statement for each row. With arrays, joined as a
table (`unnest`), the driver prepares both statements once. SQLite has no arrays and no round trips to save.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    LargeBinary,
    Table,
    Text,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.dml import Insert

from .tables import EVENT, RECEIPT, RETRACTED, TENANT

BARRED: Final = "barred"
SAME: Final = "same"
TODAY: Final = "today"
"""Kinds of the rows that a question about the reporters at hand gives (`seen_of`)."""


class Seen(NamedTuple):
    """Of the reporters at hand: who is retracted, which of the decisions they reported on, how often on which day."""

    barred: frozenset[str]
    decisions: set[tuple[str, str]]
    today: dict[tuple[str, int], int]


def seen(
    connection: Connection, tenant: str, decisions: Sequence[tuple[str, str]], days: Sequence[tuple[str, int]]
) -> Seen:
    """`decisions` are pairs of decision and reporter, `days` of reporter and day; neither holds a pair twice."""
    given = {
        "of": tenant,
        "reporters": list({reporter for _, reporter in decisions}),
        "decision": [decision for decision, _ in decisions],
        "by": [reporter for _, reporter in decisions],
        "counted": [reporter for reporter, _ in days],
        "day": [day for _, day in days],
    }
    return seen_of(connection.execute(_SEEN, given))


def seen_of(rows: Iterable[Any]) -> Seen:
    """From rows of kind, reporter, decision, day and count: which of these count depends on the kind."""
    barred: set[str] = set()
    decisions: set[tuple[str, str]] = set()
    today: dict[tuple[str, int], int] = {}
    for kind, reporter, decision, day, count in rows:
        if kind == BARRED:
            barred.add(reporter)
        elif kind == SAME:
            decisions.add((decision, reporter))
        elif count:
            today[reporter, day] = count
    return Seen(frozenset(barred), decisions, today)


def append(
    connection: Connection,
    tenant: str,
    events: Sequence[Mapping[str, Any]],
    receipts: Sequence[Mapping[str, Any]],
    head: int,
    link: bytes,
) -> None:
    """Write the rows of both tables, by the names of their columns, and move the end of the tenant's log there."""
    given = {"of": tenant, "new_head": head, "new_link": link}
    connection.execute(_APPEND, {**given, **_by_column(EVENT, events), **_by_column(RECEIPT, receipts)})


def _by_column(table: Table, rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    kept = list(rows)
    return {f"{table.name}_{name}": [row[name] for row in kept] for name in _columns(table)}


def _columns(table: Table) -> list[str]:
    return [column.name for column in table.c if column.name != "tenant"]


def _array(name: str, kind: type[Any]) -> BindParameter[Any]:
    return bindparam(name, type_=ARRAY(kind))


_OF: Final[BindParameter[str]] = bindparam("of", type_=Text)

_pairs: Final = func.unnest(_array("decision", Text), _array("by", Text)).table_valued("decision", "reporter")
_asked: Final = _pairs.render_derived("asked")
_dates: Final = func.unnest(_array("counted", Text), _array("day", BigInteger)).table_valued("reporter", "day")
_day: Final = _dates.render_derived("dated")

_SEEN: Final = union_all(
    select(
        literal(BARRED, Text), RETRACTED.c.reporter, literal("", Text), literal(0, BigInteger), literal(0, BigInteger)
    ).where(RETRACTED.c.tenant == _OF, RETRACTED.c.reporter == func.any(_array("reporters", Text))),
    select(
        literal(SAME, Text), _asked.c.reporter, _asked.c.decision, literal(0, BigInteger), literal(0, BigInteger)
    ).where(
        exists().where(
            RECEIPT.c.tenant == _OF,
            and_(RECEIPT.c.decision == _asked.c.decision, RECEIPT.c.reporter == _asked.c.reporter),
        )
    ),
    select(
        literal(TODAY, Text),
        _day.c.reporter,
        literal("", Text),
        _day.c.day,
        # A subquery of each day, and no join: whatever the statistics say, it is a look-up in the index of days.
        select(func.count())
        .where(RECEIPT.c.tenant == _OF, RECEIPT.c.reporter == _day.c.reporter, RECEIPT.c.day == _day.c.day)
        .scalar_subquery(),
    ),
)

_KINDS: Final[dict[type[Any], type[Any]]] = {BigInteger: BigInteger, LargeBinary: LargeBinary, Text: Text}


def _insert(table: Table) -> Insert:
    names = _columns(table)
    arrays = [_array(f"{table.name}_{name}", _KINDS[type(table.c[name].type)]) for name in names]
    rows = func.unnest(*arrays).table_valued(*names).render_derived(f"new_{table.name}")
    return insert(table).from_select(["tenant", *names], select(_OF, *[rows.c[name] for name in names]))


_APPEND: Final = (
    update(TENANT)
    .where(TENANT.c.tenant == _OF)
    .values(head=bindparam("new_head"), link=bindparam("new_link"))
    .add_cte(_insert(EVENT).cte("events"), _insert(RECEIPT).cte("receipts"))
)
