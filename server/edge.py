"""What the HTTP edge refuses on its own, and the shapes in which that leaves: each API has its own, all others take the
OpenAI error object.

EdgeError          status, code, message, headers: raised while a request is read, answered by app.py
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from .exchange import Whole
from .wire import openai_error

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class ErrorBody(Protocol):
    """The body of an error in one API's shape."""

    def __call__(self, status: int, message: str, *, code: str) -> bytes: ...


class EdgeError(Exception):
    """A request that no handler sees. `code` is stable; `message` never repeats what the client sent."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def refused(error: EdgeError, body: ErrorBody = openai_error) -> Whole:
    return Whole(error.status, body(error.status, error.message, code=error.code), dict(error.headers))


def failed(body: ErrorBody = openai_error) -> Whole:
    """The answer to a request on which the gate itself broke: it says that nothing was released, and nothing else."""
    message = "the gate failed on this request; nothing was released"
    return Whole(500, body(500, message, code="gate-error"))


def unavailable(message: str, body: ErrorBody = openai_error) -> Whole:
    """The gate cannot decide or record at the moment (design: Refusals never break the agent)."""
    return Whole(503, body(503, message, code="unavailable"), {"retry-after": "1"})
