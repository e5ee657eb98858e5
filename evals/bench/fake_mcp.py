"""An MCP server that costs almost nothing: the fixed end of the measurements of MCP proxies.

`python -m evals.bench.fake_mcp PORT` speaks 2026-07-28 at every path: `server/discover`, `tools/list` with the one tool
`lookup`, and `tools/call`, which always answers with the same kilobyte of text. Proxies of before 2026-07-28 may shake
hands first: `initialize` opens no session.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from .fake_http import FakeHttp, serve

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


class FakeMcp(FakeHttp):
    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get "):  # there is no stream of messages that nobody asked for
            self._transport.write(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n")
            return
        message = json.loads(body) if body else {}
        if "id" not in message:
            self._transport.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
            return
        name = json.dumps(message["id"]).encode()
        text = b'{"jsonrpc":"2.0","id":' + name + b',"result":' + _TEXTS[message["method"]] + b"}"
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text)
        self._transport.write(head + text)


if __name__ == "__main__":
    serve(FakeMcp, int(sys.argv[1]))
