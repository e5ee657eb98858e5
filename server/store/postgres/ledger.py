"""PostgreSQL's ledger: one transaction for all that waits, durable by `synchronous_commit`, in a chain of its own.

Every incarnation has a number from the table `writer`, and with it a range of positions that nobody else writes to:

    position = number * SPAN + sequence

So no replica waits for another's place in a chain, and positions still name one row of the database. An opening row
names the end of the newest chain there was, which pins that much of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg

from guardrail import Clock, instant
from guardrail.chain import Head, Row

from .. import approvals, changing
from ..approvals import Asked
from ..errors import StoreUnavailable
from ..incarnation import PURGE_ROWS, Incarnation, Keeping
from ..keys import Held, ring
from ..port import Batch, Write
from . import remembering
from .database import reason

if TYPE_CHECKING:
    from .database import Postgres
    from .session import Session

SPAN: Final = 2**28
"""Rows of one incarnation. 2**25 of them fit below 2**53, beyond which JSON's readers do not agree on an integer."""

ATTEMPTS: Final = 3
"""Times that a batch is written when PostgreSQL ended it for another's sake; then nothing of it is there."""

PURGE_SECONDS: Final = 10.0

_PURGE_LOCK: Final = 0x6C777072
_ENDED_FOR_ANOTHER: Final = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


@dataclass(slots=True)
class _Open:
    session: Session
    head: Head
    keys: int = -1
    purged: float = 0.0


class PostgresLedger:
    """See the module's text and port.Ledger."""

    def __init__(self, database: Postgres, identity: str, clock: Clock, retention_days: int) -> None:
        self._database = database
        self._keeping = Keeping(identity, clock, retention_days)
        self._open: _Open | None = None

    def open(self) -> None:
        if self._open is not None:
            if self._open.head.sequence < SPAN - SPAN // 4:
                return
            self.drop()
        session = self._database.connect()
        try:
            self._open = _Open(session, self._incarnation(session))
        except BaseException:
            session.close()
            raise

    def _incarnation(self, session: Session) -> Head:
        self._keeping.check(session, "address")
        remembering.check(self._database, *session.execute("SELECT version, replica FROM remembered_end").fetchone())
        incarnation = Incarnation.now(self._keeping.clock)
        session.execute("BEGIN")
        (number,) = session.execute(
            "INSERT INTO writer (incarnation, opened_at) VALUES (?, ?) RETURNING number",
            (incarnation.name, incarnation.at),
        ).fetchone()
        head, row = incarnation.first(session, int(number) * SPAN)
        _insert_records(session, [row])
        session.execute("COMMIT")
        return head

    def write(self, writes: Sequence[Write]) -> None:
        opened = self._opened()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                opened.head = self._write(opened, writes)
            except _ENDED_FOR_ANOTHER:
                if attempt == ATTEMPTS:
                    raise
                opened.session.execute("ROLLBACK")
                for write in writes:
                    write.error = None
            else:
                return

    def _write(self, opened: _Open, writes: Sequence[Write]) -> Head:
        session = opened.session
        batch = Batch(opened.head, self._keeping.today)
        session.execute("BEGIN")
        # Its lock is held to the end of the transaction, so that versions are committed in their order.
        version = remembering.turn(session, self._database, writes)
        _lock_approvals(session, writes)
        for write in writes:
            if write.error is None:
                changing.add(session, batch, write)
        with session.together():
            _insert_records(session, batch.rows)
            if batch.payloads:
                session.execute(_PAYLOAD, [list(column) for column in zip(*batch.payloads, strict=True)])
            for write in writes:
                if write.error is None:
                    mine = remembering.statements(write.remembered, version, self._database.replica)
                    for sql, values in (*write.statements, *mine):
                        session.execute(sql, values)
            session.execute("COMMIT")
        return batch.head

    def relieve(self) -> None:
        """PostgreSQL sees to its log by itself."""

    def look(self, held: Mapping[bytes, Held], *, idle: bool) -> Mapping[bytes, Held]:
        """The counter is read first: keys that change while they are read are read again next time."""
        opened = self._opened()
        session = opened.session
        version, end, replica = session.execute(
            "SELECT change.version, remembered_end.version, replica FROM change, remembered_end WHERE what = 'api_key'"
        ).fetchone()
        remembering.check(self._database, end, replica)
        found = held if version == opened.keys else ring(session, instant(self._keeping.clock()))
        opened.keys = version
        if idle and time.monotonic() - opened.purged > PURGE_SECONDS:
            self._purge(session)
            opened.purged = time.monotonic()
        return found

    def drop(self) -> None:
        if self._open is not None:
            session, self._open = self._open.session, None
            session.close()

    def reason(self, error: Exception) -> str:
        return reason(error)

    def _opened(self) -> _Open:
        if self._open is None:
            raise StoreUnavailable("the database is not open")
        return self._open

    def _purge(self, session: Session) -> None:
        """One replica at a time, so that no two wait for each other's rows."""
        session.execute("BEGIN")
        (mine,) = session.execute("SELECT pg_try_advisory_xact_lock(?::bigint)", (_PURGE_LOCK,)).fetchone()
        if mine:
            session.execute(
                "DELETE FROM payload WHERE position IN"
                " (SELECT position FROM payload WHERE written_on < ? ORDER BY written_on LIMIT ?)",
                (self._keeping.oldest_day, PURGE_ROWS),
            )
            approvals.purge(session, self._keeping.oldest, PURGE_ROWS)
        session.execute("COMMIT")


_RECORD: Final = (
    "INSERT INTO record (position, id, body, link) SELECT * FROM unnest(?::bigint[], ?::text[], ?::bytea[], ?::bytea[])"
)
_PAYLOAD: Final = (
    "INSERT INTO payload (position, written_on, salt, arguments, released, context, audit) SELECT * FROM"
    " unnest(?::bigint[], ?::bigint[], ?::bytea[], ?::bytea[], ?::bytea[], ?::bytea[], ?::double precision[])"
)


def _lock_approvals(session: Session, writes: Sequence[Write]) -> None:
    """In one order for all replicas, so that none waits for another that waits for it."""
    names = [change.approval for write in writes for change in write.approvals if not isinstance(change, Asked)]
    if names:
        session.execute("SELECT id FROM approval WHERE id = ANY(?) ORDER BY id FOR UPDATE", (names,)).fetchall()


def _insert_records(session: Session, rows: Sequence[Row]) -> None:
    """One statement however many rows."""
    if rows:
        session.execute(_RECORD, [list(column) for column in zip(*rows, strict=True)])
