"""An end to waiting: the socket of a connection whose answer does not come in time is shut down from beside it.

libpq waits for an answer for as long as the connection stands, and a server that is stopped, or a path that eats
packets, keeps it standing: `statement_timeout` is the server's own, and `tcp_user_timeout` ends only what the other
kernel does not acknowledge. A shutdown wakes the waiting thread with an error, which is what a broken server would do.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Watch:
    """One thread for every connection of a database, there while somebody waits."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waits: dict[int, tuple[float, int]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, descriptor: int) -> Iterator[None]:
        """What is done inside waits on this socket, for at most the seconds of this Watch."""
        ticket = threading.get_ident()
        with self._lock:
            self._waits[ticket] = (time.monotonic() + self._seconds, descriptor)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leastward-watch", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._waits.pop(ticket, None)

    def _run(self) -> None:
        while True:
            time.sleep(self._seconds / 8)
            now = time.monotonic()
            with self._lock:  # under the lock the descriptor is still that connection's: its owner has yet to leave
                if not self._waits:
                    self._thread = None
                    return
                for ticket, (until, descriptor) in list(self._waits.items()):
                    if until < now:
                        del self._waits[ticket]
                        _shut(descriptor)


def _shut(descriptor: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as beside:
        beside.shutdown(socket.SHUT_RDWR)
