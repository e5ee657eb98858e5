"""What other replicas changed, heard at once: one connection that listens on the channel `leastward` (LISTEN, NOTIFY).

A notice says where to look and nothing else: who hears one reads the tables, as it does anyway every half second. So a
notice that is lost costs that half second, and one that somebody made up costs a query (anybody with the database's
password can make one up). While the connection is down nothing is heard; when it stands again everybody looks once,
since PostgreSQL keeps no notices for who was away (postgresql.org/docs/18/sql-listen.html).
"""

from __future__ import annotations

import logging
import os
import random
import select
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import psycopg

LOG = logging.getLogger("leastward.store")

CHANNEL: Final = "leastward"
ALL: Final = ("", "")
"""What is heard when the connection stands: anything may have changed."""

PAUSE_SECONDS: Final = 0.25
MOST_PAUSE_SECONDS: Final = 5.0
"""Between two attempts to connect, doubled each time. Polling goes on meanwhile, so nobody waits for it."""

Heard = Callable[[str, str], None]


class Notices:
    """Calls `heard` with a table's name and what of it changed (`` where the notice does not say), from a thread of its
    own, until it is closed. `connect` gives a connection in autocommit. `heard` must not block."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], heard: Heard) -> None:
        self._connect = connect
        self._heard = heard
        self._ended = threading.Event()
        self._wakes, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name="leastward-notices", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Returns when the thread has ended: at once, or at the end of an attempt to connect."""
        if not self._ended.is_set():
            self._ended.set()
            os.write(self._wake, b"\0")
            self._thread.join()
            os.close(self._wake)
            os.close(self._wakes)

    def _run(self) -> None:
        pause = PAUSE_SECONDS
        while not self._ended.is_set():
            try:
                with closing(self._connect()) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._heard(*ALL)
                    pause = PAUSE_SECONDS
                    self._listen(connection)
            except (psycopg.Error, OSError) as error:
                LOG.warning("changes by other replicas are heard by polling only: %s", type(error).__name__)
                # Replicas that lost one server together come back one after the other.
                self._ended.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load, hides nothing)
                pause = min(2 * pause, MOST_PAUSE_SECONDS)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        """Until this is closed. Raises psycopg.Error where the connection breaks."""
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        waiting.register(self._wakes, select.POLLIN)
        while not self._ended.is_set():
            waiting.poll()
            connection.pgconn.consume_input()
            while (notice := connection.pgconn.notifies()) is not None:
                table, _, which = notice.extra.decode(errors="replace").partition(" ")
                self._heard(table, which)
