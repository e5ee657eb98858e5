"""The routes of the MCP gateway: `/mcp/{server}` for one server, `/mcp` for all of them."""

from __future__ import annotations

from typing import Final

from policy_dsl.strict_json import encode

from .edge import EdgeError
from .exchange import Answer, Caller, Scope, Whole
from .intake import Incoming
from .routes import Guarded, Handler
from .routes_calls import run_of
from .services import Mcp, Services

_RPC_CODES: Final = {400: -32600, 401: -32600, 403: -32600, 404: -32601, 415: -32600}
_INTERNAL: Final = -32603


def mcp_error(status: int, message: str, *, code: str) -> bytes:
    """An error of the edge in JSON-RPC's shape, with our stable code beside the protocol's."""
    number = _RPC_CODES.get(status, _INTERNAL if status >= 500 else -32600)
    return encode({"jsonrpc": "2.0", "id": None, "error": {"code": number, "message": message, "data": {"code": code}}})


def _door(services: Services) -> Mcp:
    if services.mcp is None:
        raise EdgeError(404, "unknown-server", "no MCP server is set up behind this gate")
    return services.mcp


async def _post(services: Services, request: Incoming, caller: Caller) -> Answer:
    door = _door(services)
    run = run_of(services, request, caller)
    server = request.path_values.get("server")
    body = await request.json_body()
    return await door.post(server, request.headers.items(), body, caller, run, request.admitted)


async def _delete(services: Services, request: Incoming, caller: Caller) -> Answer:
    request.run_id()
    return _door(services).delete(request.path_values.get("server"), request.headers.items(), caller)


async def _get(services: Services, request: Incoming, caller: Caller) -> Answer:
    """405 says that there is no such stream (2025-11-25, Listening for Messages)."""
    door = _door(services)
    run = run_of(services, request, caller)
    try:
        server = request.path_values.get("server")
        return await door.get(server, request.headers.items(), caller, run, request.admitted)
    except EdgeError as error:
        if error.status != 405:
            raise
        return Whole(405, mcp_error(405, error.message, code=error.code), {"allow": "POST, DELETE"})


def _both(method: str, handler: Handler, summary: str) -> tuple[Guarded, Guarded]:
    def at(path: str) -> Guarded:
        return Guarded(method, path, Scope.CALL, handler, summary, error=mcp_error)

    return at("/mcp/{server}"), at("/mcp")


ROUTES = (
    *_both("POST", _post, "Speak MCP with a server behind the gate; its tools' calls are decided"),
    *_both("DELETE", _delete, "End an MCP session"),
    *_both("GET", _get, "Hear what changes at a server, in a session"),
)
