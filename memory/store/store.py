"""The store: one tenant's events, State and snapshots, each change of them one transaction.

Every method of one tenant names it first and sees nothing of another. All may be called from any thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, and_, func, insert, select, union, update
from sqlalchemy.dialects import postgresql, sqlite

from ..model import Abstraction, Case, Event, Evidence, Lineage, Observed, Report, Reported, Retracted, Snapshot, State
from . import abstractions, intake, states
from .abstractions import Read, Version
from .database import Database
from .errors import Overtaken
from .events import NO_LINK, Control, Logged, Problem, Row, in_order, logged, place, verify
from .intake import Receipt
from .rows import Pool, case_of, evidence_of, lineage_of, report_of
from .schema import bring_up_to_date
from .snapshots import body_of, snapshot_of_body
from .tables import AUDIT, CASE, EVENT, EVIDENCE, LINEAGE, RECEIPT, REPORT, RETRACTED, SNAPSHOT, TENANT

_encode_observed: Final = msgspec.json.Encoder(order="sorted").encode
_decode_observed: Final = msgspec.json.Decoder(Observed).decode
_NONE: Final[Mapping[str, int]] = {}


@dataclass(frozen=True, slots=True)
class Held:
    """A tenant's State as it was saved last, to be changed and saved again.

    `pending` are the reports since, in order; fold them first. `version` is that of the snapshot in force, 0 for none.
    """

    state: State
    pending: tuple[Event, ...]
    version: int
    through: int
    folded: int
    control: int
    image: states.Image


class Store:
    """See the module's text. `url` is `sqlite:///PATH`, a path, or `postgresql://...`."""

    def __init__(self, url: str | os.PathLike[str]) -> None:
        self.database = Database(url)
        try:
            bring_up_to_date(self.database)
        except BaseException:
            self.database.close()
            raise

    def close(self) -> None:
        self.database.close()

    # --- the log ---------------------------------------------------------------------------------------------------

    def receive(self, reports: Sequence[Reported], quota: int, quotas: Mapping[str, int] = _NONE) -> list[Receipt]:
        """Append these reports, of whatever tenants, in one transaction; what came of each, in their order.

        `quota` is how many one reporter may make in a day, `quotas` that of tenants which have their own. At most
        `intake.MOST` at once. Raises StoreUnavailable, after which none of them is known to stand there.
        """
        by_tenant: dict[str, list[int]] = {}
        for number, report in enumerate(reports):
            by_tenant.setdefault(report.observed.tenant, []).append(number)
        receipts: list[Receipt] = ["no-right"] * len(reports)
        with self.database.writing() as connection:
            for tenant, numbers in sorted(by_tenant.items()):  # sorted: two writers lock tenants in the same order
                found = intake.receive(
                    connection, tenant, [reports[number] for number in numbers], quotas.get(tenant, quota)
                )
                for number, receipt in zip(numbers, found, strict=True):
                    receipts[number] = receipt
        return receipts

    def log(self, tenant: str, after: int = 0) -> Iterator[Logged]:
        """Every event above `after`, as written. Pages: no transaction stays open between them."""
        return map(logged, self._rows(tenant, after))

    def history(self, held: Held, tenant: str, without: frozenset[str] = frozenset()) -> Iterator[Event]:
        """All that `held` has folded or waits for, in the order of the fold, as if nobody retracted and nobody of
        `without` had ever been heard."""
        with self.database.reading() as connection:
            without |= _retracted(connection, tenant)
        return in_order((row for row in self.log(tenant) if row.sequence <= held.through), without)

    def verify(self, tenant: str) -> tuple[Problem, ...]:
        """Check the tenant's chain of events; its first problem, if it has one."""
        with self.database.reading() as connection:
            row = _tenant(connection, tenant)
        head, last = (0, NO_LINK) if row is None else (row.head, row.link)
        return verify(tenant, (found for found in self._rows(tenant, 0) if found.sequence <= head), head, last)

    def _rows(self, tenant: str, after: int) -> Iterator[Row]:
        wanted = select(EVENT).where(EVENT.c.tenant == tenant).order_by(EVENT.c.sequence).limit(_PAGE)
        while True:
            with self.database.reading() as connection:
                page = connection.execute(wanted.where(EVENT.c.sequence > after)).all()
            for row in page:
                yield Row(row.sequence, row.at, row.kind, row.through, row.body, row.link)
            if len(page) < _PAGE:
                return
            after = page[-1].sequence

    def tenants(self) -> set[str]:
        """Every tenant of which something was reported or drawn."""
        with self.database.reading() as connection:
            return set(connection.execute(union(select(TENANT.c.tenant), select(AUDIT.c.tenant))).scalars())

    # --- the state -------------------------------------------------------------------------------------------------

    def load(self, tenant: str) -> Held:
        """The tenant's State and the reports that it has not folded yet, as of one moment."""
        with self.database.reading() as connection:
            row = _tenant(connection, tenant)
            if row is None:
                state = State(tenant)
                return Held(state, (), 0, 0, 0, 0, states.image_of(state, {}))
            state, image = states.load(connection, row)
            retracted = _retracted(connection, tenant)
            new = select(EVENT).where(
                EVENT.c.tenant == tenant, EVENT.c.kind == "reported", EVENT.c.sequence > row.folded
            )
            rows = [logged(Row(*found[1:])) for found in connection.execute(new.order_by(EVENT.c.sequence))]
        return Held(state, tuple(in_order(rows, retracted)), row.version, row.head, row.folded, row.control, image)

    def save(self, held: Held, event: Control, state: State, snapshot: Snapshot | None) -> None:
        """Write what `event` made of `held`: the event, what differs in `state`, and `snapshot` (None: as it was).

        One transaction. Raises Overtaken, with nothing written, where someone else saved since `held` was loaded.
        """
        tenant = state.tenant
        with self.database.writing() as connection:
            row = intake.lock_tenant(connection, tenant)
            if (row.folded, row.control, row.version) != (held.folded, held.control, held.version):
                raise Overtaken("the tenant's memory was changed by someone else in the meantime")
            placed = place(tenant, row.head, row.link, event, held.through)
            intake.add_events(connection, tenant, [placed])
            if isinstance(event, Retracted):
                values = {"tenant": tenant, "reporter": event.reporter, "sequence": placed.sequence}
                connection.execute(_add(connection, RETRACTED).on_conflict_do_nothing(), values)
            states.save(connection, held.image, state, placed.sequence, event.at)
            version = held.version
            if snapshot is not None:
                version = snapshot.version
                connection.execute(insert(SNAPSHOT), _published(snapshot, placed, state.snapshot))
            connection.execute(
                update(TENANT)
                .where(TENANT.c.tenant == tenant)
                .values(
                    head=placed.sequence,
                    link=placed.link,
                    folded=held.through,
                    control=placed.sequence,
                    version=version,
                    **states.scalars(state),
                )
            )

    # --- what was published ----------------------------------------------------------------------------------------

    def version(self, tenant: str) -> int:
        """The version of the snapshot in force, 0 for none: one row read by its key."""
        with self.database.reading() as connection:
            found = connection.execute(select(TENANT.c.version).where(TENANT.c.tenant == tenant)).scalar()
        return int(found or 0)

    def snapshot(self, tenant: str, version: int | None = None) -> Snapshot | None:
        """A published snapshot, by default the one in force; None where there is none."""
        wanted = select(SNAPSHOT.c.body).where(SNAPSHOT.c.tenant == tenant)
        if version is None:
            in_force = and_(TENANT.c.tenant == SNAPSHOT.c.tenant, TENANT.c.version == SNAPSHOT.c.version)
            wanted = wanted.join(TENANT, in_force)
        else:
            wanted = wanted.where(SNAPSHOT.c.version == version)
        with self.database.reading() as connection:
            body = connection.execute(wanted).scalar()
        return None if body is None else snapshot_of_body(body)

    def digest(self, tenant: str, version: int) -> str | None:
        """The digest of a published snapshot; None for an unknown version."""
        wanted = select(SNAPSHOT.c.digest).where(SNAPSHOT.c.tenant == tenant, SNAPSHOT.c.version == version)
        with self.database.reading() as connection:
            return connection.execute(wanted).scalar()

    def number_of(self, tenant: str, version: int) -> tuple[int | None, bool]:
        """Which snapshot of the fold a published one is, and whether a reporter was retracted since.

        None for an unknown version. Version 0, the empty one, is number 0 of every history.
        """
        if version == 0:
            return 0, False
        wanted = select(SNAPSHOT.c.state_snapshot, SNAPSHOT.c.sequence)
        retracted = select(RETRACTED.c.reporter).where(RETRACTED.c.tenant == tenant)
        with self.database.reading() as connection:
            row = connection.execute(
                wanted.where(SNAPSHOT.c.tenant == tenant, SNAPSHOT.c.version == version)
            ).one_or_none()
            if row is None:
                return None, False
            later = connection.execute(retracted.where(RETRACTED.c.sequence > row.sequence).limit(1)).first()
            return row.state_snapshot, later is not None

    def published(self, tenant: str) -> tuple[tuple[int, int, str], ...]:
        """Version, time and digest of every snapshot, oldest first."""
        wanted = select(SNAPSHOT.c.version, SNAPSHOT.c.at, SNAPSHOT.c.digest).where(SNAPSHOT.c.tenant == tenant)
        with self.database.reading() as connection:
            return tuple([(row.version, row.at, row.digest) for row in connection.execute(wanted.order_by("version"))])

    # --- audit -----------------------------------------------------------------------------------------------------

    def draw(self, drawn: Sequence[Observed]) -> None:
        """Put decisions into the queue of those to be audited; one that is there already stays as it is."""
        rows = [
            {
                "decision": one.id,
                "drawn_at": one.at,
                "observed": _encode_observed(one).decode(),
                "probability": one.audited,
                "tenant": one.tenant,
            }
            for one in drawn
        ]
        with self.database.writing() as connection:
            connection.execute(_add(connection, AUDIT).on_conflict_do_nothing(), rows)

    def audits(self, tenant: str, limit: int) -> tuple[Observed, ...]:
        """Drawn decisions that nobody has adjudicated, oldest first."""
        waiting = select(AUDIT.c.observed).where(AUDIT.c.tenant == tenant, AUDIT.c.adjudicated.is_(None))
        with self.database.reading() as connection:
            found = connection.execute(waiting.order_by(AUDIT.c.drawn_at, AUDIT.c.decision).limit(limit))
            return tuple([_decode_observed(text) for text in found.scalars()])

    def waiting(self, tenant: str) -> int:
        """How many drawn decisions nobody has adjudicated."""
        wanted = select(func.count()).where(AUDIT.c.tenant == tenant, AUDIT.c.adjudicated.is_(None))
        with self.database.reading() as connection:
            return int(connection.execute(wanted).scalar_one())

    def drawn(self, tenant: str, decision: str) -> Observed | None:
        """A decision that was drawn for audit, adjudicated or not."""
        wanted = select(AUDIT.c.observed).where(AUDIT.c.tenant == tenant, AUDIT.c.decision == decision)
        with self.database.reading() as connection:
            text = connection.execute(wanted).scalar()
        return None if text is None else _decode_observed(text)

    # --- asking ----------------------------------------------------------------------------------------------------

    def heard(self, tenant: str, reporter: str) -> bool:
        """Whether this reporter ever reported."""
        wanted = select(RECEIPT.c.reporter).where(RECEIPT.c.tenant == tenant, RECEIPT.c.reporter == reporter).limit(1)
        with self.database.reading() as connection:
            return connection.execute(wanted).first() is not None

    def report(self, tenant: str, decision: str, reporter: str) -> Reported | None:
        """What this reporter said of this decision, as it was received; None where nothing was."""
        same = and_(EVENT.c.tenant == RECEIPT.c.tenant, EVENT.c.sequence == RECEIPT.c.sequence)
        wanted = select(EVENT).join(RECEIPT, same).where(RECEIPT.c.tenant == tenant, RECEIPT.c.decision == decision)
        with self.database.reading() as connection:
            row = connection.execute(wanted.where(RECEIPT.c.reporter == reporter)).one_or_none()
        event = (
            None if row is None else logged(Row(row.sequence, row.at, row.kind, row.through, row.body, row.link)).event
        )
        return event if isinstance(event, Reported) else None

    def quarantined(self, tenant: str, limit: int) -> tuple[Report, ...]:
        """Reports that are held back, newest first, as last saved."""
        held = select(REPORT).where(REPORT.c.tenant == tenant, REPORT.c.standing == "quarantined")
        pool = Pool()
        with self.database.reading() as connection:
            rows = connection.execute(held.order_by(REPORT.c.sequence.desc()).limit(limit))
            return tuple([report_of(row, pool) for row in rows])

    def said(self, tenant: str, decision: str) -> tuple[Case | None, tuple[Report, ...], tuple[Evidence, ...]]:
        """The case that one decision is, the reports on it and the evidence that it became, as last saved."""
        cases = select(CASE).where(CASE.c.tenant == tenant, CASE.c.id == decision)
        reports = select(REPORT).where(REPORT.c.tenant == tenant, REPORT.c.decision == decision)
        evidence = select(EVIDENCE).where(EVIDENCE.c.tenant == tenant, EVIDENCE.c.decision == decision)
        pool = Pool()
        with self.database.reading() as connection:
            case = connection.execute(cases).one_or_none()
            return (
                None if case is None else case_of(case, pool),
                tuple([report_of(row, pool) for row in connection.execute(reports.order_by(REPORT.c.sequence))]),
                tuple(
                    [evidence_of(row, pool) for row in connection.execute(evidence.order_by(EVIDENCE.c.abstraction))]
                ),
            )

    def abstractions(self, tenant: str) -> tuple[Abstraction, ...]:
        """Those in force, in the order in which they were made."""
        with self.database.reading() as connection:
            return tuple([kept.abstraction for kept in abstractions.load(connection, tenant).values()])

    def evidence(self, tenant: str, abstraction: str) -> tuple[Evidence, ...]:
        """All evidence on an abstraction, oldest first."""
        wanted = select(EVIDENCE).where(EVIDENCE.c.tenant == tenant, EVIDENCE.c.abstraction == abstraction)
        pool = Pool()
        with self.database.reading() as connection:
            rows = connection.execute(wanted.order_by(EVIDENCE.c.sequence, EVIDENCE.c.decision))
            return tuple([evidence_of(row, pool) for row in rows])

    def lineage(self, tenant: str, abstraction: str) -> tuple[Lineage, ...]:
        """How an abstraction came to be, oldest first."""
        wanted = select(LINEAGE).where(LINEAGE.c.tenant == tenant, LINEAGE.c.child == abstraction)
        pool = Pool()
        with self.database.reading() as connection:
            return tuple([lineage_of(row, pool) for row in connection.execute(wanted.order_by(LINEAGE.c.number))])

    def versions(self, tenant: str, abstraction: str) -> tuple[Version, ...]:
        """Every version that an abstraction ever had, oldest first; empty for an unknown one."""
        with self.database.reading() as connection:
            return abstractions.versions(connection, tenant, abstraction)

    def readings(self, tenant: str, abstraction: str) -> tuple[Read, ...]:
        """Every reading of an abstraction's gate, oldest first."""
        with self.database.reading() as connection:
            return abstractions.read_of(connection, tenant, abstraction)


_PAGE: Final = 2_000
"""Events read at once. Between pages no transaction is open, so a long check never holds SQLite's WAL back."""


def _tenant(connection: Connection, tenant: str) -> Any:
    return connection.execute(select(TENANT).where(TENANT.c.tenant == tenant)).one_or_none()


def _retracted(connection: Connection, tenant: str) -> frozenset[str]:
    return frozenset(connection.execute(select(RETRACTED.c.reporter).where(RETRACTED.c.tenant == tenant)).scalars())


def _add(connection: Connection, table: Any) -> Any:
    """An insert that knows `on_conflict_do_nothing`, which both databases have and SQLAlchemy's own does not."""
    return (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)


def _published(snapshot: Snapshot, event: Row, state_snapshot: int) -> dict[str, Any]:
    return {
        "at": event.at,
        "body": body_of(snapshot),
        "digest": snapshot.digest,
        "policy_hash": snapshot.policy_hash,
        "sequence": event.sequence,
        "state_snapshot": state_snapshot,
        "tenant": snapshot.tenant,
        "version": snapshot.version,
    }
