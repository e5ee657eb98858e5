"""What the gate costs on the wire, beside nginx as a plain reverse proxy and a FastAPI + httpx pass-through.

Every request carries a 4.2 KB body, every answer a tool call; the gate parses strictly, decides, and commits a Record
before it answers. Chat is measured in full, the Responses and the Messages API beside it at 1 and at 256 connections.
LiteLLM's proxy takes part in chat where LEASTWARD_BENCH_LITELLM names its program (`pip install litellm[proxy]` in an
environment of its own; one worker, a master key, nothing else set; no streams, which it ends without `[DONE]` here).
The proxy under test has core 0 to itself, the upstream and wrk share core 1. Each figure is the median of all rounds,
which are interleaved over the proxies so that a busy moment of the machine hits all of them.
`python -m evals.bench.gate [--json] [--rounds N] [--seconds S]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.speech import APIS

from .contestants import cpu_seconds, free_port, pss_mb, running, spread, wrk
from .machine import machine

CONNECTIONS = {"chat": (1, 32, 256), "responses": (1, 256), "messages": (1, 256)}
STREAMS = 8
STREAMED = 20
"""Times that many, so that CPU is more than a few of the kernel's ticks of 10 ms."""

_POLICY = """\
language 1
use tools "tools.json"
allow lookup(query, limit?) as lookup
  when missing limit or limit <= 100
"""
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "lookup",
            "description": "Search the archive.",
            "parameters": {
                "type": "object",
                "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
                "required": ["query"],
                "additionalProperties": False,
            },
        },
    }
]


def request_body(api: str = "chat", stream: bool = False) -> bytes:
    """A request of about 4.2 KB: a system text, a few turns, one tool."""
    system = "You are a careful assistant. " * 30
    turns = []
    for i in range(8):
        turns.append(
            {"role": "user", "content": f"Question {i}: where is the report of quarter {i}? " + "Please look. " * 14}
        )
        turns.append({"role": "assistant", "content": f"Answer {i}: it is in folder {i}. " + "I looked. " * 8})
    function: dict[str, Any] = TOOLS[0]["function"]
    said: dict[str, dict[str, object]] = {
        "chat": {"messages": [{"role": "system", "content": system}, *turns], "tools": TOOLS},
        "responses": {"instructions": system, "input": turns, "tools": [{"type": "function", **function}]},
        "messages": {
            "system": system,
            "messages": [*turns, {"role": "user", "content": "Go on."}],
            "max_tokens": 512,
            "tools": [
                {
                    "name": function["name"],
                    "description": function["description"],
                    "input_schema": function["parameters"],
                }
            ],
        },
    }
    body = {"model": "bench", **said[api], **({"stream": True} if stream else {})}
    return json.dumps(body, separators=(",", ":")).encode()


LITELLM = "LEASTWARD_BENCH_LITELLM"
START_SECONDS = 120
"""LiteLLM's proxy imports for half a minute on a busy machine."""


@dataclass
class Proxy:
    """One contestant: how to start it, and what was measured of it."""

    name: str
    start: Callable[[int, str, Path], tuple[list[str], str]]
    apis: tuple[str, ...] = tuple(CONNECTIONS)
    streams: bool = True
    port: int = 0
    pid: int = 0
    key: str = ""
    rates: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    medians_us: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    chunk_cpu_us: list[float] = field(default_factory=list)
    pss_mb: float = 0.0

    @property
    def places(self) -> list[tuple[str, int]]:
        """Few connections first: a slow proxy works on what many left behind long after wrk has gone."""
        return [(api, c) for c in CONNECTIONS["chat"] for api in self.apis if c in CONNECTIONS[api]]


def _nginx(port: int, upstream: str, folder: Path) -> tuple[list[str], str]:
    conf = folder / "nginx.conf"
    conf.write_text(
        f"""daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null crit;
events {{ worker_connections 2048; }}
http {{ access_log off; client_body_buffer_size 64k; keepalive_requests 1000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream model {{ server {upstream.removeprefix("http://")}; keepalive 512; keepalive_requests 1000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://model; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_buffering off; }} }} }}"""
    )
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(conf), "-p", str(folder)], ""


def _passthrough(port: int, upstream: str, folder: Path) -> tuple[list[str], str]:
    return [sys.executable, "-m", "evals.bench.passthrough", str(port), upstream], ""


