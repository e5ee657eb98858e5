"""The tables (memory.md 7.1), in SQLAlchemy Core: one set for SQLite and PostgreSQL, made by migrations/.

Every table begins its primary key with `tenant`, so no query can be written that reaches past it by accident.

tenant    where the tenant's log ends, how far it is folded, and what of its State is one value
event     the log: append-only, hash-chained (events.py); everything below but `snapshot` can be made from it again
receipt   one row for each report: the database itself decides what is a duplicate, and counts the daily quota
audit     decisions drawn for audit, and what came of it
retracted reporters whose words do not count, and who may not report again
report, case_, abstraction, reading, evidence, lineage, trust, audited   the State, one row for each of its values
snapshot  what was published, whole and immutable

`abstraction` keeps every version: `until` is NULL for the one in force, `since` and `until` are sequences of the log.
`reading` only grows. Times are microseconds since 1970; texts that may hold any character are JSON.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, LargeBinary, MetaData, Table, Text, UniqueConstraint

METADATA: Final = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)
PREFIX: Final = "memory_"
"""Of every table: a PostgreSQL database may hold the gate's own tables beside them."""


def _table(name: str, *parts: Any, **options: Any) -> Table:
    return Table(PREFIX + name, METADATA, *parts, **options)


def _key(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _has(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _may(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, nullable=True)


TENANT: Final = _table(
    "tenant",
    _key("tenant"),
    _has("head", BigInteger),
    _has("link", LargeBinary),
    _has("folded", BigInteger),
    _has("control", BigInteger),
    _has("version", BigInteger),
    _has("state_sequence", BigInteger),
    _has("state_snapshot", BigInteger),
    _has("policy_hash"),
    _has("made", BigInteger),
)

EVENT: Final = _table(
    "event",
    _key("tenant"),
    _key("sequence", BigInteger),
    _has("at", BigInteger),
    _has("kind"),
    _may("through", BigInteger),
    _has("body", LargeBinary),
    _has("link", LargeBinary),
)

RECEIPT: Final = _table(
    "receipt",
    _key("tenant"),
    _key("decision"),
    _key("reporter"),
    _may("idempotency"),
    _has("day", BigInteger),
    _has("sequence", BigInteger),
    UniqueConstraint("tenant", "reporter", "idempotency"),
    Index(None, "tenant", "reporter", "day"),
    sqlite_with_rowid=False,  # a row is hardly more than its key: one tree less to write for each report
)

AUDIT: Final = _table(
    "audit",
    _key("tenant"),
    _key("decision"),
    _has("drawn_at", BigInteger),
    _has("probability", Double),
    _has("observed"),
    _may("adjudicated", BigInteger),
    _may("label"),
    _may("auditor"),
    Index(None, "tenant", "adjudicated", "drawn_at"),
)

RETRACTED: Final = _table("retracted", _key("tenant"), _key("reporter"), _has("sequence", BigInteger))

REPORT: Final = _table(
    "report",
    _key("tenant"),
    _key("sequence", BigInteger),
    _has("at", BigInteger),
    _has("decision"),
    _has("reporter"),
    _has("kind"),
    _has("unit"),
    _has("label"),
    _has("weight", Double),
    _has("standing"),
    _has("because"),
    Index(None, "tenant", "decision"),
    Index(None, "tenant", "reporter"),
)

CASE: Final = _table(
    "case",
    _key("tenant"),
    _key("id"),
    _has("sequence", BigInteger),
    _has("at", BigInteger),
    _has("tool"),
    _has("attributes"),
    _has("words"),
    _has("base"),
    _has("effect"),
    _has("policy_hash"),
    _may("audited", Double),
    Index(None, "tenant", "tool"),
)

ABSTRACTION: Final = _table(
    "abstraction",
    _key("tenant"),
    _key("id"),
    _key("since", BigInteger),
    _may("until", BigInteger),
    _has("version", BigInteger),
    _has("label"),
    _has("tool"),
    _has("tests"),
    _has("made", BigInteger),
    _has("made_at", BigInteger),
    _has("policy_hash"),
    _has("support"),
    _has("radius", Double),
    _has("alpha", Double),
    _has("phase"),
    _has("exceptions"),
    _may("parent"),
    _may("approved", BigInteger),
    _may("approved_by"),
    _has("narrows_to"),
    _has("fired_at", BigInteger),
    _has("rationale"),
    _may("read", BigInteger),
    Column("encoder", Text, nullable=False, server_default=""),
    Index(None, "tenant", "until", "phase"),
    Index(None, "tenant", "tool"),
)

READING: Final = _table(
    "reading",
    _key("tenant"),
    _key("abstraction"),
    _key("sequence", BigInteger),
    _has("version", BigInteger),
    _has("at", BigInteger),
    _has("phase"),
    _has("gate"),
    _has("open", Boolean),
    _has("why"),
    _has("confirming", Double),
    _has("against", Double),
    _has("reporters", BigInteger),
    _has("audits", BigInteger),
    _has("bound", Double),
    _has("log_e", Double),
    _has("threshold", Double),
    _has("alpha", Double),
)

EVIDENCE: Final = _table(
    "evidence",
    _key("tenant"),
    _key("abstraction"),
    _key("decision"),
    _has("sequence", BigInteger),
    _has("at", BigInteger),
    _has("right", Boolean),
    _has("weight", Double),
    _has("reporters"),
    _has("units"),
    _has("audit", Boolean),
    Index(None, "tenant", "decision"),
)

LINEAGE: Final = _table(
    "lineage",
    _key("tenant"),
    _key("number", BigInteger),
    _has("child"),
    _has("parents"),
    _has("act"),
    _has("at", BigInteger),
    _has("evidence"),
    Index(None, "tenant", "child"),
)

TRUST: Final = _table("trust", _key("tenant"), _key("reporter"), _has("agreed", Double), _has("disagreed", Double))

AUDITED: Final = _table("audited", _key("tenant"), _key("decision"), _has("label"))

SNAPSHOT: Final = _table(
    "snapshot",
    _key("tenant"),
    _key("version", BigInteger),
    _has("sequence", BigInteger),
    _has("state_snapshot", BigInteger),
    _has("at", BigInteger),
    _has("policy_hash"),
    _has("digest"),
    _has("body", LargeBinary),
)
