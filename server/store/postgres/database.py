"""A PostgreSQL database by its URL: how it is connected to, and what of port.Backend differs there."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from guardrail import Clock, Remembered
from guardrail.chain import Row, Verification, verify

from .. import state
from ..errors import StoreError, StoreUnavailable
from ..sql import Connection
from .schema import HEAD, SCHEMA, migrate, revision
from .watch import Watch

if TYPE_CHECKING:  # session.py, ledger.py and notices.py import psycopg, which only this kind of database needs
    import psycopg

    from .ledger import PostgresLedger
    from .session import Session

IDLE_SESSIONS: Final = 4
"""Connections kept open between pieces of work: a new one costs milliseconds, and every one a process of the server."""

_TURN_LOCK: Final = 0x6C777475
"""PostgreSQL's queue of the replicas that decide by what is remembered; first come, first served."""

_TRUSTED_SECONDS: Final = 0.5
"""After lying idle for so long a connection is asked whether it still stands before it is used."""


class Postgres:
    """See port.Backend. Safe to share between threads."""

    newest_by: Final = "record.id"
    """Positions rise with time in one chain only; ids of Decisions begin with their time."""

    def __init__(self, url: str, lease_seconds: float) -> None:
        self.lease_seconds: float | None = lease_seconds
        self._url = "postgresql://" + url.split("://", 1)[1]
        self._watch = Watch(lease_seconds)
        self._idle: list[tuple[float, Session]] = []
        self._lock = threading.Lock()
        self._serves = False
        self.replica = os.urandom(8).hex()
        self.followed = 0
        self.knows = False
        self.follows = False

    @property
    def place(self) -> str:
        from psycopg.conninfo import conninfo_to_dict

        said = conninfo_to_dict(self._url)
        return f"postgresql://{said.get('host', 'localhost')}/{said.get('dbname', '')}"

    def create(self) -> None:
        with failures():
            with self.session() as connection:
                there = revision(connection)
            if there != HEAD:
                migrate(self._url.replace("postgresql://", "postgresql+psycopg://", 1))

    def exists(self) -> bool:
        with self.session() as connection:
            return revision(connection) is not None

    def connect(self) -> Session:
        """A new connection. Raises psycopg.Error."""
        from .session import Session

        return Session(self._connected(), self._watch)

    def _connected(self) -> psycopg.Connection[Any]:
        import psycopg

        return psycopg.connect(self._url, autocommit=True, **_settings(self._url))

    def listen(self, heard: Callable[[str, str], None]) -> Callable[[], None]:
        from .notices import Notices

        return Notices(self._connected, heard).close

    @contextmanager
    def session(self) -> Iterator[Connection]:
        with failures():
            session = self._take()
            try:
                yield session
            except BaseException:
                session.close()  # whatever it was in the middle of
                raise
            self._give(session)

    def claim(self) -> Callable[[], None]:
        """Every replica has a chain of its own: nothing is claimed. From here on connections are kept."""
        self._serves = True
        return self.close

    def ledger(self, identity: str, clock: Clock, retention_days: int) -> PostgresLedger:
        with failures():
            from .ledger import PostgresLedger

        return PostgresLedger(self, identity, clock, retention_days)

    def verified(self, connection: Connection, rows: Iterable[Row], marks: Mapping[int, bytes]) -> Verification:
        """Every chain by itself, and that the row which each opening row names stands where it stood then.

        Another writer may have gone on since, so the row named is rarely the last one of its chain: it is looked for as
        a mark is, and `cut`, which asks for the last one, is left out.
        """
        seen = verify(rows, {**_named(connection), **marks})
        return replace(seen, problems=tuple(problem for problem in seen.problems if problem.code != "cut"))

    def ends(self, connection: Connection) -> Iterator[Row]:
        found = connection.execute(
            "SELECT position, id, body, link FROM record WHERE position IN"
            " (SELECT max(position) FROM record GROUP BY writer) ORDER BY position"
        )
        return map(Row._make, found.fetchall())

    def follow(self, connection: Connection, *, all_of_it: bool) -> list[Remembered]:
        """What other replicas remembered since this was last asked; or all that anybody did, to begin with."""
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        (end,) = connection.execute("SELECT version FROM remembered_end").fetchone()
        if all_of_it:
            rows = state.read(connection)
        else:
            found = connection.execute(
                "SELECT kind, owner, principal, body FROM remembered WHERE version > ? AND replica <> ?"
                " ORDER BY position",
                (self.followed, self.replica),
            )
            rows = [Remembered(*row) for row in found]
            self.follows = True
        connection.execute("COMMIT")
        self.followed, self.knows = end, True
        return rows

    def queue(self, seconds: float) -> Callable[[], None] | None:
        """The lock is a transaction's: a replica that dies in its turn, or stays in it for longer than PostgreSQL lets
        a transaction lie idle (`_settings`), keeps nobody waiting."""
        import psycopg

        with failures():
            session = self._take()
            try:
                session.execute("BEGIN")
                session.execute("SELECT set_config('lock_timeout', ?, true)", (f"{seconds * 1000:.0f}ms",))
                try:
                    session.execute("SELECT pg_advisory_xact_lock(?::bigint)", (_TURN_LOCK,))
                except psycopg.errors.LockNotAvailable:
                    self._leave(session)
                    return None
            except BaseException:
                session.close()
                raise
        return partial(self._leave, session)

    def _leave(self, session: Session) -> None:
        """End the transaction, and with it the turn."""
        import psycopg

        try:
            session.execute("ROLLBACK")
        except psycopg.Error:  # it is broken, or PostgreSQL ended it: the lock is gone with it
            session.close()
        else:
            self._give(session)

    def scrub(self, connection: Connection) -> None:
        """Nothing can be told to PostgreSQL here: a deleted row goes with the next vacuum (docs/replicas.md)."""

    def close(self) -> None:
        with self._lock:
            idle, self._idle, self._serves = self._idle, [], False
        for _, session in idle:
            session.close()

    def _take(self) -> Session:
        while True:
            with self._lock:
                since, session = self._idle.pop() if self._idle else (0.0, None)
            if session is None:
                return self.connect()
            if time.monotonic() - since < _TRUSTED_SECONDS or _stands(session):
                return session
            session.close()

    def _give(self, session: Session) -> None:
        with self._lock:
            kept = self._serves and len(self._idle) < IDLE_SESSIONS and not session.broken and session.idle
            if kept:
                self._idle.append((time.monotonic(), session))
        if not kept:
            session.close()


