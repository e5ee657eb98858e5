"""A route as a value: what is asked, which scope it takes, and who answers. The tables stand in routes_*.py."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

from .edge import ErrorBody
from .exchange import Answer, Caller, Scope
from .intake import Incoming
from .services import Services
from .wire import openai_error


class Handler(Protocol):
    def __call__(self, services: Services, request: Incoming, caller: Caller, /) -> Awaitable[Answer]: ...


class OpenHandler(Protocol):
    def __call__(self, services: Services, request: Incoming, /) -> Awaitable[Answer]: ...


@dataclass(frozen=True, slots=True)
class Guarded:
    """A route for callers with `scope`, or with one of `also`. `path` may hold `{name}` for one segment. `error` is the
    shape that clients of the route read errors in."""

    method: str
    path: str
    scope: Scope
    handler: Handler
    summary: str
    also: frozenset[Scope] = field(default=frozenset())
    error: ErrorBody = openai_error


@dataclass(frozen=True, slots=True)
class Open:
    """A route for anybody: it tells nothing that a stranger may not know."""

    method: str
    path: str
    handler: OpenHandler
    summary: str
    error: ErrorBody = openai_error


Route = Guarded | Open
