"""How MCP proxies are usually written: the SDK's server in front, its client behind. A peer in evals.bench.mcp.

`python -m evals.bench.mcp_passthrough PORT UPSTREAM_URL` serves http://127.0.0.1:PORT/mcp, each answer as one JSON body
and without sessions, which are the SDK's fastest settings.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from mcp import Client
from mcp.server.lowlevel import Server
from mcp_types import CallToolResult, InputRequiredResult, ListToolsResult

VERSION = "2026-07-28"


def proxy(upstream: str) -> Server[Client]:
    @asynccontextmanager
    async def life(server: Server[Client]) -> AsyncIterator[Client]:
        async with Client(upstream, mode=VERSION) as client:
            yield client

    async def tools(context: Any, params: Any) -> ListToolsResult:
        client: Client = context.lifespan_context
        return await client.list_tools()

    async def call(context: Any, params: Any) -> CallToolResult | InputRequiredResult:
        client: Client = context.lifespan_context
        return await client.call_tool(params.name, params.arguments)

    return Server("proxy", version="1", lifespan=life, on_list_tools=tools, on_call_tool=call)


if __name__ == "__main__":
    application = proxy(sys.argv[2]).streamable_http_app(json_response=True, stateless_http=True)
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
