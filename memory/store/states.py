"""A State in its tables: loaded whole, saved as what differs from what was loaded.

    load:  rows -> State + Image, an index of the same values as they stand in the tables
    save:  Image against State -> deleted, changed and new rows

Values are frozen, so an Image holds the very objects that were loaded, and most comparisons end at `is`. Of a hundred
thousand cases every object more for each is 10 MB: an Image is the values in their order, and only what no longer
stands in its place is looked at by key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from operator import itemgetter
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from ..model import State
from . import abstractions, tables
from .rows import (
    Pool,
    Values,
    audited_row,
    case_of,
    case_row,
    evidence_of,
    evidence_row,
    lineage_of,
    lineage_row,
    report_of,
    report_row,
    trust_row,
)

Key: TypeAlias = str | int | tuple[str | int, ...]
"""A tuple where the table's key has more than one column besides the tenant."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What one table holds of a State: `values`, in an order that does not change while nothing does; `key` of each is
    the table's less the tenant; `put` places one back."""

    table: Table
    values: Callable[[State], Iterable[Any]]
    key: Callable[[Any], Key]
    row: Callable[[Any], Values]
    put: Callable[[State, Any, Pool], None]
    order: Sequence[str]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.table.primary_key)[1:]


def _put_case(state: State, row: Any, pool: Pool) -> None:
    found = case_of(row, pool)
    state.cases[found.id] = found


def _put_evidence(state: State, row: Any, pool: Pool) -> None:
    found = evidence_of(row, pool)
    state.evidence.setdefault(found.abstraction, {})[found.decision] = found


def _put_trust(state: State, row: Any, _pool: Pool) -> None:
    state.trust[row.reporter] = (row.agreed, row.disagreed)


def _put_audited(state: State, row: Any, pool: Pool) -> None:
    state.audited[row.decision] = pool.one(row.label)


_first: Final[Callable[[Any], Key]] = itemgetter(0)

PARTS: Final = (
    # Cases first: a report and a piece of evidence then share the text of their decision's id with its case.
    _Part(
        tables.CASE,
        lambda state: state.cases.values(),
        lambda case: case.id,
        case_row,
        _put_case,
        ("sequence", "id"),
    ),
    _Part(
        tables.REPORT,
        lambda state: state.reports,
        lambda report: report.sequence,
        report_row,
        lambda state, row, pool: state.reports.append(report_of(row, pool)),
        ("sequence",),
    ),
    _Part(
        tables.EVIDENCE,
        lambda state: chain.from_iterable(all_.values() for all_ in state.evidence.values()),
        lambda one: (one.abstraction, one.decision),
        evidence_row,
        _put_evidence,
        ("abstraction", "sequence", "decision"),
    ),
    _Part(
        tables.LINEAGE,
        lambda state: enumerate(state.lineage),
        _first,
        lambda pair: lineage_row(pair[1]),
        lambda state, row, pool: state.lineage.append(lineage_of(row, pool)),
        ("number",),
    ),
    _Part(
        tables.TRUST,
        lambda state: state.trust.items(),
        _first,
        lambda pair: trust_row(pair[1]),
        _put_trust,
        ("reporter",),
    ),
    _Part(
        tables.AUDITED,
        lambda state: state.audited.items(),
        _first,
        lambda pair: audited_row(pair[1]),
        _put_audited,
        ("decision",),
    ),
)


@dataclass(frozen=True, slots=True)
class Image:
    """What stands in the tables: the values of each part, and the rows of the abstractions in force."""

    parts: tuple[tuple[Any, ...], ...]
    abstractions: Mapping[str, abstractions.Kept]


def load(connection: Connection, tenant: Any) -> tuple[State, Image]:
    """The State of the tenant whose row is `tenant`."""
    state = State(
        tenant.tenant,
        sequence=tenant.state_sequence,
        snapshot=tenant.state_snapshot,
        policy_hash=tenant.policy_hash,
        made=tenant.made,
    )
    pool = Pool(state.cases)
    for part in PARTS:
        columns = part.table.c
        found = select(part.table).where(columns.tenant == tenant.tenant).order_by(*[columns[n] for n in part.order])
        for row in connection.execute(found.execution_options(yield_per=_PAGE)):
            part.put(state, row, pool)
    kept = abstractions.load(connection, tenant.tenant)
    state.abstractions = {id_: one.abstraction for id_, one in kept.items()}
    return state, image_of(state, kept)


_PAGE: Final = 2_000
"""Rows that the driver holds at once."""


def image_of(state: State, kept: Mapping[str, abstractions.Kept]) -> Image:
    return Image(tuple(tuple(part.values(state)) for part in PARTS), kept)


def scalars(state: State) -> Values:
    """What of a State stands in its tenant's row."""
    return {
        "made": state.made,
        "policy_hash": state.policy_hash,
        "state_sequence": state.sequence,
        "state_snapshot": state.snapshot,
    }


def save(connection: Connection, image: Image, state: State, control: int, at: int) -> None:
    """Write what differs. `control` is the sequence of the event that made it so, `at` its time."""
    for part, before in zip(PARTS, image.parts, strict=True):
        _save_part(connection, part, state.tenant, before, tuple(part.values(state)))
    abstractions.save(connection, image.abstractions, state, control, at)


def _save_part(connection: Connection, part: _Part, tenant: str, held: Sequence[Any], values: Sequence[Any]) -> None:
    # What stands in its place untouched is in neither: the rest is little, and only of that there are two tables.
    moved = [(was, one) for was, one in zip_longest(held, values) if was is not one]
    before = {part.key(was): was for was, _ in moved if was is not None}
    now = {part.key(one): one for _, one in moved if one is not None}
    gone = [key for key in before if key not in now]
    new = [(key, value) for key, value in now.items() if key not in before]
    changed = [(key, value) for key, value in now.items() if key in before and differs(before[key], value)]

    def names(key: Key, prefix: str = "") -> Values:
        parts = key if isinstance(key, tuple) else (key,)
        return {prefix + "tenant": tenant, **{prefix + name: one for name, one in zip(part.names, parts, strict=True)}}

    these = [part.table.c[name] == bindparam(f"of_{name}") for name in ("tenant", *part.names)]
    if gone:
        connection.execute(delete(part.table).where(*these), [names(key, "of_") for key in gone])
    if changed:
        rows = [{**names(key, "of_"), **part.row(value)} for key, value in changed]
        connection.execute(update(part.table).where(*these), rows)
    if new:
        connection.execute(insert(part.table), [{**names(key), **part.row(value)} for key, value in new])


def differs(one: object, other: object) -> bool:
    return one is not other and one != other
