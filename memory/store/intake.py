"""Taking reports into the log: many at once, in one transaction, each decided for itself.

The tenant's row is locked first, so the order of reports, the duplicates among them and the daily quota are exact with
any number of processes; the unique constraints of `receipt` would stop a writer that forgot to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import BindParameter, Connection, and_, bindparam, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from ..model import Reported
from . import arrays, lists
from .events import NO_LINK, Row, logged, place
from .rows import Values
from .tables import AUDIT, EVENT, RECEIPT, TENANT

DAY: Final = 86_400_000_000
"""Microseconds; a quota's day begins at midnight UTC."""

MOST: Final = 1_000
"""Reports of one transaction: the values of its statements stay below SQLite's bound of 32,766."""

Receipt = Literal["taken", "again", "duplicate-report", "daily-quota", "no-right", "bad-report"]
"""`again`: the same report under the same idempotency key stands in the log already. Only `taken` wrote anything."""


def lock_tenant(connection: Connection, tenant: str) -> Any:
    """The tenant's row, which no other transaction can change until this one ends; made where there is none."""
    row = connection.execute(_LOCKED, {"of": tenant}).one_or_none()
    if row is None:
        new = {column.name: 0 for column in TENANT.c if column.name not in ("tenant", "link", "policy_hash")}
        add = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        values = {**new, "tenant": tenant, "link": NO_LINK, "policy_hash": ""}
        connection.execute(add(TENANT).on_conflict_do_nothing(), values)
        row = connection.execute(_LOCKED, {"of": tenant}).one()
    return row


# Made once: building a statement costs SQLAlchemy ten times what executing one does.
_OF: Final[BindParameter[str]] = bindparam("of")
_LOCKED: Final = select(TENANT).where(TENANT.c.tenant == _OF).with_for_update()
_ADD_EVENT: Final = insert(EVENT)
_KEYED: Final = (
    select(RECEIPT.c.reporter, RECEIPT.c.idempotency, *EVENT.c)
    .join(EVENT, and_(EVENT.c.tenant == RECEIPT.c.tenant, EVENT.c.sequence == RECEIPT.c.sequence))
    .where(
        RECEIPT.c.tenant == _OF,
        tuple_(RECEIPT.c.reporter, RECEIPT.c.idempotency).in_(bindparam("keys", expanding=True)),
    )
)


def add_events(connection: Connection, tenant: str, rows: Sequence[Row]) -> None:
    connection.execute(_ADD_EVENT, [{"tenant": tenant, **row._asdict()} for row in rows])


def receive(connection: Connection, tenant: str, reports: Sequence[Reported], quota: int) -> list[Receipt]:
    """Append the reports of one tenant that may be appended. `quota` is how many one reporter may make in a day."""
    row = lock_tenant(connection, tenant)
    desk = _Desk.open(connection, tenant, reports, quota)
    head, last = row.head, row.link
    placed: list[Row] = []
    taken: list[Values] = []
    receipts: list[Receipt] = []
    for report in reports:
        receipt = desk.judge(report)
        if receipt == "taken":
            try:
                event = place(tenant, head, last, report)
            except UnicodeEncodeError:  # of this one alone: those beside it are none the worse for it
                receipt = "bad-report"
            else:
                head, last = event.sequence, event.link
                placed.append(event)
                taken.append(desk.take(report, head))
        receipts.append(receipt)
    if placed:
        append = arrays.append if connection.dialect.name == "postgresql" else lists.append
        append(connection, tenant, [one._asdict() for one in placed], taken, head, last)
        _close_audits(connection, tenant, zip(reports, receipts, strict=True))
    return receipts


@dataclass(frozen=True, slots=True)
class _Known:
    """A report that stands in the log, or is about to."""

    decision: str
    label: str
    because: str


@dataclass(slots=True)
class _Desk:
    """What is known of the reporters at hand while their reports are taken in."""

    quota: int
    barred: frozenset[str]
    decisions: set[tuple[str, str]]
    keys: dict[tuple[str, str], _Known]
    today: dict[tuple[str, int], int]

    @classmethod
    def open(cls, connection: Connection, tenant: str, reports: Sequence[Reported], quota: int) -> _Desk:
        decisions = list({(report.observed.id, report.reporter.id) for report in reports})
        days = list({(report.reporter.id, report.at // DAY) for report in reports})
        ask = arrays.seen if connection.dialect.name == "postgresql" else lists.seen
        barred, known, today = ask(connection, tenant, decisions, days)
        desk = cls(quota, barred, known, {}, defaultdict(int, today))
        desk._read_keys(connection, tenant, reports)
        return desk

    def _read_keys(self, connection: Connection, tenant: str, reports: Sequence[Reported]) -> None:
        """What an idempotency key that is used again was used for."""
        keys = list({(report.reporter.id, report.key) for report in reports if report.key})
        if not keys:
            return
        for row in connection.execute(_KEYED, {"of": tenant, "keys": keys}):
            kept = logged(Row(row.sequence, row.at, row.kind, row.through, row.body, row.link)).event
            assert isinstance(kept, Reported)
            self.keys[row.reporter, row.idempotency] = _Known(kept.observed.id, kept.label, kept.because)

    def judge(self, report: Reported) -> Receipt:
        reporter = report.reporter.id
        if reporter in self.barred:
            return "no-right"
        known = self.keys.get((reporter, report.key)) if report.key else None
        if known is not None:
            return "again" if known == _Known(report.observed.id, report.label, report.because) else "duplicate-report"
        if (report.observed.id, reporter) in self.decisions:
            return "duplicate-report"
        if self.today[reporter, report.at // DAY] >= self.quota and report.reporter.kind not in _UNCOUNTED:
            return "daily-quota"
        return "taken"

    def take(self, report: Reported, sequence: int) -> Values:
        reporter, day = report.reporter.id, report.at // DAY
        self.today[reporter, day] += 1
        self.decisions.add((report.observed.id, reporter))
        if report.key:
            self.keys[reporter, report.key] = _Known(report.observed.id, report.label, report.because)
        return {
            "day": day,
            "decision": report.observed.id,
            "idempotency": report.key or None,
            "reporter": reporter,
            "sequence": sequence,
        }


_UNCOUNTED: Final = ("audit",)
"""An auditor answers what was drawn, which is bounded by the rate of drawing; a quota would only lose labels."""


def _close_audits(connection: Connection, tenant: str, decided: Iterable[tuple[Reported, Receipt]]) -> None:
    for report, receipt in decided:
        if receipt == "taken" and report.reporter.kind == "audit":
            this = (AUDIT.c.tenant == tenant, AUDIT.c.decision == report.observed.id)
            said: Mapping[str, Any] = {"adjudicated": report.at, "auditor": report.reporter.id, "label": report.label}
            connection.execute(update(AUDIT).where(*this).values(said))
