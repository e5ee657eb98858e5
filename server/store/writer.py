"""The writer: one thread that owns the connection for records, and commits everything that waits at once.

    producers (event loop) --Handover--> queue --> writer thread: one transaction, one sync --> those producers

Rules. A producer hears of success only after COMMIT returned with `synchronous = FULL` and the files that were written
still stand at their paths. Whatever else happens is StoreUnavailable for every producer of the batch: the commit may or
may not have reached the disk, so nothing may be released on it. After a failure the connection is thrown away and the
database is opened anew, as a new incarnation that chains itself to whatever is found there.

Between batches the thread looks at the database every POLL_SECONDS: for keys changed by other processes, for payloads
whose time is over, and for a WAL to move into the database while nobody waits.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from guardrail import Clock, Record, instant, new_id
from guardrail.chain import Head, Row, opening, place
from server.exchange import Caller

from . import approvals
from .approvals import ApprovalChange
from .database import Database, Fingerprint, reason
from .errors import AlreadyAnswered, AlreadyUsed, StoreClosed, StoreError, StoreUnavailable, Unrecordable
from .keys import ring
from .schema import migrate

POLL_SECONDS: Final = 0.5
"""How often the writer looks for changes by others; half of the second within which a revoked key must be noticed."""

CHECKPOINT_BYTES: Final = 16 * 1024 * 1024
"""Written since the last checkpoint before a busy writer makes one. SQLite's own default is 4 MB, inside a commit."""

PURGE_ROWS: Final = 500
"""Payloads erased in one transaction, so that producers never wait long behind it."""

SECONDS_A_DAY: Final = 86_400

Statement = tuple[str, tuple[Any, ...]]
Outcome = asyncio.Future[None] | Future[None]


@dataclass(slots=True)
class Write:
    """What one producer wants durable, and the future that tells it."""

    records: Sequence[Record]
    statements: Sequence[Statement]
    done: Outcome
    approvals: Sequence[ApprovalChange] = ()
    error: StoreError | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """The writes of one turn of the event loop (None: of a thread that blocks), settled together."""

    loop: asyncio.AbstractEventLoop | None
    writes: list[Write]

    def settle(self) -> None:
        if self.loop is None:
            _settle(self.writes)
            return
        try:
            self.loop.call_soon_threadsafe(_settle, self.writes)
        except RuntimeError:  # the loop was closed: nobody waits any more
            return

    def fail(self, error: StoreError) -> None:
        for write in self.writes:
            write.error = error
        self.settle()


def _settle(writes: list[Write]) -> None:
    for write in writes:
        if not write.done.done():  # a producer that was cancelled does not listen
            if write.error is None:
                write.done.set_result(None)
            else:
                write.done.set_exception(type(write.error)(write.error.message))


@dataclass(slots=True)
class _Open:
    """The connection in use: what it writes to, and where its chain ends."""

    connection: sqlite3.Connection
    files: Fingerprint
    head: Head
    version: int = -1
    unmoved: int = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """The key ring as of a moment (`time.monotonic`)."""

    ring: Mapping[bytes, Caller] = field(default_factory=dict)
    at: float = float("-inf")


