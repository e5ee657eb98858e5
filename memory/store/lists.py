"""What intake.py asks and writes, for SQLite: as arrays.py, with lists as JSON and rows as the driver takes them.

SQLite has no round trips to save, but SQLAlchemy spells a list of values in the text of a statement, and compiles the
parameters of every row of an insert: more work than the database has with them. One JSON text, joined as a table
(`json_each`), leaves the statement's text constant, and the rows of an insert go to the driver as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Connection,
    Text,
    bindparam,
    exists,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import sqlite

from .arrays import BARRED, SAME, TODAY, Seen, seen_of
from .rows import json_of
from .tables import EVENT, RECEIPT, RETRACTED, TENANT


def seen(
    connection: Connection, tenant: str, decisions: Sequence[tuple[str, str]], days: Sequence[tuple[str, int]]
) -> Seen:
    """As arrays.seen."""
    return seen_of(connection.execute(_SEEN, {"of": tenant, "pairs": json_of(decisions), "days": json_of(days)}))


def append(
    connection: Connection,
    tenant: str,
    events: Sequence[Mapping[str, Any]],
    receipts: Sequence[Mapping[str, Any]],
    head: int,
    link: bytes,
) -> None:
    """As arrays.append."""
    connection.exec_driver_sql(_ADD_EVENT, [{"tenant": tenant, **row} for row in events])
    connection.exec_driver_sql(_ADD_RECEIPT, [{"tenant": tenant, **row} for row in receipts])
    connection.execute(_MOVE, {"of": tenant, "new_head": head, "new_link": link})


def _text(statement: Any) -> str:
    """With `:name` for each value, as the driver takes dictionaries."""
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))


_ADD_EVENT: Final = _text(insert(EVENT))
_ADD_RECEIPT: Final = _text(insert(RECEIPT))

_OF: Final[BindParameter[str]] = bindparam("of", type_=Text)
_MOVE: Final = (
    update(TENANT).where(TENANT.c.tenant == _OF).values(head=bindparam("new_head"), link=bindparam("new_link"))
)


def _listed(name: str) -> tuple[Any, Any, Any]:
    """The JSON list `name` as a table, and the two members of each of its pairs."""
    each = func.json_each(bindparam(name, type_=Text)).table_valued("value", name=name)
    return each, func.json_extract(each.c.value, "$[0]"), func.json_extract(each.c.value, "$[1]")


_pairs, _decision, _by = _listed("pairs")
_days, _counted, _day = _listed("days")

_SEEN: Final = union_all(
    select(literal(BARRED), RETRACTED.c.reporter, literal(""), literal(0), literal(0)).where(
        RETRACTED.c.tenant == _OF, RETRACTED.c.reporter.in_(select(_by).select_from(_pairs))
    ),
    select(literal(SAME), _by, _decision, literal(0), literal(0))
    .select_from(_pairs)
    .where(exists().where(RECEIPT.c.tenant == _OF, RECEIPT.c.decision == _decision, RECEIPT.c.reporter == _by)),
    select(
        literal(TODAY),
        _counted,
        literal(""),
        _day,
        select(func.count())
        .where(RECEIPT.c.tenant == _OF, RECEIPT.c.reporter == _counted, RECEIPT.c.day == _day)
        .scalar_subquery(),
    ).select_from(_days),
)
