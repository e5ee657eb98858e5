"""What a database must do to be the Store's: Backend opens it, Ledger writes it, Connection reads and changes it.

Two keep this promise: SQLite (database.py, ledger.py) and PostgreSQL (postgres/). The SQL of approvals.py, audit.py,
keys.py, pins.py, runs.py, seen.py and state.py is for both: `?` for a value, and no type, function or name that one of
them lacks.
tests/store_contract runs one suite on both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from guardrail import Clock, Record, Remembered
from guardrail.chain import Head, Row, Verification, place

from .approvals import ApprovalChange
from .errors import StoreError, Unrecordable
from .keys import Held
from .sql import Connection
from .versions import PolicyChange

Statement = tuple[str, tuple[Any, ...]]
Outcome = asyncio.Future[None] | Future[None]


class Write(msgspec.Struct, eq=False):
    """What one producer wants durable, and the future that tells it.

    `since` is Store.followed as it stood when what is `remembered` was made; None: as it stands.
    """

    records: Sequence[Record]
    statements: Sequence[Statement]
    done: Outcome
    approvals: Sequence[ApprovalChange] = ()
    remembered: Sequence[Remembered] = ()
    since: int | None = None
    error: StoreError | None = None
    policies: Sequence[PolicyChange] = ()


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
        if not write.done.done():  # a producer that was cancelled, or gave up, does not listen
            if write.error is None:
                write.done.set_result(None)
            else:
                write.done.set_exception(type(write.error)(write.error.message))


@dataclass(frozen=True, slots=True)
class Keys:
    """The key ring as of a moment (`time.monotonic`)."""

    ring: Mapping[bytes, Held] = field(default_factory=dict)
    at: float = float("-inf")


class Batch:
    """The rows of one transaction, in the order of one chain that goes on from `head`."""

    def __init__(self, head: Head, today: int) -> None:
        self.head = head
        self.rows: list[Row] = []
        self.payloads: list[tuple[Any, ...]] = []
        self._today = today

    def add(self, write: Write) -> None:
        """Place the Records of a write. One that cannot be written leaves none of them, and says so in the write."""
        before, rows, payloads = self.head, len(self.rows), len(self.payloads)
        try:
            for record in write.records:
                self.head, row = place(self.head, record)
                self.rows.append(row)
                kept = record.payload
                if kept is not None:
                    values = (kept.salt, kept.arguments, kept.released, kept.context, kept.audit)
                    self.payloads.append((row.position, self._today, *values))
        except (ValueError, TypeError) as error:
            self.head = before
            del self.rows[rows:]
            del self.payloads[payloads:]
            write.error = Unrecordable(str(error))


class Ledger(Protocol):
    """The connection for Records; all of it is called by the writer's thread. Every method may raise anything."""

    def open(self) -> None:
        """Have a connection, and on it an incarnation with a chain of its own; nothing where both are there."""
        ...

    def write(self, writes: Sequence[Write]) -> None:
        """One transaction, durable on return. A write whose change of an approval does not hold, or whose Record has no
        encoding, is left out whole and holds its `error`; the others are written."""
        ...

    def relieve(self) -> None:
        """What has to be done after much was written, once everybody who waited was told."""
        ...

    def look(self, ring: Mapping[bytes, Held], *, idle: bool) -> Mapping[bytes, Held]:
        """Ask the database whether it is there; the key ring as of now. `idle`: nobody waits for a write."""
        ...

    def drop(self) -> None:
        """Give the connection up; nothing where there is none."""
        ...

    def reason(self, error: Exception) -> str:
        """One line for /readyz and logs, without values."""
        ...


class Backend(Protocol):
    """A database, and what differs between kinds of them."""

    @property
    def lease_seconds(self) -> float | None:
        """After so long without an answer of the database nothing is served; None for a file on this machine."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for messages: without a password."""
        ...

    @property
    def newest_by(self) -> str:
        """The column by which the newest Decision stands last (seen.py)."""
        ...

    def create(self) -> None:
        """Make what is missing, and bring the schema up to date. Raises StoreError."""
        ...

    def exists(self) -> bool: ...

    def session(self) -> AbstractContextManager[Connection]:
        """A connection for one short piece of work, each statement a transaction; its failures are StoreUnavailable."""
        ...

    @property
    def followed(self) -> int:
        """How far what replicas remember was read: a version, 0 where there is one writer only."""
        ...

    def follow(self, connection: Connection, *, all_of_it: bool) -> list[Remembered]:
        """What other replicas remembered since this was last asked; or all that anybody did, to begin with."""
        ...

    def queue(self, seconds: float) -> Callable[[], None] | None:
        """Wait for at most so long until no other replica is at its turn; the result ends one's own. None where it took
        longer. Nothing is decided by it: who does not wait at all may still write first."""
        ...

    def claim(self) -> Callable[[], None]:
        """Take the right to write Records; the result gives it back. Raises StoreLocked."""
        ...

    def ledger(self, identity: str, clock: Clock, retention_days: int) -> Ledger: ...

    def listen(self, heard: Callable[[str, str], None]) -> Callable[[], None]:
        """Call `heard` from another thread with the table that another replica changed, and the id in it where that is
        said; both empty where anything may have changed. The result ends it. Nothing is promised: look anyway."""
        ...

    def verified(self, connection: Connection, rows: Iterable[Row], marks: Mapping[int, bytes]) -> Verification: ...

    def ends(self, connection: Connection) -> Iterator[Row]:
        """The last row of every chain that may still grow."""
        ...

    def scrub(self, connection: Connection) -> None:
        """See to it that what was deleted is gone from the disk, as far as the database can be told to."""
        ...

    def close(self) -> None: ...
