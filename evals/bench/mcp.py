"""Calls of MCP tools through the gate, through a proxy of the official SDK, and through ContextForge, in one run.

Every call goes over HTTP as 2026-07-28 has it, to one server that costs almost nothing. The gate decides each call,
records it durably and reads the result strictly; the proxy passes it on. ContextForge takes part where
LEASTWARD_BENCH_CONTEXTFORGE names it (mcp_contextforge). One core for a proxy, one for wrk and the server; the proxies
take turns.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from . import mcp_contextforge
from .contestants import cpu_seconds, free_port, pss_mb, running, spread, wrk
from .machine import machine

VERSION: Final = "2026-07-28"
CONNECTIONS: Final = (1, 32)
TARGETS: Final = {"mcp SDK": 2.0, "ContextForge": 5.0}
"""Times their calls per second that the gate's are meant to be."""

_POLICY: Final = """language 1
allow bench/lookup(query, limit) when limit <= 20 and not (query contains "password")
"""


@dataclass
class Proxy:
    name: str
    path: str
    start: Callable[[int, str, Path], list[str]]
    port: int = 0
    pid: int = 0
    rates: dict[int, list[float]] = field(default_factory=lambda: {c: [] for c in CONNECTIONS})
    medians_us: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    pss: float = 0.0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def _sdk(port: int, upstream: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "evals.bench.mcp_passthrough", str(port), upstream]


def _contextforge(port: int, upstream: str, folder: Path) -> list[str]:
    return mcp_contextforge.command(port, folder)


def _leastward(port: int, upstream: str, folder: Path) -> list[str]:
    (folder / "bench.lw").write_text(_POLICY)
    (folder / "leastward.yaml").write_text(
        f"""listen: {{host: 127.0.0.1, port: {port}, open_loopback: true}}
policies: [{folder}/bench.lw]
database: {folder}/bench.db
log: {{level: warning}}
upstreams: {{none: {{url: "http://127.0.0.1:9/v1"}}}}
mcp: {{servers: {{bench: {{url: "{upstream}"}}}}}}
"""
    )
    leastward = str(Path(sys.executable).parent / "leastward")
    return [leastward, "serve", "--config", str(folder / "leastward.yaml")]


SLOW: Final = 4
"""ContextForge is measured so many times longer: with 32 connections an answer takes it over 2 s."""

START_SECONDS: Final = 180
"""ContextForge makes its tables at its first start: 40 s on a busy machine."""

ARGUMENTS: Final[dict[str, Any]] = {"query": "quarterly report " * 10, "limit": 10}


def request_body() -> bytes:
    meta = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "wrk", "version": "1"},
    }
    params = {"name": "lookup", "arguments": ARGUMENTS, "_meta": meta}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


HEADERS: Final = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": VERSION,
    "mcp-method": "tools/call",
    "mcp-name": "lookup",
}


def _script(folder: Path, proxy: Proxy) -> Path:
    lines = [f'wrk.headers["{name}"]="{value}"' for name, value in proxy.headers.items()]
    path = folder / f"{proxy.name.replace(' ', '-')}.lua"
    path.write_text("\n".join(['wrk.method="POST"', *lines, f"wrk.body=[==[{proxy.body.decode()}]==]"]))
    return path


def _check(proxy: Proxy) -> None:
    """A refused call is answered with 200 as well, and would be no measurement."""
    line = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    with closing(line):
        line.request("POST", proxy.path, proxy.body, proxy.headers)
        text = line.getresponse().read()
    if b"I looked that up" not in text:
        raise SystemExit(f"{proxy.name} did not make the call: {text[:300]!r}")


def measure(rounds: int, seconds: float) -> dict[str, object]:
    proxies = [Proxy("leastward", "/mcp/bench", _leastward), Proxy("mcp SDK", "/mcp", _sdk)]
    if mcp_contextforge.installed() is not None:
        proxies.append(Proxy("ContextForge", mcp_contextforge.PATH, _contextforge))
    direct = Proxy("direct", "/mcp", _sdk)
    for proxy in (direct, *proxies):
        proxy.body, proxy.headers = request_body(), dict(HEADERS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        direct.port = free_port()
        command = [sys.executable, "-m", "evals.bench.fake_mcp", str(direct.port)]
        direct.pid = stack.enter_context(running(command, direct.port, 1))
        for proxy in proxies:
            proxy.port = free_port()
            command = proxy.start(proxy.port, f"http://127.0.0.1:{direct.port}/mcp", folder)
            proxy.pid = stack.enter_context(running(command, proxy.port, 0, START_SECONDS))
            if proxy.start is _contextforge:
                proxy.headers = mcp_contextforge.registered(proxy.port, f"http://127.0.0.1:{direct.port}/mcp", folder)
                proxy.body = mcp_contextforge.body(ARGUMENTS)
        scripts = {proxy.name: _script(folder, proxy) for proxy in (direct, *proxies)}
        for _ in range(rounds):
            for proxy in (direct, *proxies):
                _check(proxy)
                for connections in CONNECTIONS:
                    before = cpu_seconds(proxy.pid)
                    url = f"http://127.0.0.1:{proxy.port}{proxy.path}"
                    lasts = seconds * SLOW if proxy.start is _contextforge else seconds
                    rate, median = wrk(url, scripts[proxy.name], connections, lasts)
                    if not rate:
                        raise SystemExit(f"{proxy.name} answered nothing in {lasts:g} s at {connections} connections")
                    proxy.rates[connections].append(rate)
                    if connections == 1:
                        proxy.medians_us.append(median)
                    else:
                        proxy.cpu_us.append((cpu_seconds(proxy.pid) - before) / (rate * lasts) * 1e6)
        for proxy in proxies:
            proxy.pss = pss_mb(proxy.pid)
    ours, *others = proxies
    return {
        "machine": machine(),
        "rounds": rounds,
        "seconds": seconds,
        "proxies": {
            proxy.name: {
                "calls_per_s": {c: spread(proxy.rates[c]) for c in CONNECTIONS},
                "p50_us": statistics.median(proxy.medians_us),
                "cpu_us_per_call": spread(proxy.cpu_us),
                "pss_mb": proxy.pss,
            }
            for proxy in (direct, *proxies)
        },
        "ratios": {
            f"calls/s at {c}, times {other.name} (>= {TARGETS[other.name]:g})": statistics.median(ours.rates[c])
            / statistics.median(other.rates[c])
            for other in others
            for c in CONNECTIONS
        },
    }


def show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"MCP: {report['machine']}")
    for column in ("proxy", "calls/s c=1", "c=32 (min .. max)", "p50 us c=1", "CPU us/call c=32", "PSS MB"):
        table.add_column(column, justify="right")
    for name, row in report["proxies"].items():
        one, many = (row["calls_per_s"][c] for c in CONNECTIONS)
        table.add_row(
            name,
            f"{one['median']:,.0f}",
            f"{many['median']:,.0f} ({many['min']:,.0f} .. {many['max']:,.0f})",
            f"{row['p50_us']:,.0f}",
            f"{row['cpu_us_per_call']['median']:,.0f}",
            f"{row['pss_mb']:.0f}",
        )
    console.print(table)
    for name, value in report["ratios"].items():
        console.print(f"{name}: [bold]{value:.3g}[/bold]", highlight=False)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.mcp", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args(argv)
    if shutil.which("wrk") is None:
        print("evals.bench.mcp needs wrk; skipped")
        return 0
    report = measure(options.rounds, options.seconds)
    print(json.dumps(report)) if options.json else show(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
