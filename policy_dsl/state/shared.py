"""Ledgers that outlive a session: those of an agent, a user or a tenant, by tracker.

In memory, one Shared for all sessions of a process. Who keeps state elsewhere gives another Ledgers.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final, Protocol

from ..facts import Facts
from . import kept
from .ledger import Ledger
from .plan import TrackerPlan

LEDGERS_KEPT: Final = 65_536
"""Ledgers, that is pairs of an owner and a tracker. Past them a new one is kept only where an old one is spent."""

_LOOKED_AT: Final = 8
"""Ledgers that are looked at for one that is spent, so that no event is slow."""

Owning = tuple[str | None, ...]
"""Who owns a ledger: ("agent", tenant, agent), ("user", tenant, user), ("tenant", tenant) or ("session",)."""


SESSION: Final[Owning] = ("session",)


class Ledgers(Protocol):
    """Where State finds the ledgers of owners that outlive it."""

    def find(self, owner: Owning, tracker: TrackerPlan) -> Ledger | None:
        """The ledger as it stands, None where nothing was ever posted."""
        ...

    def open(self, owner: Owning, tracker: TrackerPlan, now: int) -> Ledger | None:
        """The ledger to post to, None where there is no room for one."""
        ...

    @property
    def has_lost(self) -> bool:
        """Whether a ledger that is not found may be one that there was no room for."""
        ...


def owner_of(tracker: TrackerPlan, facts: Facts) -> Owning | None:
    """Whose ledger an event of this principal is for; None where that part of it is not known.

    An agent or a user of one tenant is not that of another, whatever they are called.
    """
    match tracker.owner:
        case "agent":
            return None if facts.agent is None else ("agent", facts.tenant, facts.agent)
        case "user":
            return None if facts.user is None else ("user", facts.tenant, facts.user)
        case "tenant":
            return None if facts.tenant is None else ("tenant", facts.tenant)
    return SESSION


class Shared:
    """All shared ledgers of one process. Not thread-safe: its sessions belong to one thread.

    A restored ledger is read when a policy with its tracker first asks; those of other trackers wait, so that a policy
    that comes back finds its counts.
    """

    __slots__ = ("_ledgers", "_waiting", "has_lost")

    def __init__(self) -> None:
        self._ledgers: dict[tuple[Owning, str], Ledger] = {}
        self._waiting: dict[tuple[Owning, str], Any] = {}
        self.has_lost = False

    def find(self, owner: Owning, tracker: TrackerPlan) -> Ledger | None:
        name = owner, tracker.id
        ledger = self._ledgers.get(name)
        return self._restored(name, tracker) if ledger is None and name in self._waiting else ledger

    def open(self, owner: Owning, tracker: TrackerPlan, now: int) -> Ledger | None:
        name = owner, tracker.id
        ledger = self.find(owner, tracker)
        if ledger is None:
            if len(self._ledgers) + len(self._waiting) >= LEDGERS_KEPT and not self._drop_spent(now):
                self.has_lost = True
                return None
            ledger = self._ledgers[name] = tracker.ledger()
        return ledger

    def _restored(self, name: tuple[Owning, str], tracker: TrackerPlan) -> Ledger:
        ledger = self._ledgers[name] = tracker.ledger()
        ledger.restore(self._waiting.pop(name))
        return ledger

    def _drop_spent(self, now: int) -> bool:
        """Drop those among the first that answer as new ones do; the others go to the end, to be looked at last."""
        before = len(self._ledgers)
        for name in list(islice(self._ledgers, _LOOKED_AT)):
            ledger = self._ledgers.pop(name)
            if not ledger.is_spent(now):
                self._ledgers[name] = ledger
        return len(self._ledgers) < before

    def export(self) -> bytes:
        """Everything, as text for `restore` of a new Shared."""
        ledgers = [[owner, id, ledger.export()] for (owner, id), ledger in self._ledgers.items()]
        waiting = [[owner, id, written] for (owner, id), written in self._waiting.items()]
        return kept.write({"shared": ledgers + waiting, "lost": self.has_lost})

    @classmethod
    def restore(cls, text: bytes) -> Shared:
        """Raises StateError."""
        tree = kept.read(text)
        shared = cls()
        try:
            shared._waiting = {(kept.frozen(owner), id): written for owner, id, written in tree["shared"]}
            shared.has_lost = tree["lost"]
        except kept.MALFORMED as error:
            raise kept.StateError("the shared state cannot be read") from error
        return shared
