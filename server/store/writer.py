"""The writer: one thread that hands everything that waits to the ledger at once, and tells who waited what came of it.

    producers (event loop) --Handover--> queue --> writer thread: one transaction, one sync --> those producers

Rules. A producer hears of success only after the ledger (port.py) said that the transaction is durable. Whatever else
happens is StoreUnavailable for every producer of the batch: the commit may or may not have reached the disk, so nothing
may be released on it. After a failure the connection is thrown away and the database is opened anew, as a new
incarnation with a chain of its own.

Between batches the thread has the ledger look at the database every POLL_SECONDS: for keys changed by other processes,
for payloads whose time is over, and for what else a database wants done while nobody waits. Where somebody tells it of
a change (look_soon) it looks at once.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import Final

from .errors import StoreClosed, StoreError, StoreUnavailable
from .port import Handover, Keys, Ledger

POLL_SECONDS: Final = 0.5
"""How often the writer looks for changes by others; half of the second within which a revoked key must be noticed."""


class Writer:
    """See the module's text. `submit` may be called from any thread."""

    def __init__(self, ledger: Ledger) -> None:
        self.trouble: str | None = "the writer has not started"
        self.keys = Keys()
        self.heard = float("-inf")
        """When the database last did what was asked (`time.monotonic`)."""
        self._ledger = ledger
        self._queue: queue.SimpleQueue[Handover | None] = queue.SimpleQueue()
        self._accepts = False
        self._gate = threading.Lock()
        self._opened = threading.Event()
        self._next_look = 0.0
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leastward-records", daemon=True)

    def start(self) -> None:
        """Start the thread; it opens the database at once. Returns when the first attempt succeeded or failed."""
        self._accepts = True
        self._thread.start()
        self._opened.wait()

    def submit(self, handover: Handover) -> None:
        with self._gate:
            if self._accepts:
                self._queue.put(handover)
                return
        handover.fail(StoreClosed("the store is closed"))

    def look_soon(self) -> None:
        """Look at the database now, not only at the next time: another process changed something. From any thread."""
        self._told.set()
        self._queue.put(Handover(None, []))

    def close(self) -> None:
        """Write what was handed over before, then stop. Returns when the thread has ended."""
        with self._gate:
            self._accepts = False
            self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._look()
            self._opened.set()
            going = True
            while going:
                waiting, going = self._next()
                if waiting:
                    self._commit(waiting)
                if going and (self._told.is_set() or time.monotonic() >= self._next_look):
                    self._look()
        finally:
            self._end()

    def _next(self) -> tuple[list[Handover], bool]:
        """Everything handed over by now, waiting for it up to the next look; False at the end of the store."""
        waiting: list[Handover] = []
        try:
            handover = self._queue.get(timeout=max(0.0, self._next_look - time.monotonic()))
            while handover is not None:
                if handover.writes:
                    waiting.append(handover)
                handover = self._queue.get_nowait()
        except queue.Empty:
            return waiting, True
        return waiting, False

    def _commit(self, waiting: list[Handover]) -> None:
        try:
            self._ready()
            self._ledger.write([write for handover in waiting for write in handover.writes])
        except Exception as error:  # whatever went wrong, nobody may believe that it is durable
            self._fail(error)
            for handover in waiting:
                handover.fail(StoreUnavailable(self.trouble or ""))
            return
        self.heard = time.monotonic()
        for handover in waiting:
            handover.settle()
        try:
            self._ledger.relieve()
        except Exception as error:
            self._fail(error)

    def _look(self) -> None:
        self._told.clear()  # before looking: whatever is told of meanwhile is looked for again
        try:
            self._ready()
            at = time.monotonic()
            found = self._ledger.look(self.keys.ring, idle=self._queue.empty())
            self.keys, self.heard = Keys(found, at), at
        except Exception as error:
            self._fail(error)
        self._next_look = time.monotonic() + POLL_SECONDS

    def _ready(self) -> None:
        self._ledger.open()
        self.trouble = None

    def _fail(self, error: Exception) -> None:
        self.trouble = error.message if isinstance(error, StoreError) else self._ledger.reason(error)
        self._ledger.drop()

    def _end(self) -> None:
        """Close the connection, and fail whoever is left, however the thread came to its end."""
        self.trouble = "the store is closed"
        self.keys = Keys()
        self._ledger.drop()
        with self._gate:
            self._accepts = False
        while not self._queue.empty():
            handover = self._queue.get()
            if handover is not None:
                handover.fail(StoreClosed(self.trouble))
        self._opened.set()
