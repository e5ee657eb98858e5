"""ContextForge as a contestant of evals.bench.mcp, where it is installed: in an environment of its own, as it wants
another mcp SDK than this repository.

    python -m venv /tmp/contextforge && /tmp/contextforge/bin/pip install mcp-contextforge-gateway
    LEASTWARD_BENCH_CONTEXTFORGE=/tmp/contextforge/bin python -m evals.bench.mcp

It runs as one worker on SQLite with authentication on, and with all that could slow it down and can be turned off
turned off: rate limits, plugins, its pages, its log. Its clients speak 2025-06-18 without a session; the tool is called
by the name that it gives it. Its own documentation says 250 to 400 calls a second of 16 to 24 workers.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any, Final

SETTING: Final = "LEASTWARD_BENCH_CONTEXTFORGE"
PATH: Final = "/mcp/"
TOOL: Final = "bench-lookup"
ADMIN: Final = "admin@example.com"
KEY: Final = secrets.token_hex(24)
PASSWORD: Final = secrets.token_urlsafe(16) + "aA1!"

HEADERS: Final = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2025-06-18",
}


def installed() -> Path | None:
    """The folder of its programs, None where nobody named one."""
    named = os.environ.get(SETTING)
    return None if not named else Path(named)


def _environment(folder: Path) -> dict[str, str]:
    """Of ours it gets the path alone."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/contextforge.db",
        "JWT_SECRET_KEY": KEY,
        "AUTH_ENCRYPTION_SECRET": KEY[::-1],
        "BASIC_AUTH_PASSWORD": PASSWORD,
        "PLATFORM_ADMIN_EMAIL": ADMIN,
        "PLATFORM_ADMIN_PASSWORD": PASSWORD,
        "ENVIRONMENT": "development",
        "LOG_LEVEL": "ERROR",
        "CACHE_TYPE": "memory",
        "MCPGATEWAY_UI_ENABLED": "false",
        "PLUGINS_ENABLED": "false",
        "RATE_LIMITING_ENABLED": "false",
        "SSRF_PROTECTION_ENABLED": "false",  # the server that is called stands on this machine
        "TOOL_RATE_LIMIT": "1000",
    }


def command(port: int, folder: Path) -> list[str]:
    """What starts it."""
    programs = installed()
    assert programs is not None
    written = [f"{name}={value}" for name, value in _environment(folder).items()]
    return ["env", "-i", *written, str(programs / "mcpgateway"), "--host", "127.0.0.1", "--port", str(port)]


def registered(port: int, upstream: str, folder: Path) -> dict[str, str]:
    """Make it know the server at `upstream`; the headers of a call. Raises SystemExit where it takes it not."""
    programs = installed()
    assert programs is not None
    make = ["-m", "mcpgateway.utils.create_jwt_token", "--username", ADMIN, "--admin", "--exp", "600", "--secret", KEY]
    run = [str(programs / "python"), *make]
    made = subprocess.run(run, capture_output=True, text=True, check=True, env=_environment(folder))
    headers = {**HEADERS, "authorization": f"Bearer {made.stdout.split()[-1]}"}
    server = {"name": "bench", "url": upstream, "transport": "STREAMABLEHTTP"}
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with closing(line):
        line.request("POST", "/gateways", json.dumps(server), headers)
        answer = line.getresponse()
        text = answer.read()
    if answer.status not in (200, 201):
        raise SystemExit(f"ContextForge does not take the server: {answer.status} {text[:300]!r}")
    return headers


def body(arguments: dict[str, Any]) -> bytes:
    params = {"name": TOOL, "arguments": arguments}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
