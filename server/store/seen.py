"""Decisions as memory is told of them: the members of the Record, and beside them what the decision was made in.

Another tenant's Decisions are unknown ones. What was erased, or recorded without memory, has no context: nobody can
learn from it any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from guardrail import Principal

from .sql import Connection

PAGE_ROWS: Final = 500


class Seen(NamedTuple):
    """`context` is as memory wrote it; `audit` the probability of the draw, None where it was not drawn."""

    record: dict[str, Any]
    arguments: Any
    context: bytes | None
    audit: float | None

    @property
    def principal(self) -> Principal:
        """Who acted. A Record holds all that a Principal's key is made of, but for a chain of delegation."""
        record = self.record
        return Principal(record["tenant"], record["agent"], record["user"], frozenset(record["roles"]))


def one(connection: Connection, record_id: str, tenant: str) -> Seen | None:
    """The Decision on a call with this id; None for another tenant's, and for Records of other kinds."""
    found = connection.execute(f"{_SELECT} WHERE record.id = ?", (record_id,)).fetchone()
    if found is None:
        return None
    seen = _seen(found)
    return seen if _is_of(seen, tenant) else None


def several(connection: Connection, wanted: Sequence[tuple[str, str]]) -> list[Seen | None]:
    """As `one` for each pair of an id and a tenant, in their order."""
    found: dict[str, Seen] = {}
    names = sorted({name for name, _ in wanted})
    for start in range(0, len(names), PAGE_ROWS):
        page = names[start : start + PAGE_ROWS]
        marks = ", ".join("?" * len(page))
        for row in connection.execute(f"{_SELECT} WHERE record.id IN ({marks})", page):
            found[row[1]] = _seen(row)
    return [seen if (seen := found.get(name)) is not None and _is_of(seen, tenant) else None for name, tenant in wanted]


def tenant_of(connection: Connection, record_id: str) -> str | None:
    """Whose Record this is, for those who may see all; None for an unknown id."""
    found = connection.execute("SELECT body FROM record WHERE id = ?", (record_id,)).fetchone()
    return None if found is None else json.loads(found[0]).get("tenant") or ""


def drawn(connection: Connection, tenant: str, most: int, newest_by: str) -> list[Seen]:
    """`newest_by` is the database's own (port.Backend): no text of anybody else."""
    return _newest(connection, "payload.audit IS NOT NULL", tenant, most, newest_by)


def recent(connection: Connection, tenant: str, most: int, newest_by: str) -> list[Seen]:
    return _newest(connection, "payload.context IS NOT NULL", tenant, most, newest_by)


def _newest(connection: Connection, condition: str, tenant: str, most: int, newest_by: str) -> list[Seen]:
    found: list[Seen] = []
    for seen in _backwards(connection, condition, newest_by):
        if len(found) >= most:
            break
        if _is_of(seen, tenant):
            found.append(seen)
    return found


def _backwards(connection: Connection, condition: str, newest_by: str) -> Iterator[Seen]:
    """Newest first, a page at a time, so that no read transaction holds the WAL back. `condition` is constant text."""
    select = f"{_SELECT} WHERE {condition}"
    page = connection.execute(f"{select} ORDER BY {newest_by} DESC LIMIT ?", (PAGE_ROWS,)).fetchall()
    while page:
        yield from map(_seen, page)
        place = page[-1][1] if newest_by == "record.id" else page[-1][0]
        page = connection.execute(
            f"{select} AND {newest_by} < ? ORDER BY {newest_by} DESC LIMIT ?", (place, PAGE_ROWS)
        ).fetchall()


_SELECT: Final = (
    "SELECT record.position, record.id, record.body, payload.arguments, payload.context, payload.audit"
    " FROM record LEFT JOIN payload ON payload.position = record.position"
)


def _seen(row: tuple[int, str, bytes, bytes | None, bytes | None, float | None]) -> Seen:
    _, _, body, arguments, context, audit = row
    return Seen(json.loads(body), None if arguments is None else json.loads(arguments), context, audit)


def _is_of(seen: Seen, tenant: str) -> bool:
    return seen.record["kind"] == "decision" and (seen.record.get("tenant") or "") == tenant
