"""Policy files at a gate whose database others share: they decide until a policy version is put in force there.

A gate that is set up for files does not start where a version is in force, since which of two policies decides is
nothing to be guessed. A version that comes into force later says the same: whoever put it in force, perhaps to drop a
rule everywhere, relies on no gate on that database going on by another policy. So this gate allows nothing from then
on, and says why. Nothing takes a first activation back; a person sets the gate up for versions.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from guardrail import Guard

from .logs import fields
from .looking import Looking
from .policies import Serving, nothing_allowed
from .store import Activation

logger = logging.getLogger("leastward.policies")

POLL_SECONDS: Final = 0.5
"""How often it is looked for, as by gates that follow versions: a quarter of the two seconds promised."""


def both(version: int) -> str:
    """What is wrong where a version is in force and the gate is set up for files."""
    return (
        f"policy version {version} is in force in the database, and `policies` names files:"
        " name `policies.trusted_keys` in their place, or another database"
    )


class FilesUntilVersions:
    """Keeps the promise of policies.Serving: `files`, until `in_force` (which may raise StoreError) finds a version.
    `reloaded` is told `failed` then. Safe to share between threads."""

    def __init__(
        self, files: Serving, in_force: Callable[[], Activation | None], reloaded: Callable[[str], None]
    ) -> None:
        self._files = files
        self._in_force = in_force
        self._reloaded = reloaded
        self._nothing = nothing_allowed()
        self._trouble: str | None = None
        self._looking = Looking(self.look)

    @property
    def current(self) -> Guard:
        """The files' Guard, or one that allows nothing."""
        return self._files.current if self._trouble is None else self._nothing

    @property
    def is_loaded(self) -> bool:
        return self._trouble is None and self._files.is_loaded

    @property
    def error(self) -> str | None:
        return self._files.error if self._trouble is None else self._trouble

    @property
    def loaded_at(self) -> datetime | None:
        return self._files.loaded_at

    def tell(self) -> None:
        """Somebody put a version in force: look at once. From any thread."""
        self._looking.tell()

    async def watch(self) -> None:
        """Watch the files and the database, for ever."""
        await asyncio.gather(self._files.watch(), self._looking.watch(POLL_SECONDS))

    def look(self) -> None:
        """One look at the database. Raises StoreError, and then nothing has changed."""
        found = self._in_force()
        if found is None or self._trouble is not None:
            return
        self._trouble = both(found.version)
        logger.error("policy-files-displaced", extra=fields(version=found.version, problem=self._trouble))
        self._reloaded("failed")