def _leastward(port: int, upstream: str, folder: Path) -> tuple[list[str], str]:
    (folder / "tools.json").write_text(json.dumps(TOOLS))
    (folder / "bench.lw").write_text(_POLICY)
    (folder / "leastward.yaml").write_text(
        f"""listen: {{host: 127.0.0.1, port: {port}}}
policies: [{folder}/bench.lw]
database: {folder}/bench.db
upstreams: {{model: {{url: "{upstream}/v1"}}}}
"""
    )
    leastward = str(Path(sys.executable).parent / "leastward")
    issued = subprocess.run(
        [
            leastward,
            "keys",
            "issue",
            "--config",
            str(folder / "leastward.yaml"),
            "--tenant",
            "bench",
            "--agent",
            "wrk",
            "--json",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return [leastward, "serve", "--config", str(folder / "leastward.yaml")], json.loads(issued.stdout)["secret"]


def _litellm(port: int, upstream: str, folder: Path) -> tuple[list[str], str]:
    key = "sk-" + secrets.token_hex(32)
    model = {"model": "openai/bench", "api_base": f"{upstream}/v1", "api_key": "none"}
    tree = {
        "model_list": [{"model_name": "bench", "litellm_params": model}],
        "general_settings": {"master_key": key},
        "litellm_settings": {"telemetry": False},
    }
    (folder / "litellm.json").write_text(json.dumps(tree))  # JSON is YAML
    place = ["--config", str(folder / "litellm.json"), "--host", "127.0.0.1", "--port", str(port)]
    return [os.environ[LITELLM], *place, "--num_workers", "1"], key


def contestants() -> list[Proxy]:
    found = [Proxy("nginx", _nginx), Proxy("leastward", _leastward), Proxy("fastapi+httpx", _passthrough)]
    return [*found, Proxy("litellm", _litellm, ("chat",), streams=False)] if os.environ.get(LITELLM) else found


async def _read_stream(port: int, key: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = request_body(stream=True)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nauthorization: Bearer "
        + key.encode()
        + b"\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        + body
    )
    seen = b""
    while chunk := await reader.read(65536):
        seen = (seen + chunk)[-64:]
        if b"[DONE]" in seen:
            break
    else:
        raise SystemExit(f"a stream on port {port} ended without [DONE]")
    writer.close()


async def _streams(port: int, key: str) -> None:
    await asyncio.gather(*(_read_stream(port, key) for _ in range(STREAMS)))


def _script(key: str, body: str) -> str:
    head = 'wrk.method="POST"\nwrk.headers["content-type"]="application/json"\n'
    return head + f'wrk.headers["authorization"]="Bearer {key}"\nwrk.body=[==[{body}]==]\n'


def _idle(pid: int, seconds: float = 60) -> None:
    """Wait until a process has worked off what wrk left behind: a slow one would begin the next figure with that."""
    deadline = time.monotonic() + seconds
    while pid and time.monotonic() < deadline:
        before = cpu_seconds(pid)
        time.sleep(0.5)
        if cpu_seconds(pid) - before <= 0.01:
            return


def measure(rounds: int, seconds: float) -> dict[str, object]:
    from rich.progress import Progress

    from .fake_upstream import CHUNKS

    proxies = contestants()
    direct = Proxy("direct", _nginx, streams=False)
    with ExitStack() as stack, Progress(transient=True) as progress:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        upstream = f"http://127.0.0.1:{port}"
        stack.enter_context(running([sys.executable, "-m", "evals.bench.fake_upstream", str(port)], port, 1))
        direct.port = port
        for proxy in proxies:
            proxy.port = free_port()
            own = folder / proxy.name
            own.mkdir()
            command, proxy.key = proxy.start(proxy.port, upstream, own)
            proxy.pid = stack.enter_context(running(command, proxy.port, 0, START_SECONDS))
        total = rounds * sum(len(proxy.places) + proxy.streams for proxy in (direct, *proxies))
        task = progress.add_task("gate", total=total)
        for _ in range(rounds):
            for proxy in (direct, *proxies):
                for api, connections in proxy.places:
                    script = folder / f"{proxy.name}-{api}.lua"
                    script.write_text(_script(proxy.key, request_body(api).decode()))
                    rate, median = wrk(f"http://127.0.0.1:{proxy.port}{APIS[api].path}", script, connections, seconds)
                    _idle(proxy.pid)
                    proxy.rates[api, connections].append(rate)
                    if connections == 1:
                        proxy.medians_us[api].append(median)
                    progress.advance(task)
                if proxy.streams:
                    before = cpu_seconds(proxy.pid)
                    for _ in range(STREAMED):
                        asyncio.run(_streams(proxy.port, proxy.key))
                    took = cpu_seconds(proxy.pid) - before
                    proxy.chunk_cpu_us.append(took / (STREAMED * STREAMS * CHUNKS) * 1e6)
                    progress.advance(task)
        for proxy in proxies:
            proxy.pss_mb = pss_mb(proxy.pid)
    return _report(direct, proxies, rounds, seconds)


def _report(direct: Proxy, proxies: list[Proxy], rounds: int, seconds: float) -> dict[str, object]:
    base = {api: statistics.median(direct.medians_us[api]) for api in CONNECTIONS}
    rows = {
        p.name: {
            **{
                api: {
                    "requests_per_s": {c: spread(p.rates[api, c]) for c in several},
                    "added_p50_us": statistics.median(p.medians_us[api]) - base[api],
                }
                for api, several in CONNECTIONS.items()
                if api in p.apis
            },
            "stream_cpu_us_per_chunk": spread(p.chunk_cpu_us) if p.streams else None,
            "pss_mb": p.pss_mb,
        }
        for p in proxies
    }
    ours, nginx, usual = (next(p for p in proxies if p.name == n) for n in ("leastward", "nginx", "fastapi+httpx"))

    def ratio(a: Proxy, b: Proxy, c: int, api: str = "chat") -> float:
        return statistics.median(a.rates[api, c]) / max(statistics.median(b.rates[api, c]), 0.01)

    lite = {f"requests/s at 256, times {p.name} (>= 70)": ratio(ours, p, 256) for p in proxies if p.name == "litellm"}
    return {
        "machine": machine(),
        "rounds": rounds,
        "seconds": seconds,
        "proxies": rows,
        "ratios": {
            "requests/s at 256, of nginx (>= 0.12)": ratio(ours, nginx, 256),
            "requests/s at 256, times fastapi+httpx (>= 20)": ratio(ours, usual, 256),
            "responses: requests/s at 256, times fastapi+httpx (>= 20)": ratio(ours, usual, 256, "responses"),
            "messages: requests/s at 256, times fastapi+httpx (>= 20)": ratio(ours, usual, 256, "messages"),
            "requests/s at 32, of nginx": ratio(ours, nginx, 32),
            "requests/s at 1, of nginx (records wait for the disk)": ratio(ours, nginx, 1),
            "CPU per streamed chunk, times nginx (<= 2)": statistics.median(ours.chunk_cpu_us)
            / max(statistics.median(nginx.chunk_cpu_us), 0.01),
            **lite,
        },
    }


def show(report: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"gate: {report['machine']}")
    columns = ("proxy", "API", "req/s c=1", "c=32", "c=256 (min .. max)", "added p50 us", "CPU us/chunk", "PSS MB")
    for column in columns:
        table.add_column(column, justify="right")
    for name, row in report["proxies"].items():  # type: ignore[attr-defined]
        for api, several in CONNECTIONS.items():
            if api not in row:
                continue
            rates, is_chat = row[api]["requests_per_s"], api == "chat"
            table.add_row(
                name if is_chat else "",
                api,
                f"{rates[1]['median']:,.0f}",
                f"{rates[32]['median']:,.0f}" if 32 in several else "",
                f"{rates[256]['median']:,.0f} ({rates[256]['min']:,.0f} .. {rates[256]['max']:,.0f})",
                f"{row[api]['added_p50_us']:,.0f}",
                f"{row['stream_cpu_us_per_chunk']['median']:.1f}" if is_chat and row["stream_cpu_us_per_chunk"] else "",
                f"{row['pss_mb']:.0f}" if is_chat else "",
            )
    console.print(table)
    for name, value in report["ratios"].items():  # type: ignore[attr-defined]
        console.print(f"{name}: [bold]{value:.3g}[/bold]", highlight=False)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.gate", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    asked = parser.parse_args(argv)
    missing = [tool for tool in ("nginx", "wrk") if not (shutil.which(tool) or Path(f"/usr/sbin/{tool}").exists())]
    if missing:
        print(f"the gate's benchmark needs {' and '.join(missing)} (Debian packages nginx-light and wrk): left out")
        return 0
    report = measure(asked.rounds, asked.seconds)
    print(json.dumps(report, indent=1)) if asked.json else show(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
