"""An MCP server that costs almost nothing: the fixed end of the measurements of MCP proxies.

`python -m evals.bench.fake_mcp PORT` speaks 2026-07-28 at every path: `server/discover`, `tools/list` with the one tool
`lookup`, and `tools/call`, which always answers with the same kilobyte of text. Proxies of before 2026-07-28 may shake
hands first: `initialize` opens no session.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final, cast

VERSION: Final = "2026-07-28"
TOOL: Final = {
    "name": "lookup",
    "description": "looks something up",
    "inputSchema": {
        "type": "object",
        "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["query"],
        "additionalProperties": False,
    },
}
RESULTS: Final[dict[str, dict[str, Any]]] = {
    "initialize": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "fake", "version": "1"},
    },
    "ping": {},
    "server/discover": {
        "supportedVersions": [VERSION],
        "capabilities": {"tools": {}},
        "ttlMs": 60_000,
        "cacheScope": "public",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "fake", "version": "1"}},
    },
    "tools/list": {"tools": [TOOL], "ttlMs": 60_000, "cacheScope": "public"},
    "tools/call": {"content": [{"type": "text", "text": "I looked that up for you. " * 40}]},
}
_TEXTS: Final = {
    method: json.dumps({"resultType": "complete", **result}).encode() for method, result in RESULTS.items()
}


class FakeMcp(asyncio.Protocol):
    """Just enough HTTP/1.1 for well-behaved proxies: a head, a content-length body, keep-alive."""

    def __init__(self) -> None:
        self._seen = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which is no subclass

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._seen[:end]).lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._seen) < end + 4 + length:
                return
            if head.startswith(b"get "):  # there is no stream of messages that nobody asked for
                self._transport.write(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n")
            else:
                self._answer(bytes(self._seen[end + 4 : end + 4 + length]))
            del self._seen[: end + 4 + length]

    def _answer(self, body: bytes) -> None:
        message = json.loads(body) if body else {}
        if "id" not in message:
            self._transport.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
            return
        name = json.dumps(message["id"]).encode()
        text = b'{"jsonrpc":"2.0","id":' + name + b',"result":' + _TEXTS[message["method"]] + b"}"
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text)
        self._transport.write(head + text)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(FakeMcp, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1])))
