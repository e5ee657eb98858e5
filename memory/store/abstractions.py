"""Abstractions in their tables: every version stays, and so does every reading of a gate.

A row of `abstraction` is in force while its `until` is NULL. A new version closes the row before and opens another;
what changes without a new version (phase, approval, support) changes the row in place. Each new reading is a row of
`reading`, under the sequence of the event at which the gate was read; `read` names the one in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, and_, bindparam, insert, select, update

from ..model import Abstraction, Condition, GateReading, State
from .rows import Values, json_of, names_of, reading_of, reading_row, text_of
from .tables import ABSTRACTION, READING

_Tests = tuple[tuple[str, tuple[str, ...]], ...]
_tests: Final = msgspec.json.Decoder(_Tests).decode


@dataclass(frozen=True, slots=True)
class Kept:
    """An abstraction as it stands in the tables: its row's `since`, and the event at which its gate was read."""

    abstraction: Abstraction
    since: int
    read: int | None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an abstraction and how long it was in force; `until` is None for the one that is."""

    abstraction: Abstraction
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Read:
    """One reading of a gate: of which version, when, and the phase that followed."""

    sequence: int
    at: int
    version: int
    phase: str
    reading: GateReading


def load(connection: Connection, tenant: str) -> dict[str, Kept]:
    """Those in force, in the order in which they were made."""
    readings = select(READING).join(
        ABSTRACTION,
        and_(
            ABSTRACTION.c.tenant == READING.c.tenant,
            ABSTRACTION.c.id == READING.c.abstraction,
            ABSTRACTION.c.read == READING.c.sequence,
        ),
    )
    read = {
        row.abstraction: reading_of(row)
        for row in connection.execute(
            readings.where(READING.c.tenant == tenant, ABSTRACTION.c.tenant == tenant, ABSTRACTION.c.until.is_(None))
        )
    }
    rows = connection.execute(
        select(ABSTRACTION)
        .where(ABSTRACTION.c.tenant == tenant, ABSTRACTION.c.until.is_(None))
        .order_by(ABSTRACTION.c.made, ABSTRACTION.c.id)
    )
    return {
        row.id: Kept(_abstraction_of(row, None if row.read is None else read[row.id]), row.since, row.read)
        for row in rows
    }


def versions(connection: Connection, tenant: str, id_: str) -> tuple[Version, ...]:
    """Every version of one abstraction that ever was, oldest first."""
    readings = {one.sequence: one.reading for one in read_of(connection, tenant, id_)}
    rows = connection.execute(
        select(ABSTRACTION).where(ABSTRACTION.c.tenant == tenant, ABSTRACTION.c.id == id_).order_by(ABSTRACTION.c.since)
    )
    return tuple([Version(_abstraction_of(row, readings.get(row.read)), row.since, row.until) for row in rows])


def read_of(connection: Connection, tenant: str, id_: str) -> tuple[Read, ...]:
    """Every reading of one abstraction's gate, oldest first."""
    rows = connection.execute(
        select(READING).where(READING.c.tenant == tenant, READING.c.abstraction == id_).order_by(READING.c.sequence)
    )
    return tuple([Read(row.sequence, row.at, row.version, row.phase, reading_of(row)) for row in rows])


def save(connection: Connection, before: Mapping[str, Kept], state: State, control: int, at: int) -> None:
    """Write what differs from `before`. `control` is the sequence of the event that made it so, `at` its time."""
    now = state.abstractions
    closed = [kept for id_, kept in before.items() if id_ not in now or now[id_].version != kept.abstraction.version]
    opened: list[Values] = []
    changed: list[Values] = []
    readings: list[Values] = []
    for id_, one in now.items():
        kept = before.get(id_)
        if kept is not None and (kept.abstraction is one or kept.abstraction == one):
            continue
        read = None if kept is None else kept.read
        if one.reading is None:
            read = None
        elif kept is None or kept.abstraction.reading != one.reading:
            read = control
            key = {"abstraction": id_, "sequence": control, "tenant": state.tenant}
            readings.append({**key, "at": at, "phase": one.phase, "version": one.version, **reading_row(one.reading)})
        if kept is None or kept.abstraction.version != one.version:
            opened.append({"id": id_, "since": control, "tenant": state.tenant, "until": None, **_row(one, read)})
        else:
            changed.append({"of_id": id_, "of_since": kept.since, "of_tenant": state.tenant, **_row(one, read)})
    this = [ABSTRACTION.c[name] == bindparam(f"of_{name}") for name in ("tenant", "id", "since")]
    if closed:
        ended = [{"of_tenant": state.tenant, "of_id": k.abstraction.id, "of_since": k.since} for k in closed]
        connection.execute(update(ABSTRACTION).where(*this).values(until=control), ended)
    if opened:
        connection.execute(insert(ABSTRACTION), opened)
    if changed:
        connection.execute(update(ABSTRACTION).where(*this), changed)
    if readings:
        connection.execute(insert(READING), readings)


def _row(one: Abstraction, read: int | None) -> Values:
    return {
        "alpha": one.alpha,
        "approved": one.approved,
        "approved_by": one.approved_by,
        "encoder": one.encoder,
        "exceptions": json_of(one.exceptions),
        "fired_at": one.fired_at,
        "label": one.label,
        "made": one.made,
        "made_at": one.made_at,
        "narrows_to": one.narrows_to,
        "parent": one.parent,
        "phase": one.phase,
        "policy_hash": one.policy_hash,
        "radius": one.radius,
        "rationale": json_of(one.rationale),
        "read": read,
        "support": json_of(one.support),
        "tests": json_of(one.condition.tests),
        "tool": one.condition.tool,
        "version": one.version,
    }


def _abstraction_of(row: Any, reading: GateReading | None) -> Abstraction:
    return Abstraction(
        id=row.id,
        version=row.version,
        label=row.label,
        condition=Condition(row.tool, _tests(row.tests.encode())),
        made=row.made,
        made_at=row.made_at,
        policy_hash=row.policy_hash,
        support=names_of(row.support),
        radius=row.radius,
        alpha=row.alpha,
        phase=row.phase,
        exceptions=names_of(row.exceptions),
        parent=row.parent,
        approved=row.approved,
        approved_by=row.approved_by,
        narrows_to=row.narrows_to,
        fired_at=row.fired_at,
        rationale=text_of(row.rationale),
        reading=reading,
        encoder=row.encoder,
    )
