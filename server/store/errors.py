"""What goes wrong in the store. Every one of these means: it is not known that the thing asked for is durable.

StoreError
+-- StoreClosed       the store was closed, or its writer never started
+-- StoreUnavailable  the database failed, is full, read-only or gone; a commit may or may not have happened
+-- StoreLocked       another process writes records into this database
+-- SchemaError       the file is another program's, or was written by a newer version
+-- Unrecordable      a record cannot be written (text that is not Unicode); only its own producer sees this
+-- AlreadyUsed       the approval that a release needs was used before or is over; only its own producer sees this
+-- AlreadyAnswered   the approval is not pending any more; only its own producer sees this
+-- PolicyMoved       somebody else changed the policy versions meanwhile; only its own producer sees this
+-- Stale             another replica remembered something meanwhile; only its own producer sees this
+-- AnchorError       a checkpoint file or its key cannot be read or does not hold
"""

from __future__ import annotations


class StoreError(Exception):
    """Root of the tree. `message` is one lower-case line without secrets."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class StoreClosed(StoreError):
    """The store does not take work: it was closed, or `start` was never called."""


class StoreUnavailable(StoreError):
    """The database did not do what was asked. The outcome is unknown, so nothing may be released on it."""


class StoreLocked(StoreError):
    """Another writer holds the database. One SQLite file takes the records of one process at a time."""


class SchemaError(StoreError):
    """The file at the path is not a database that this version can use."""


class Unrecordable(StoreError):
    """A record holds something that has no canonical encoding."""


class AlreadyUsed(StoreError):
    """No yes is left for this release: it was used, it ran out, or another call was approved. Nothing was written."""


class AlreadyAnswered(StoreError):
    """Somebody answered before, or nobody did in time. Nothing was written."""


class PolicyMoved(StoreError):
    """Another version was published or put in force than the author saw. Nothing was written."""


class Stale(StoreError):
    """It was decided on what is not the newest that replicas remember. Nothing was written; it may be decided anew."""


class AnchorError(StoreError):
    """A checkpoint or its key is unreadable, or a checkpoint was not made with this key."""
