"""SQLite's ledger: one connection for Records, one transaction and one sync of the WAL for each batch.

A batch counts only if the files that were written still stand at their paths. The chain goes on from whatever row is
found last, as a new incarnation.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from guardrail import Clock, instant
from guardrail.chain import Head

from . import approvals, changing, state
from .database import Database, Fingerprint, reason
from .errors import StoreUnavailable
from .incarnation import PURGE_ROWS, Incarnation, Keeping
from .keys import Held, ring
from .port import Batch, Write
from .schema import migrate

CHECKPOINT_BYTES: Final = 16 * 1024 * 1024
"""Written since the last checkpoint before a busy writer makes one. SQLite's own default is 4 MB, inside a commit."""


@dataclass(slots=True)
class _Open:
    """The connection in use: what it writes to, and where its chain ends."""

    connection: sqlite3.Connection
    files: Fingerprint
    head: Head
    version: int = -1
    unmoved: int = 0


class SqliteLedger:
    """See the module's text and port.Ledger."""

    def __init__(self, database: Database, identity: str, clock: Clock, retention_days: int) -> None:
        self._database = database
        self._keeping = Keeping(identity, clock, retention_days)
        self._open: _Open | None = None

    def open(self) -> None:
        if self._open is not None:
            return
        connection = self._database.connect()
        try:
            migrate(connection)
            self._keeping.check(connection, "path")
            connection.execute("BEGIN IMMEDIATE")
            head, row = Incarnation.now(self._keeping.clock).first(connection)
            _insert(connection, _RECORD, [row])
            connection.execute("COMMIT")
            self._open = _Open(connection, self._database.fingerprint(), head)
        except BaseException:
            connection.close()
            raise

    def write(self, writes: Sequence[Write]) -> None:
        opened = self._opened()
        batch = Batch(opened.head, self._keeping.today)
        connection = opened.connection
        connection.execute("BEGIN IMMEDIATE")
        for write in writes:
            changing.add(connection, batch, write)
        _insert(connection, _RECORD, [(at, id, bytearray(body), bytearray(link)) for at, id, body, link in batch.rows])
        plain = [row for row in batch.payloads if row[4:] == _NOTHING_MORE]
        if len(plain) != len(batch.payloads):
            _insert(connection, _PAYLOAD, [row for row in batch.payloads if row[4:] != _NOTHING_MORE])
        _insert(connection, _PLAIN_PAYLOAD, [(at, on, bytearray(a), bytearray(b)) for at, on, a, b, *_ in plain])
        for write in writes:
            if write.error is None:
                for sql, values in (*write.statements, *state.statements(write.remembered)):
                    connection.execute(sql, values)
        connection.execute("COMMIT")
        self._stand(opened)
        opened.head = batch.head
        opened.unmoved += sum(len(row.body) for row in batch.rows) * 2 + 8192

    def relieve(self) -> None:
        opened = self._opened()
        if opened.unmoved > CHECKPOINT_BYTES:
            self._checkpoint(opened)

    def look(self, held: Mapping[bytes, Held], *, idle: bool) -> Mapping[bytes, Held]:
        """`data_version` changes when another connection wrote, in this process or in another one."""
        opened = self._opened()
        self._stand(opened)
        (version,) = opened.connection.execute("PRAGMA data_version").fetchone()
        found = held if version == opened.version else ring(opened.connection, instant(self._keeping.clock()))
        opened.version = version
        if idle:
            self._purge(opened)
            self._checkpoint(opened)
        return found

    def drop(self) -> None:
        if self._open is not None:
            connection, self._open = self._open.connection, None
            _close(connection)

    def reason(self, error: Exception) -> str:
        return reason(error)

    def _opened(self) -> _Open:
        if self._open is None:
            raise StoreUnavailable("the database is not open")
        return self._open

    def _stand(self, opened: _Open) -> None:
        """A database that was moved away or deleted while open would take commits that nobody can ever find."""
        if self._database.fingerprint() != opened.files:
            raise StoreUnavailable("the database files were moved or replaced while in use")

    def _purge(self, opened: _Open) -> None:
        """Erase the oldest payloads that are over; days rise with positions, so the oldest stand first."""
        erased = opened.connection.execute(
            "DELETE FROM payload WHERE position IN (SELECT position FROM payload ORDER BY position LIMIT ?)"
            " AND written_on < ?",
            (PURGE_ROWS, self._keeping.oldest_day),
        ).rowcount
        over = approvals.purge(opened.connection, self._keeping.oldest, PURGE_ROWS)
        opened.unmoved += erased + over

    def _checkpoint(self, opened: _Open) -> None:
        if opened.unmoved:
            opened.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            opened.unmoved = 0


_RECORD: Final = ("INSERT INTO record (position, id, body, link) VALUES ", "(?, ?, ?, ?)")
_PAYLOAD: Final = (
    "INSERT INTO payload (position, written_on, salt, arguments, released, context, audit) VALUES ",
    "(?, ?, ?, ?, ?, ?, ?)",
)
_PLAIN_PAYLOAD: Final = ("INSERT INTO payload (position, written_on, salt, arguments) VALUES ", "(?, ?, ?, ?)")
"""Of a call that was not rewritten, where there is no memory: nearly always."""
_NOTHING_MORE: Final = (None, None, None)

_ROWS_AT_ONCE: Final = 32
"""Rows of one statement. Each statement gives up Python's lock once, and each row costs less than in executemany. Bytes
are handed over as bytearrays, and NULLs left out: for every other type of value CPython's sqlite3 looks for an adapter,
and not to find one takes two exceptions (a quarter of the time of an INSERT)."""


def _insert(connection: sqlite3.Connection, into: tuple[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
    whole = len(rows) - len(rows) % _ROWS_AT_ONCE
    if whole:
        sql = into[0] + ", ".join([into[1]] * _ROWS_AT_ONCE)
        for start in range(0, whole, _ROWS_AT_ONCE):
            connection.execute(sql, [value for row in rows[start : start + _ROWS_AT_ONCE] for value in row])
    if whole < len(rows):
        connection.executemany("".join(into), rows[whole:])


def _close(connection: sqlite3.Connection) -> None:
    try:
        connection.close()
    except sqlite3.Error:  # it is broken already; what matters has been said to the producers
        return
