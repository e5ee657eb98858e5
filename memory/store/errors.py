"""What goes wrong in the store of memory. Whatever it is: what was asked for is not known to be durable.

StoreError
+-- StoreUnavailable  the database failed, is full, read-only or gone; a commit may or may not have happened
+-- SchemaError       the database is another program's, or was written by a newer version
+-- Overtaken         another process changed the tenant's state since it was loaded; nothing was written
"""

from __future__ import annotations


class StoreError(Exception):
    """Root of the tree. `message` is one lower-case line without values of rows."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class StoreUnavailable(StoreError):
    """The database did not do what was asked. The outcome is unknown: ask again, with the same idempotency key."""


class SchemaError(StoreError):
    """The database at the address is not one that this version can use."""


class Overtaken(StoreError):
    """Someone else saved first. The caller loads again and begins anew; its transaction left nothing behind."""
