"""The outbox of approvals: which asks people still have to be told of.

A row is written in the transaction of its ask, so that an ask that stands is told whatever becomes of the process, and
taken away once a receiver took it (the transactional outbox; at least once, never less). Who delivers takes a row for a
while by moving its `due_at`: one that dies meanwhile leaves it to whoever looks next, this process or another replica.

All SQL about the outbox stands here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from .sql import Connection


class Announcement(NamedTuple):
    """One ask that nobody took yet: the approval's id, how often it was tried, when it is to be tried next."""

    approval: str
    attempts: int
    due_at: str


_DUE: Final = "SELECT approval, attempts, due_at FROM approval_outbox WHERE due_at <= ? ORDER BY due_at LIMIT ?"


def put(connection: Connection, approval_id: str, due_at: str) -> None:
    """Inside the transaction of the ask."""
    connection.execute(
        "INSERT INTO approval_outbox (approval, attempts, due_at) VALUES (?, 0, ?)", (approval_id, due_at)
    )


def due(connection: Connection, now: str, most: int) -> list[Announcement]:
    """Those whose time has come, longest due first."""
    return [Announcement(*row) for row in connection.execute(_DUE, (now, most))]


def take(connection: Connection, found: Announcement, until: str) -> bool:
    """Have a row for oneself until then, and count the attempt; False where somebody else came first."""
    taken = connection.execute(
        "UPDATE approval_outbox SET attempts = attempts + 1, due_at = ? WHERE approval = ? AND due_at = ?",
        (until, found.approval, found.due_at),
    )
    return taken.rowcount == 1


def later(connection: Connection, approval_id: str, due_at: str) -> None:
    """Try again then."""
    connection.execute("UPDATE approval_outbox SET due_at = ? WHERE approval = ?", (due_at, approval_id))


def settle(connection: Connection, approval_id: str) -> None:
    """It was taken, or is over: nobody has to be told any more."""
    connection.execute("DELETE FROM approval_outbox WHERE approval = ?", (approval_id,))
