"""Changes of approvals inside a batch: each write's behind a savepoint of its own, so that it fails alone."""

from __future__ import annotations

from . import approvals
from .errors import AlreadyAnswered, AlreadyUsed
from .port import Batch, Write
from .sql import Connection


def add(connection: Connection, batch: Batch, write: Write) -> None:
    """Make a write's changes of approvals and place its Records: all of it, or nothing and the write's `error`."""
    if not write.approvals:
        batch.add(write)
        return
    connection.execute("SAVEPOINT approvals")
    try:
        for change in write.approvals:
            approvals.apply(connection, change)
        batch.add(write)
    except (AlreadyAnswered, AlreadyUsed) as error:
        write.error = error
    if write.error is not None:
        connection.execute("ROLLBACK TO approvals")
    connection.execute("RELEASE approvals")  # sqlite.org/lang_savepoint.html; PostgreSQL's has the same form
