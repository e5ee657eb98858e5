"""The shelf of policy versions, as the server and the command line use it: read by short connections, written with
Records by the Store's writer."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from guardrail import Record

from . import versions
from .port import Backend
from .versions import Activation, PolicyChange, PolicyVersion


class Submit(Protocol):
    """Hands Records and changes of policy versions to the writer, as one write."""

    def __call__(self, records: Sequence[Record], *, policies: Sequence[PolicyChange]) -> Awaitable[None]: ...


class Shelf:
    """Every method may raise StoreError."""

    def __init__(self, database: Backend, submit: Submit) -> None:
        self._database = database
        self._submit = submit

    async def commit(self, records: Sequence[Record], change: PolicyChange) -> None:
        """Return when the Records and the change are durable, both or neither. Raises PolicyMoved where somebody else
        came first."""
        await self._submit(records, policies=(change,))

    def newest(self, most: int) -> list[PolicyVersion]:
        """The versions, newest first."""
        with self._database.session() as connection:
            return versions.newest(connection, most)

    def one(self, number: int) -> PolicyVersion | None:
        with self._database.session() as connection:
            return versions.one(connection, number)

    def of_digest(self, digest: str) -> PolicyVersion | None:
        """The version of this very content."""
        with self._database.session() as connection:
            return versions.of_digest(connection, digest)

    def bundle(self, number: int) -> bytes | None:
        """The bundle of a version as it was published; it is verified by whoever loads it, each time."""
        with self._database.session() as connection:
            return versions.bundle(connection, number)

    def activations(self, most: int) -> list[Activation]:
        """The newest first."""
        with self._database.session() as connection:
            return versions.activations(connection, most)

    def in_force(self) -> Activation | None:
        """What put the version in force that is; None where none ever was."""
        return next(iter(self.activations(1)), None)
