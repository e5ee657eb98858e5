"""What Sessions remember, by several replicas: one order for all, and no write on what is not the newest.

Every batch that remembers something has a version, one above the last. A replica reads what others wrote (Store.news)
before it decides, and writes only if nobody else has since: the lock of `remembered_end` makes that one step. Whoever
comes second is told Stale, reads, and decides again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from guardrail import Remembered

from ..errors import Stale, StoreUnavailable
from ..port import Write
from ..sql import Connection

if TYPE_CHECKING:
    from .database import Postgres


def turn(connection: Connection, database: Postgres, writes: Sequence[Write]) -> int:
    """Take the turn, and mark the writes that come too late as Stale; the version of the others.

    A write that only says what it was decided on (`since`) is looked at too. Where no write has to do with it, nothing
    is asked of the database, and no batch waits for another replica's.
    """
    concerned = [write for write in writes if write.remembered or write.since is not None]
    if not concerned:
        return 0
    (end,) = connection.execute("SELECT version FROM remembered_end FOR UPDATE").fetchone()
    (others,) = connection.execute(
        "SELECT coalesce(max(version), 0) FROM remembered WHERE version > ? AND replica <> ?",
        (min(_since(write, database) for write in concerned), database.replica),
    ).fetchone()
    for write in concerned:
        if _since(write, database) < others:
            write.error = Stale("another replica remembered something meanwhile")
    if not any(write.remembered and write.error is None for write in concerned):
        return int(end)
    connection.execute("UPDATE remembered_end SET version = ?, replica = ?", (end + 1, database.replica))
    return int(end) + 1


def _since(write: Write, database: Postgres) -> int:
    return database.followed if write.since is None else write.since


def statements(remembered: Sequence[Remembered], version: int, replica: str) -> list[tuple[str, tuple[Any, ...]]]:
    """What adds these rows. One of the kind `anew` takes the place of all that stands, the other replicas' too: who was
    not told Stale knows all of that."""
    return [
        ("DELETE FROM remembered", ()) if row.kind == "anew" else (_INSERT, (*row, version, replica))
        for row in remembered
    ]


_INSERT: Final = "INSERT INTO remembered (kind, owner, principal, body, version, replica) VALUES (?, ?, ?, ?, ?, ?)"


def check(database: Postgres, end: int, replica: str) -> None:
    """A replica that does not follow the others must not decide on what it does not know. Raises StoreUnavailable.

    Until it has read what there is (Store.remembered) it knows nothing, and does not serve yet.
    """
    if database.knows and not database.follows and replica != database.replica and end > database.followed:
        raise StoreUnavailable("another replica remembers what this one does not follow")