class Writer:
    """See the module's text. `submit` may be called from any thread."""

    def __init__(self, database: Database, clock: Clock, retention_days: int, identity: str) -> None:
        self.trouble: str | None = "the writer has not started"
        self.keys = Keys()
        self._database = database
        self._clock = clock
        self._retention_days = retention_days
        self._identity = identity
        self._queue: queue.SimpleQueue[Handover | None] = queue.SimpleQueue()
        self._accepts = False
        self._gate = threading.Lock()
        self._opened = threading.Event()
        self._open: _Open | None = None
        self._next_look = 0.0
        self._thread = threading.Thread(target=self._run, name="leastward-records", daemon=True)

    def start(self) -> None:
        """Start the thread; it opens the database at once. Returns when the first attempt succeeded or failed."""
        self._accepts = True
        self._thread.start()
        self._opened.wait()

    def submit(self, handover: Handover) -> None:
        with self._gate:
            if self._accepts:
                self._queue.put(handover)
                return
        handover.fail(StoreClosed("the store is closed"))

    def close(self) -> None:
        """Write what was handed over before, then stop. Returns when the thread has ended."""
        with self._gate:
            self._accepts = False
            self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._look()
            self._opened.set()
            going = True
            while going:
                waiting, going = self._next()
                if waiting:
                    self._commit(waiting)
                if going and time.monotonic() >= self._next_look:
                    self._look()
        finally:
            self._end()

    def _next(self) -> tuple[list[Handover], bool]:
        """Everything handed over by now, waiting for it up to the next look; False at the end of the store."""
        waiting: list[Handover] = []
        try:
            handover = self._queue.get(timeout=max(0.0, self._next_look - time.monotonic()))
            while handover is not None:
                waiting.append(handover)
                handover = self._queue.get_nowait()
        except queue.Empty:
            return waiting, True
        return waiting, False

    # --- writing ---------------------------------------------------------------------------------------------------

    def _commit(self, waiting: list[Handover]) -> None:
        try:
            opened = self._reopen() if self._open is None else self._open
            size = self._write(opened, [write for handover in waiting for write in handover.writes])
        except Exception as error:  # whatever went wrong, nobody may believe that it is durable
            self._fail(error)
            for handover in waiting:
                handover.fail(StoreUnavailable(self.trouble or ""))
            return
        for handover in waiting:
            handover.settle()
        opened.unmoved += size
        if opened.unmoved > CHECKPOINT_BYTES:
            try:
                self._checkpoint(opened)
            except Exception as error:
                self._fail(error)

    def _write(self, opened: _Open, writes: list[Write]) -> int:
        """One transaction. Returns about how many bytes it added to the WAL; raises when it is not known durable.

        A write whose change of an approval does not hold is left out whole, and the others of the batch are written.
        """
        head = opened.head
        rows: list[Row] = []
        payloads: list[tuple[Any, ...]] = []
        today = self._today()
        connection = opened.connection
        connection.execute("BEGIN IMMEDIATE")
        for write in writes:
            if write.approvals and not _change(connection, write):
                continue
            before, count = head, len(rows)
            try:
                for record in write.records:
                    head, row = place(head, record)
                    rows.append(row)
                    if record.payload is not None:
                        kept = record.payload
                        values = (kept.salt, kept.arguments, kept.released, kept.context, kept.audit)
                        payloads.append((row.position, today, *values))
            except (ValueError, TypeError) as error:
                head = before
                del rows[count:]
                while payloads and payloads[-1][0] > head.position:
                    payloads.pop()
                write.error = Unrecordable(str(error))
            if write.approvals:
                _close_change(connection, write)
        _insert(connection, _RECORD, rows)
        _insert(connection, _PAYLOAD, payloads)
        for write in writes:
            if write.error is None:
                for sql, values in write.statements:
                    connection.execute(sql, values)
        connection.execute("COMMIT")
        self._stand(opened)
        opened.head = head
        return sum(len(row.body) for row in rows) * 2 + 8192

    def _stand(self, opened: _Open) -> None:
        """A database that was moved away or deleted while open would take commits that nobody can ever find."""
        if self._database.fingerprint() != opened.files:
            raise StoreUnavailable("the database files were moved or replaced while in use")

    # --- opening and failing ---------------------------------------------------------------------------------------

    def _reopen(self) -> _Open:
        """Open the database as a new incarnation. It must be the one this store began with."""
        connection = self._database.connect()
        try:
            migrate(connection)
            (identity,) = connection.execute("SELECT identity FROM store").fetchone()
            if identity != self._identity:
                raise StoreUnavailable("another database stands at the path")
            now = self._clock()
            connection.execute("BEGIN IMMEDIATE")
            last = connection.execute("SELECT position, link FROM record ORDER BY position DESC LIMIT 1").fetchone()
            incarnation = new_id("inc", int(now.timestamp() * 1000), os.urandom(10))
            after = None if last is None else (int(last[0]), bytes(last[1]))
            head, row = opening(incarnation, instant(now), 1 if after is None else after[0] + 1, after)
            _insert(connection, _RECORD, [row])
            connection.execute("COMMIT")
            self._open = _Open(connection, self._database.fingerprint(), head)
        except BaseException:
            connection.close()
            raise
        self.trouble = None
        return self._open

    def _fail(self, error: Exception) -> None:
        self.trouble = error.message if isinstance(error, StoreError) else reason(error)
        if self._open is not None:
            connection, self._open = self._open.connection, None
            _close(connection)

    def _end(self) -> None:
        """Close the connection, and fail whoever is left, however the thread came to its end."""
        self.trouble = "the store is closed"
        self.keys = Keys()
        if self._open is not None:
            _close(self._open.connection)
        with self._gate:
            self._accepts = False
        while not self._queue.empty():
            handover = self._queue.get()
            if handover is not None:
                handover.fail(StoreClosed(self.trouble))
        self._opened.set()

    # --- between batches -------------------------------------------------------------------------------------------

    def _look(self) -> None:
        try:
            opened = self._reopen() if self._open is None else self._open
            self._stand(opened)
            self._refresh_keys(opened)
            if self._queue.empty():
                self._purge(opened)
                self._checkpoint(opened)
        except Exception as error:
            self._fail(error)
        self._next_look = time.monotonic() + POLL_SECONDS

    def _refresh_keys(self, opened: _Open) -> None:
        """`data_version` changes when another connection wrote, in this process or in another one."""
        at = time.monotonic()
        (version,) = opened.connection.execute("PRAGMA data_version").fetchone()
        found = self.keys.ring if version == opened.version else ring(opened.connection)
        opened.version = version
        self.keys = Keys(found, at)

    def _purge(self, opened: _Open) -> None:
        """Erase the oldest payloads that are over; days rise with positions, so the oldest stand first."""
        erased = opened.connection.execute(
            "DELETE FROM payload WHERE position IN (SELECT position FROM payload ORDER BY position LIMIT ?)"
            " AND written_on < ?",
            (PURGE_ROWS, self._today() - self._retention_days),
        ).rowcount
        now = self._clock()
        over = approvals.purge(opened.connection, instant(now - timedelta(days=self._retention_days)), PURGE_ROWS)
        opened.unmoved += erased + over

    def _today(self) -> int:
        return int(self._clock().timestamp()) // SECONDS_A_DAY

    def _checkpoint(self, opened: _Open) -> None:
        if opened.unmoved:
            opened.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            opened.unmoved = 0


