"""The SQLite file: where it is, how it is opened, and whether the file that was opened still stands at its path."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import StoreLocked, StoreUnavailable
from .schema import migrate

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
    """A path and the class of its connections (a test passes one that fails on purpose)."""

    path: Path
    factory: type[sqlite3.Connection] = sqlite3.Connection

    def create(self) -> None:
        """Make the file if there is none (mode 0600, its name durable), and bring its schema up to date."""
        with failures():
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
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