def _stands(session: Session) -> bool:
    import psycopg

    try:
        session.execute("SELECT 1").fetchone()
    except psycopg.Error:
        return False
    return True


def _named(connection: Connection) -> dict[int, bytes]:
    """The row, by position and link, that each opening row names. What cannot be read is for the chain to tell."""
    named: dict[int, bytes] = {}
    for (body,) in connection.execute("SELECT body FROM record WHERE id >= 'inc-' AND id < 'inc.'"):
        try:
            after = json.loads(body)["after"]
            if after is not None:
                named[int(after["position"])] = bytes.fromhex(after["link"])
        except (ValueError, KeyError, TypeError):
            continue
    return named


def _settings(url: str) -> dict[str, Any]:
    """How every connection is made, but for what the URL says itself. Seconds, and milliseconds inside `options`."""
    from psycopg.conninfo import conninfo_to_dict

    said = conninfo_to_dict(url)
    settings: dict[str, Any] = {
        "application_name": "leastward",
        "connect_timeout": 2,  # the least that libpq takes
        "keepalives_idle": 1,
        "keepalives_interval": 1,
        "keepalives_count": 2,
        "tcp_user_timeout": 2000,
        "target_session_attrs": "read-write",  # of several hosts in the URL the one that is the primary
        # A decision waits 5 s at most, and a transaction that this process left open is ended by the server.
        "options": f"-c search_path={SCHEMA} -c synchronous_commit=on -c lock_timeout=2000 -c statement_timeout=5000"
        " -c idle_in_transaction_session_timeout=5000",
    }
    if "options" in said:
        settings["options"] = f"{said['options']} {settings['options']}"
    return {name: value for name, value in settings.items() if name not in said or name == "options"}


@contextmanager
def failures() -> Iterator[None]:
    """Turn what the driver, SQLAlchemy and the system raise into StoreUnavailable."""
    try:
        yield
    except StoreError:
        raise
    except ImportError as error:
        raise StoreUnavailable("the database's driver is not installed: pip install leastward[postgres]") from error
    except Exception as error:
        if isinstance(error, OSError) or type(error).__module__.split(".")[0] in ("psycopg", "sqlalchemy"):
            raise StoreUnavailable(reason(error)) from error
        raise


def reason(error: Exception) -> str:
    """One line for /readyz and logs: the first of PostgreSQL's own, which has no values (those are in its DETAIL)."""
    text = str(getattr(error, "orig", error)).strip().split("\n", 1)[0]
    return f"the database failed: {text}" if text else "the database failed"