_RECORD: Final = ("INSERT INTO record (position, id, body, link) VALUES ", "(?, ?, ?, ?)")
_PAYLOAD: Final = (
    "INSERT INTO payload (position, written_on, salt, arguments, released, context, audit) VALUES ",
    "(?, ?, ?, ?, ?, ?, ?)",
)
_ROWS_AT_ONCE: Final = 32
"""Rows of one statement. Each statement gives up Python's lock once, and each row costs less than in executemany."""


def _insert(connection: sqlite3.Connection, into: tuple[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
    whole = len(rows) - len(rows) % _ROWS_AT_ONCE
    if whole:
        sql = into[0] + ", ".join([into[1]] * _ROWS_AT_ONCE)
        for start in range(0, whole, _ROWS_AT_ONCE):
            connection.execute(sql, [value for row in rows[start : start + _ROWS_AT_ONCE] for value in row])
    if whole < len(rows):
        connection.executemany("".join(into), rows[whole:])


def _change(connection: sqlite3.Connection, write: Write) -> bool:
    """Make a write's changes of approvals behind a savepoint that stays open; whether all of them held."""
    connection.execute("SAVEPOINT approvals")
    try:
        for change in write.approvals:
            approvals.apply(connection, change)
    except (AlreadyAnswered, AlreadyUsed) as error:
        write.error = error
        _close_change(connection, write)
    return write.error is None


def _close_change(connection: sqlite3.Connection, write: Write) -> None:
    """Keep the changes, or take them back where the write failed (sqlite.org/lang_savepoint.html)."""
    if write.error is not None:
        connection.execute("ROLLBACK TO approvals")
    connection.execute("RELEASE approvals")


def _close(connection: sqlite3.Connection) -> None:
    try:
        connection.close()
    except sqlite3.Error:  # it is broken already; what matters has been said to the producers
        return
