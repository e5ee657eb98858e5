"""An MCP server on pipes: gives canned results, keeps every message. Usage: python pipe_server.py RESULTS.json LOG"""

from __future__ import annotations

import json
import sys
from pathlib import Path

results = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
for line in sys.stdin:
    with Path(sys.argv[2]).open("a", encoding="utf-8") as log:
        log.write(line)
    message = json.loads(line)
    if "id" in message:
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": results[message["method"]]}
        print(json.dumps(answer), flush=True)
