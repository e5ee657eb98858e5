"""The SQLite file: where it is, how it is opened, and whether the file that was opened still stands at its path."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from guardrail import Clock, Remembered
from guardrail.chain import Row, Verification, verify

from . import audit, state
from .errors import StoreLocked, StoreUnavailable
from .schema import migrate
from .sql import Connection

if TYPE_CHECKING:  # ledger.py is built on this module
    from .port import Ledger

BUSY_SECONDS: Final = 2.0
"""How long a statement waits for another process's short write (a key issued by the command line) before it fails."""

_SETTINGS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # in WAL mode: one sync of the WAL for each commit (sqlite.org/pragma.html)
    "PRAGMA wal_autocheckpoint = 0",  # the writer moves the WAL into the database between commits, not inside them
    "PRAGMA secure_delete = ON",  # an erased payload is overwritten, not only unlinked
    "PRAGMA trusted_schema = OFF",  # the file may have been edited by hand; its schema must not run code
)

Fingerprint = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Database:
    """A path and the class of its connections (a test passes one that fails on purpose). See port.Backend."""

    path: Path
    factory: type[sqlite3.Connection] = sqlite3.Connection

    @property
    def lease_seconds(self) -> float | None:
        return None

    @property
    def place(self) -> str:
        return str(self.path)

    @property
    def followed(self) -> int:
        return 0

    @property
    def newest_by(self) -> str:
        return "payload.position"  # one writer at a time, so positions rise with time

    def exists(self) -> bool:
        return self.path.exists()

    def create(self) -> None:
        """Make the file if there is none (mode 0600, its name durable), and bring its schema up to date."""
        with failures():
            try:
                with suppress(FileExistsError):
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            except OSError as error:
                raise StoreUnavailable(
                    f"`{self.path}` cannot be made: {(error.strerror or 'unknown').lower()}"
                ) from error
            self.migrate()
            directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def migrate(self) -> None:
        """Bring the schema of the file, which must exist, up to date. Raises SchemaError, sqlite3.Error, OSError."""
        with self.connection() as connection:
            migrate(connection)

    def connect(self) -> sqlite3.Connection:
        """A new connection to the file, which must exist; it is used by the thread that made it.

        SQLite gives the WAL and shared-memory files the database's own mode, so 0600 is set before they are made.
        """
        if self.path.stat().st_mode & 0o077:
            self.path.chmod(0o600)
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            factory=self.factory,
        )
        try:
            for setting in _SETTINGS:
                connection.execute(setting)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one short piece of work."""
        with closing(self.connect()) as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[Connection]:
        with failures(), self.connection() as connection:
            yield connection

    def listen(self, heard: Callable[[str, str], None]) -> Callable[[], None]:
        """Nobody tells: the one writer of Records knows what it wrote, and looks for what others did."""
        return lambda: None

    def queue(self, seconds: float) -> Callable[[], None]:
        """There is no other writer to wait for."""
        return lambda: None

    def claim(self) -> Callable[[], None]:
        return partial(os.close, self.lock())

    def ledger(self, identity: str, clock: Clock, retention_days: int) -> Ledger:
        from .ledger import SqliteLedger

        return SqliteLedger(self, identity, clock, retention_days)

    def verified(self, connection: Connection, rows: Iterable[Row], marks: Mapping[int, bytes]) -> Verification:
        return verify(rows, marks)

    def ends(self, connection: Connection) -> Iterator[Row]:
        last = audit.last_row(connection)
        if last is not None:
            yield last

    def follow(self, connection: Connection, *, all_of_it: bool) -> list[Remembered]:
        return state.read(connection) if all_of_it else []  # there is no other writer

    def scrub(self, connection: Connection) -> None:
        """The deleted row is overwritten (secure_delete), and so is the log that still held it."""
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Every session closes its own connection."""

    def fingerprint(self) -> Fingerprint:
        """Which files stand at the path of the database and of its WAL now. Raises OSError where one is missing."""
        main, wal = os.stat(self.path), os.stat(f"{self.path}-wal")
        return (main.st_dev, main.st_ino), (wal.st_dev, wal.st_ino)

    def lock(self) -> int:
        """Take the right to write records; the result is the descriptor that holds it. Raises StoreLocked.

        A file of its own: closing any descriptor of the database would drop SQLite's own POSIX locks on it.
        """
        with failures():
            descriptor = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                raise StoreLocked(f"another process writes records into `{self.path.name}`") from None
            return descriptor


@contextmanager
def failures() -> Iterator[None]:
    """Turn what SQLite and the file system raise into StoreUnavailable."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(reason(error)) from error


def reason(error: Exception) -> str:
    """One line for /readyz and logs. SQLite's and the system's messages name no values, only what failed."""
    text = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
    return f"the database failed: {text}" if text else "the database failed"
