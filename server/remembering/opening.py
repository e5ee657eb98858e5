"""Opening memory by the settings: for a gate that runs, and for a verb beside it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

from guardrail import Clock, Guard
from memory import Terms
from memory.encoders import EncoderError, encoder
from memory.gates import voided
from memory.learning import Proposer
from memory.service import Memory
from memory.store import StoreError as MemoryStoreError
from server.abstracting import ModelAbstracter
from server.metrics import Metrics
from server.policies import Policy
from server.recorded import Listening, microseconds
from server.settings import MemorySettings, Settings
from server.store import Store

from .address import address_of
from .draw import Draw
from .refresher import Refresher
from .review_desk import ReviewDesk
from .speaking import Speaking
from .tenants import MemoryTrouble, Tenants


def open_memory(settings: Settings, folder: Path, clock: Clock) -> Memory:
    """Raises MemoryTrouble where the database or the encoder cannot be used, or terms would void what is claimed."""
    chosen = settings.memory
    assert chosen.url is not None
    terms = _claimable("memory", chosen.terms())
    tenants = {name: _claimable(f"memory.tenants.{name}", chosen.terms(name)) for name in chosen.tenants}
    try:
        address = address_of(chosen.url.get_secret_value(), folder)
        return Memory(address, terms, encoder(chosen.encoder), lambda: microseconds(clock()), tenants)
    except MemoryStoreError as error:
        raise MemoryTrouble(f"memory cannot be opened: {error.message}") from error
    except EncoderError as error:
        raise MemoryTrouble(f"`memory.encoder`: {error}: {error.help}") from error
    except (ImportError, OSError, ValueError) as error:
        raise MemoryTrouble(f"memory cannot be opened: {error}") from error


def open_review_desk(settings: Settings, folder: Path, store: Store, policy: Policy) -> ReviewDesk:
    """A desk beside a gate that may run or not. Raises MemoryTrouble."""
    chosen = settings.memory
    memory = open_memory(settings, folder, _now)
    return ReviewDesk(memory, store, policy, _now, encoder(chosen.encoder), proposer=_proposer(chosen))


def _claimable(place: str, terms: Terms) -> Terms:
    """The terms, where docs/memory-mathematics.md holds under them. Raises MemoryTrouble."""
    if broken := voided(terms):
        raise MemoryTrouble(f"the terms under `{place}` void what is claimed of memory: {'; '.join(broken)}")
    return terms


def _proposer(chosen: MemorySettings) -> Proposer | None:
    model = chosen.proposals.model
    return None if model is None else ModelAbstracter(model, chosen.proposals.base_url)


def listening_at(url: str, guard: Guard) -> Callable[[str], Listening]:
    """What decides with the memory of a tenant, drawing nothing: for dry runs under `guard`'s policy. Raises
    MemoryTrouble."""
    settings = Settings().with_memory_at(address_of(url, Path()))
    memory = open_memory(settings, Path(), _now)
    speaking = Speaking(encoder(settings.memory.encoder), memory.terms_of, lambda: guard, None)

    def of(tenant: str) -> Listening:
        return speaking(memory.snapshot(tenant))

    return of


class Recollection:
    """All of memory behind a gate: what decides with it, the desk for people, and what goes on by itself."""

    def __init__(
        self, settings: Settings, folder: Path, store: Store, policy: Policy, metrics: Metrics, clock: Clock
    ) -> None:
        """Raises MemoryTrouble where memory cannot be opened or what it holds cannot be read."""
        chosen = settings.memory
        self.memory = open_memory(settings, folder, clock)
        draw = Draw(store.lot, chosen.audits.fired, chosen.audits.other)
        self._encoder = encoder(chosen.encoder)
        speaking = Speaking(self._encoder, self.memory.terms_of, lambda: policy.current, draw)
        self.tenants = Tenants(self.memory.snapshot, speaking, lambda: self.desk.tenants(), metrics)
        self.desk = ReviewDesk(self.memory, store, policy, clock, self._encoder, self.tenants, _proposer(chosen))
        self._refresher = Refresher(self.desk, self.memory.history, policy, metrics, time.monotonic)
        self._settings = chosen
        self.tenants.load()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the gate runs: follow what is published, and refresh."""
        chosen = self._settings
        tasks = [asyncio.create_task(self.tenants.watch(chosen.poll_seconds))]
        if chosen.refresh_seconds:
            tasks.append(asyncio.create_task(self._refresher.run(chosen.refresh_seconds, chosen.poll_seconds)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.memory.close()


def _now() -> datetime:
    return datetime.now(UTC)
