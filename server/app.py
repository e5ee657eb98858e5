"""The HTTP application: a table of routes in front of FastAPI, one way to answer, refusal for everything else.

FastAPI serves the description, and refuses what is no route. Every route is found in front of it: by a dictionary, and
where its path holds values by Starlette's own pattern for it (what that saves: docs/http.md).
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, assert_never

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from . import (
    routes_approvals,
    routes_calls,
    routes_console,
    routes_health,
    routes_identity,
    routes_mcp,
    routes_memory,
    routes_policies,
    routes_records,
    routes_runs,
    routes_tools,
)
from .answering import EXTENSION, Send, send_answer
from .auth import Doorkeeper
from .edge import EdgeError, failed, refused, unavailable
from .exchange import Answer
from .intake import AsgiScope, ClientLeft, Incoming, Receive
from .routes import Guarded, Open, Route
from .services import Services
from .store import StoreError
from .wire import openai_error

logger = logging.getLogger("leastward.http")

Lifespan = Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]

ROUTES: tuple[Route, ...] = (
    *routes_calls.ROUTES,
    *routes_mcp.ROUTES,
    *routes_tools.ROUTES,
    *routes_approvals.ROUTES,
    *routes_runs.ROUTES,
    *routes_records.ROUTES,
    *routes_memory.ROUTES,
    *routes_health.ROUTES,
    *routes_console.ROUTES,
    *routes_identity.ROUTES,
    *routes_policies.ROUTES,
)

_ERRORS = {route.path: route.error for route in ROUTES}

UNKNOWN = "unknown"
"""The route of a request to no route, in the metrics."""


class Gate(FastAPI):
    """The gate on HTTP. `lifespan` starts and stops what `services` need."""

    def __init__(self, services: Services, lifespan: Lifespan | None = None) -> None:
        super().__init__(
            title="leastward",
            description="A gate for LLM agents' tool calls.",
            docs_url=None,  # that page would load its scripts from somebody else
            redoc_url=None,
            redirect_slashes=False,
            lifespan=lifespan,
        )
        self._services = services
        settings = services.settings
        resource = settings.identity.resource
        self._doorkeeper = Doorkeeper(
            services.store.caller_for,
            services.token_for,
            open_loopback=settings.listen.open_loopback,
            resource=None if resource is None else resource.rstrip("/") + routes_identity.PATH,
        )
        self._hot = {(route.method, route.path): route for route in ROUTES if "{" not in route.path}
        self._valued: dict[tuple[str, str], list[tuple[re.Pattern[str], Route]]] = {}
        for route in ROUTES:
            if "{" in route.path:
                key = (route.method, _first(route.path))
                self._valued.setdefault(key, []).append((compile_path(route.path)[0], route))
        for route in ROUTES:
            self.add_api_route(route.path, endpoint, methods=[route.method], summary=route.summary, response_model=None)
        self.add_exception_handler(HTTPException, self._no_route)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            route, values = self._found(scope["method"], scope["path"])
            if route is not None:
                incoming = Incoming(scope, receive, self._services.settings.limits, values)
                try:
                    answer = await self._answer(route, incoming)
                except ClientLeft:
                    return
                await send_answer(answer, send, scope.get("extensions", {}).get(EXTENSION))
                return
        await super().__call__(scope, receive, send)

    def _found(self, method: str, path: str) -> tuple[Route | None, Mapping[str, str] | None]:
        route = self._hot.get((method, path))
        if route is None:
            for pattern, valued in self._valued.get((method, _first(path)), ()):
                if (match := pattern.match(path)) is not None:
                    return valued, match.groupdict()
        return route, None

    async def _answer(self, route: Route, request: Incoming) -> Answer:
        """Whatever happens, an Answer: an error that nobody expected says that nothing was released, and is logged."""
        services = self._services
        try:
            match route:
                case Guarded():
                    caller = self._doorkeeper.caller(request.headers, route.scope, route.also)
                    request.admitted = partial(self._doorkeeper.admits, request.headers, caller)
                    answer = await route.handler(services, request, caller)
                case Open():
                    answer = await route.handler(services, request)
                case _:
                    assert_never(route)
        except EdgeError as error:
            services.metrics.refusal(error.code)
            answer = refused(error, route.error)
        except StoreError:
            logger.exception("store-failed")
            answer = unavailable("the gate cannot reach its records; nothing was released", route.error)
        except ClientLeft:
            raise
        except Exception:
            logger.exception("request-failed")
            answer = failed(route.error)
        services.metrics.request(route.path, answer.status)
        return answer

    async def _no_route(self, request: Request, error: Exception) -> Response:
        """Nothing is passed on: a route that the gate does not know could carry a call that nobody judged."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        path = request.url.path
        if status == 405:
            fault = EdgeError(405, "method-not-allowed", "this route does not answer to that method")
        else:
            below = f"; `/v1{path}` is one: a client's base URL ends with `/v1`" if f"/v1{path}" in _ERRORS else ""
            fault = EdgeError(
                404, "unknown-route", f"no such route; what the gate cannot judge it does not pass{below}"
            )
        self._services.metrics.request(UNKNOWN, fault.status)
        return _AnswerResponse(refused(fault, _ERRORS.get(path, openai_error)))


async def endpoint() -> None:
    """A route in FastAPI's description: every request to one was answered in front of FastAPI."""
    raise HTTPException(404)


def _first(path: str) -> str:
    """`/mcp/` of `/mcp/{server}`."""
    return path[: path.find("/", 1) + 1]


class _AnswerResponse(Response):
    """An Answer that FastAPI can send."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(status_code=answer.status)
        self._answer = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send_answer(self._answer, send)
