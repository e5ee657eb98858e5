"""The policy version in force: read from the database, verified and compiled at every gate by itself, and exchanged as
a whole when another one is put in force.

What the database says is followed even where it cannot be loaded here (a key that this gate does not trust, a bundle
that was changed, a newer language): then nothing is allowed, since what was in force before may be what somebody took
out of force. `error` says why, and /readyz answers 503.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from guardrail import Guard

from ..logs import fields
from ..looking import Looking
from ..policies import nothing_allowed, settle
from ..store import Activation, Shelf
from .bundle import Bundle, opened
from .keys import TrustedKeys
from .loading import guard_in
from .refusals import BundleRefused

logger = logging.getLogger("leastward.policies")

POLL_SECONDS: Final = 0.5
"""How often a gate looks which version is in force, where nobody tells it: a quarter of the two seconds promised."""

NONE_IN_FORCE: Final = "no policy version is in force: nothing is allowed until one is activated"


class VersionedPolicies:
    """The Guard of the version in force; keeps the promise of policies.Policies. `reloaded` is told each result of a
    change: `loaded` or `failed`. Safe to share between threads."""

    def __init__(
        self, shelf: Shelf, trusted: TrustedKeys, *, reloaded: Callable[[str], None] = lambda result: None
    ) -> None:
        self.error: str | None = NONE_IN_FORCE
        self.loaded_at: datetime | None = None
        self.in_force: Activation | None = None
        self._shelf = shelf
        self._trusted = trusted
        self._reloaded = reloaded
        self._nothing = self._guard = nothing_allowed()
        self._tried: tuple[str, ...] = ()
        self._one_look = threading.Lock()
        self._looking = Looking(self.look)

    @property
    def current(self) -> Guard:
        """The Guard to decide by: one that allows nothing where no version is in force, or where it does not load."""
        return self._guard

    @property
    def is_loaded(self) -> bool:
        return self.error is None

    def tell(self) -> None:
        """Somebody put another version in force: look at once. From any thread."""
        self._looking.tell()

    async def watch(self, interval: float = POLL_SECONDS) -> None:
        """Look every `interval` seconds, and whenever `tell` is called, for ever."""
        await self._looking.watch(interval)

    def look(self) -> None:
        """One look: follow what is in force now. Raises StoreError, and then nothing has changed."""
        with self._one_look:
            found = self._shelf.in_force()
            if found == self.in_force and (found is None or self.error is None or not self._signed_anew(found)):
                return
            try:
                bundle = self._bundle(found)
                guard = self._nothing if bundle is None else guard_in(bundle)
            except BundleRefused as error:
                self._follow(found, self._nothing, error.rendered)
                return
            self._follow(found, guard, NONE_IN_FORCE if bundle is None else None)

    def _signed_anew(self, found: Activation) -> bool:
        """Whether a version that was refused here was signed by another key since: how a key is rotated."""
        kept = self._shelf.one(found.version)
        signed_by = () if kept is None else kept.signed_by
        anew, self._tried = signed_by != self._tried, signed_by
        return anew

    def _bundle(self, found: Activation | None) -> Bundle | None:
        if found is None:
            return None
        data = self._shelf.bundle(found.version)
        if data is None:
            raise BundleRefused("unknown-version", f"the database does not have version {found.version}")
        return opened(data, self._trusted)

    def _follow(self, found: Activation | None, guard: Guard, error: str | None) -> None:
        self._guard = guard
        self.in_force, self.error, self.loaded_at = found, error, datetime.now(UTC)
        version = 0 if found is None else found.version
        if error is None:
            logger.info("policy-version-loaded", extra=fields(policy=guard.policy_hash, version=version))
        else:
            logger.error("policy-version-refused", extra=fields(version=version, problem=error))
        self._reloaded("loaded" if error is None else "failed")
        settle()
