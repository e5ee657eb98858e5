"""What a request costs in memory while its model thinks: `python -m evals.bench.waiting [--json] [--requests N]`.

Agents send long histories and wait for seconds or minutes. N requests of each size are opened through the gate to a
model server that never answers, and the gate's memory (PSS) is read before and after; beside it a FastAPI + httpx
pass-through, which reads nothing of what it passes on. A fresh process for each size. Each request is a history of
short messages, so that a tree of it would be several times its text.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from .contestants import free_port, pss_mb, running
from .gate import TOOLS, contestants
from .machine import machine

KILOBYTES: Final = (16, 64, 256)
SETTLED_SECONDS: Final = 4.0
"""After the last request was sent, before memory is read."""

NAMES: Final = ("leastward", "fastapi+httpx")


def body_of(kilobytes: int) -> bytes:
    """A chat completion request of about that size."""
    pair = [
        {"role": "user", "content": "Where is the report of the last quarter? Please look in every folder."},
        {"role": "assistant", "content": "It is in the folder of that quarter, beside the others."},
    ]
    count = kilobytes * 1024 // len(json.dumps(pair))
    return json.dumps({"model": "bench", "messages": pair * count, "tools": TOOLS}).encode()


async def _swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.CancelledError):
        while await reader.read(65536):
            continue
    writer.close()


async def _grown(name: str, kilobytes: int, requests: int, folder: Path) -> float:
    """Kilobytes of memory for each request that waits."""
    silent = await asyncio.start_server(_swallow, "127.0.0.1", 0, backlog=2048)
    upstream = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    proxy = next(one for one in contestants() if one.name == name)
    proxy.port = free_port()
    command, key = proxy.start(proxy.port, upstream, folder)
    body = body_of(kilobytes)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with running(command, proxy.port, 0) as pid:
        await _ask(proxy.port, head.encode() + body, 1)  # what is loaded on first use is not the request's
        before = pss_mb(pid)
        lines = await _ask(proxy.port, head.encode() + body, requests)
        grown = pss_mb(pid) - before
        for line in lines:
            line.close()
    silent.close()
    return grown * 1024 / requests


async def _ask(port: int, request: bytes, times: int) -> list[asyncio.StreamWriter]:
    lines = []
    for _ in range(times):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await writer.drain()
        lines.append(writer)
    await asyncio.sleep(SETTLED_SECONDS)
    return lines


def measure(requests: int) -> dict[str, Any]:
    from rich.progress import track

    cells = [(name, size) for size in KILOBYTES for name in NAMES]
    found: dict[str, dict[int, float]] = {name: {} for name in NAMES}
    for name, size in track(cells, "waiting requests", transient=True):
        with tempfile.TemporaryDirectory() as folder:
            found[name][size] = asyncio.run(_grown(name, size, requests, Path(folder)))
    return {"machine": machine(), "requests": requests, "kilobytes_each": found}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.waiting", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--requests", type=int, default=100)
    asked = parser.parse_args(argv)
    report = measure(asked.requests)
    if asked.json:
        print(json.dumps(report, indent=1))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("KB a request", *NAMES, title=f"memory of {asked.requests} waiting requests: {report['machine']}")
    for size in KILOBYTES:
        table.add_row(str(size), *(f"{report['kilobytes_each'][name][size]:,.0f} KB" for name in NAMES))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
