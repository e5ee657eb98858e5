"""HTTP tools over HTTP: a tool by its name, or a request as the tool's own API has it (docs/http-tools.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .edge import EdgeError
from .exchange import Answer, Caller, Scope
from .intake import Incoming
from .routes import Guarded
from .routes_calls import run_of
from .services import Services

if TYPE_CHECKING:
    from .tools import HttpTools

_BASE: Final = "/proxy/"


async def _list(services: Services, request: Incoming, caller: Caller) -> Answer:
    return await _tools(services).listed(caller, run_of(services, request, caller))


async def _call(services: Services, request: Incoming, caller: Caller) -> Answer:
    tools, run = _tools(services), run_of(services, request, caller)
    values = request.path_values
    return await tools.call(caller, run, values.get("server"), values["tool"], await request.json_body())


async def _proxy(services: Services, request: Incoming, caller: Caller) -> Answer:
    tools, run = _tools(services), run_of(services, request, caller)
    path, query = request.target  # as sent: what a framework decoded could be another path than the one that is matched
    server, slash, rest = path.removeprefix(_BASE).partition("/")
    content_type = request.headers.get(b"content-type", b"").decode("latin-1")
    body = await request.any_body()
    from .tools import Asked

    asked = Asked(request.method, slash + rest, query, request.all_headers, body, content_type)
    return await tools.proxied(caller, run, server, asked)


def _tools(services: Services) -> HttpTools:
    if services.tools is None:
        raise EdgeError(404, "unknown-tool", "there are no HTTP tools behind this gate")
    return services.tools


_SAID: Final = "Run the operation of an OpenAPI document that this request is one of"

ROUTES = (
    Guarded("GET", "/tools", Scope.CALL, _list, "The HTTP tools that could be granted"),
    Guarded("POST", "/tools/{tool}", Scope.CALL, _call, "Run a tool: JSON arguments in, the tool's answer out"),
    Guarded("POST", "/tools/{server}/{tool}", Scope.CALL, _call, "Run a tool of one server"),
    *(
        Guarded(method, _BASE + "{server}/{rest:path}", Scope.CALL, _proxy, _SAID)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    ),
)
