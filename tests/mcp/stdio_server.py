"""An MCP server on pipes with nothing but the standard library, as small as they come: it knows the handshake alone."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

TOOLS = [
    {"name": name, "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}
    for name in ("change", "echo", "environment", "end")
]


def answer(message: dict[str, Any]) -> dict[str, Any]:
    params = message.get("params", {})
    match message["method"]:
        case "initialize":
            version = params["protocolVersion"]
            capabilities: dict[str, Any] = {"tools": {}, "resources": {"subscribe": True}}
            return {"protocolVersion": version, "capabilities": capabilities, "serverInfo": {"name": "pipes"}}
        case "resources/subscribe" | "resources/unsubscribe":
            return {}
        case "tools/list":
            return {"tools": TOOLS}
        case "tools/call":
            return {"content": [{"type": "text", "text": called(params["name"], params.get("arguments", {}))}]}
    raise LookupError


def called(name: str, arguments: dict[str, Any]) -> str:
    if name == "end":
        os._exit(3)
    if name == "change":
        changed = {"method": "notifications/resources/updated", "params": {"uri": arguments["text"]}}
        print(json.dumps({"jsonrpc": "2.0", **changed}), flush=True)
    return arguments["text"] if name in ("change", "echo") else json.dumps(sorted(os.environ))


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    try:
        reply["result"] = answer(message)
    except LookupError:
        reply["error"] = {"code": -32601, "message": "no such method"}
    print(json.dumps(reply), flush=True)
