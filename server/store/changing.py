"""Changes of approvals and policy versions inside a batch, each write's behind a savepoint, so that it fails alone."""

from __future__ import annotations

from . import approvals, versions
from .errors import AlreadyAnswered, AlreadyUsed, PolicyMoved
from .port import Batch, Write
from .sql import Connection


def add(connection: Connection, batch: Batch, write: Write) -> None:
    """Make a write's changes and place its Records: all of it, or nothing and the write's `error`."""
    if not write.approvals and not write.policies:
        batch.add(write)
        return
    connection.execute("SAVEPOINT approvals")
    try:
        for change in write.approvals:
            approvals.apply(connection, change)
        for policy_change in write.policies:
            versions.apply(connection, policy_change)
        batch.add(write)
    except (AlreadyAnswered, AlreadyUsed, PolicyMoved) as error:
        write.error = error
    if write.error is not None:
        connection.execute("ROLLBACK TO approvals")
    connection.execute("RELEASE approvals")  # sqlite.org/lang_savepoint.html; PostgreSQL's has the same form
