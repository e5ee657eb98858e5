"""A server on a socket of its own, for the parts of an attack that are played: the model server and the judge."""

from __future__ import annotations

import contextlib
import socket
import threading
from abc import ABC, abstractmethod


class Listening(ABC):
    """Accepts connections on `port` of loopback until it is closed, and answers each in a thread."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                threading.Thread(target=self._answer_one, args=(line,), daemon=True).start()

    def _answer_one(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            self._answer(line)

    @abstractmethod
    def _answer(self, line: socket.socket) -> None:
        """Read one request and answer it; the connection is closed after that."""
