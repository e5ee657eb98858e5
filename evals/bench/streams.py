"""A soak: many open streams and judged calls at once, in all three model APIs, through one gate on two cores.

The target: 500 open streams with 300 judged calls a second for five minutes, no growth of memory after the first
minute, no missing Record, and the first text token through the gate no more than 2 ms after the upstream's. Each stream
says one word a second and ends after WORDS of them; its client then opens the next, so that as many are open at all
times. Calls are whole answers with one call each, asked evenly over time. The delay of a word is that between the
upstream's write and the client's read, by one clock, since the upstream writes the time into the word: so it is
measured against the upstream itself. The gate has the first core; the upstream and the clients share the last.
`python -m evals.bench.streams [--json] [--seconds S] [--streams N] [--calls PER_SECOND]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from evals.speech import APIS, Call, Text

from .contestants import free_port, pss_mb, running
from .machine import machine

SAMPLE_SECONDS: Final = 5.0
SETTLED_SECONDS: Final = 60.0
"""After which memory may no longer grow."""
WORD_SECONDS: Final = 1.0
WORDS: Final = 20
KEPT_SECONDS: Final = 2.0
NATIVE: Final = {"chat": "tool", "responses": "function_call", "messages": "tool_use"}
_STAMP: Final = re.compile(rb"at([0-9]{12,20})ns")
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_POLICY: Final = """language 1
allow lookup(query, ...) as lookup
"""


@dataclass
class Counts:
    """What one run saw. Delays are milliseconds, memory is MB by seconds since the start."""

    opened: int = 0
    ended: int = 0
    asked: int = 0
    answered: int = 0
    failed: int = 0
    words: int = 0
    late: int = 0
    first: dict[str, list[float]] = field(default_factory=lambda: {api: [] for api in APIS})
    later: list[float] = field(default_factory=list)
    direct: list[float] = field(default_factory=list)
    memory: list[tuple[float, float, float]] = field(default_factory=list)


# --- the upstream -----------------------------------------------------------------------------------------------------


def _chunk(data: bytes) -> bytes:
    """One chunk of HTTP."""
    return b"%x\r\n%b\r\n" % (len(data), data)


_WORD: Final = "@NOW . "
"""One piece of evals/speech.py's, so that it stays whole."""


class Upstream(asyncio.Protocol):
    """Answers by what it is asked: a stream of words until the client leaves, or a whole answer with one call."""

    _WORDS: Final[Mapping[str, Sequence[bytes]]] = {name: api.stream([Text(_WORD)]) for name, api in APIS.items()}
    _CALLS: Final[Mapping[str, bytes]] = {
        name: json.dumps(api.whole([Text("I look. "), Call(NATIVE[name], "lookup", {"query": "report"})])).encode()
        for name, api in APIS.items()
    }

    def __init__(self) -> None:
        self._seen = bytearray()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        with suppress(AttributeError):
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._seen[:end]).lower()
            at = head.find(b"content-length:")
            size = end + 4 + (int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0)
            if len(self._seen) < size:
                return
            body = bytes(self._seen[end + 4 : size])
            del self._seen[:size]
            path = head.split(b" ", 2)[1].decode()
            api = next(name for name, one in APIS.items() if one.path == path)
            if b'"stream":true' in body:
                self._task = asyncio.ensure_future(self._speak(api))
            else:
                call = self._CALLS[api]
                head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(call)
                self._transport.write(head + call)

    async def _speak(self, api: str) -> None:
        """The events up to the word, that word again and again, and the end of an answer that said all of it."""
        events = self._WORDS[api]
        word = next(at for at, event in enumerate(events) if b"@NOW" in event)
        self._transport.write(_HEAD + b"".join(map(_chunk, events[:word])))
        said = []
        for _ in range(WORDS):
            stamp = f"at{time.perf_counter_ns()}ns . "
            said.append(stamp)
            self._transport.write(_chunk(events[word].replace(_WORD.encode(), stamp.encode())))
            await asyncio.sleep(WORD_SECONDS)
        rest = APIS[api].stream([Text("".join(said))])[word + 1 - len(events) :]
        self._transport.write(b"".join(map(_chunk, rest)) + b"0\r\n\r\n")


async def _serve_upstream(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


# --- the clients ------------------------------------------------------------------------------------------------------


def _request(api: str, key: str, stream: bool) -> bytes:
    body = json.dumps(APIS[api].request("go on", stream), separators=(",", ":")).encode()
    head = f"POST {APIS[api].path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
    return f"{head}authorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


async def _listen(port: int, api: str, key: str, counts: Counts, first: list[float], until: float) -> None:
    """One stream after the other: every word's delay, the first of each answer apart."""
    loop = asyncio.get_running_loop()
    while (left := until - loop.time()) > 0:
        try:
            async with asyncio.timeout(left):
                await _hear(port, _request(api, key, stream=True), counts, first)
        except TimeoutError:
            return
        except OSError:
            counts.failed += 1


async def _hear(port: int, request: bytes, counts: Counts, first: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        heard, tail = 0, b""
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            data = await reader.read(65536)
            if not data:
                raise ConnectionError("the stream broke off")
            now, tail = time.perf_counter_ns(), tail + data
            at = 0
            for found in _STAMP.finditer(tail):
                at = found.end()
                if heard < WORDS:  # the end of some APIs says the whole text once more
                    (counts.later if heard else first).append((now - int(found[1])) / 1e6)
                    counts.opened += heard == 0
                heard += 1
            tail = tail[at:][-4096:]
        counts.words += min(heard, WORDS)
        counts.failed += heard < WORDS
        counts.ended += 1
    finally:
        writer.close()


async def _call(port: int, request: bytes, pool: list[Any], counts: Counts) -> None:
    """One judged call on a kept connection."""
    counts.asked += 1
    try:
        reader, writer = _kept(pool) or await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: *([0-9]+)", head.lower())
        body = await reader.readexactly(int(found[1]) if found else 0)
        if b" 200 " in head[:16] and b"lookup" in body and b"[leastward]" not in body:
            counts.answered += 1
        else:
            counts.failed += 1
        pool.append((time.monotonic(), reader, writer))
    except (OSError, asyncio.IncompleteReadError):
        counts.failed += 1


def _kept(pool: list[Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """A connection that was used a moment ago; the gate closes those that nobody uses."""
    while pool:
        used, reader, writer = pool.pop()
        if time.monotonic() - used < KEPT_SECONDS:
            return reader, writer
        writer.close()
    return None


async def _calls(port: int, key: str, rate: float, counts: Counts, until: float) -> None:
    """`rate` calls a second, evenly, and whether or not the earlier ones were answered yet."""
    requests = [_request(api, key, stream=False) for api in APIS]
    loop = asyncio.get_running_loop()
    pool: list[Any] = []
    tasks: set[asyncio.Future[None]] = set()
    begun, number = loop.time(), 0
    while loop.time() < until:
        due = int((loop.time() - begun) * rate)
        while number < due:
            task = asyncio.ensure_future(_call(port, requests[number % len(requests)], pool, counts))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        counts.late = max(counts.late, len(tasks))
        await asyncio.sleep(0.005)
    if tasks:
        await asyncio.wait(tasks, timeout=30)


async def _sample(pid: int, counts: Counts, begun: float, progress: Any) -> None:
    while True:
        now = time.perf_counter() - begun
        counts.memory.append((now, pss_mb(pid), _rss_mb(pid)))
        progress(now)
        await asyncio.sleep(SAMPLE_SECONDS)


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def _soak(
    gate: int, upstream: int, pid: int, key: str, streams: int, rate: float, seconds: float, progress: Any
) -> Counts:
    counts, loop = Counts(), asyncio.get_running_loop()
    names = list(APIS)
    for api in names * 10:  # the upstream's own delay, without a gate, before there is any load
        await _listen(upstream, api, "", counts, counts.direct, loop.time() + 0.02)
    counts.opened = 0
    counts.later.clear()
    begun, until = time.perf_counter(), loop.time() + seconds
    sampling = asyncio.ensure_future(_sample(pid, counts, begun, progress))
    async with _calling(gate, key, rate, counts, until):
        listening = []
        for at in range(streams):
            api = names[at % len(names)]
            listening.append(asyncio.ensure_future(_listen(gate, api, key, counts, counts.first[api], until)))
            await asyncio.sleep(min(10.0, seconds / 4) / streams)  # opened over time, or it is a test of `listen`
        await asyncio.gather(*listening)
    sampling.cancel()
    return counts


@asynccontextmanager
async def _calling(gate: int, key: str, rate: float, counts: Counts, until: float) -> AsyncIterator[None]:
    task = asyncio.ensure_future(_calls(gate, key, rate, counts, until))
    yield
    await task


# --- the run ----------------------------------------------------------------------------------------------------------


def measure(seconds: float, streams: int, rate: float) -> dict[str, Any]:
    import uvloop
    from rich.progress import Progress

    cores = sorted(os.sched_getaffinity(0))
    gate_core, other = cores[0], cores[-1]
    os.sched_setaffinity(0, {other})
    port, gate_port = free_port(), free_port()
    serve = [sys.executable, "-m", "evals.bench.streams", "--upstream", str(port)]
    with tempfile.TemporaryDirectory() as name, running(serve, port, other), Progress(transient=True) as bar:
        folder = Path(name)
        command, key = _leastward(folder, gate_port, port)
        with running(command, gate_port, gate_core) as pid:
            task = bar.add_task(f"{streams} streams, {rate:g} calls/s", total=seconds)
            soak = _soak(gate_port, port, pid, key, streams, rate, seconds, lambda at: bar.update(task, completed=at))
            counts = uvloop.run(soak)
            recorded = _recorded(folder / "gate.db")
    os.sched_setaffinity(0, set(cores))
    return _report(counts, recorded, seconds, streams, rate, len(cores))


def _leastward(folder: Path, port: int, upstream: int) -> tuple[list[str], str]:
    (folder / "gate.lw").write_text(_POLICY)
    config = folder / "leastward.yaml"
    config.write_text(
        f"listen: {{host: 127.0.0.1, port: {port}}}\npolicies: [gate.lw]\ndatabase: gate.db\nlog: {{level: error}}\n"
        f'limits: {{connections: 4096}}\nupstreams: {{model: {{url: "http://127.0.0.1:{upstream}/v1", '
        "max_connections: 4096}}\n"
    )
    leastward = str(Path(sys.executable).parent / "leastward")
    issue = ["keys", "issue", "--config", str(config), "--tenant", "bench", "--agent", "soak", "--json"]
    issued = subprocess.run([leastward, *issue], check=True, capture_output=True, text=True)
    return [leastward, "serve", "--config", str(config)], json.loads(issued.stdout)["secret"]


def _recorded(database: Path) -> int:
    """Decisions in the database, read while the gate still runs: a Record is durable before its call leaves."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        kind = "json_extract(CAST(body AS TEXT), '$.kind')"
        found = connection.execute(f"SELECT count(*) FROM record WHERE {kind} = 'decision'").fetchone()
    return int(found[0])


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {"n": 0}
    p99 = ordered[min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)]
    return {"n": len(ordered), "p50": statistics.median(ordered), "p99": p99, "max": ordered[-1]}


def _growth(memory: Sequence[tuple[float, float, float]], seconds: float) -> float | None:
    """MB an hour by least squares over the samples after the first minute (the first half of a shorter run); None
    where there are too few."""
    settled = [(at, pss) for at, pss, _ in memory if at >= min(SETTLED_SECONDS, seconds / 2)]
    if len(settled) < 3:
        return None
    return statistics.linear_regression(*zip(*settled, strict=True)).slope * 3600


def _report(counts: Counts, recorded: int, seconds: float, streams: int, rate: float, cores: int) -> dict[str, Any]:
    after = [pss for at, pss, _ in counts.memory if at >= min(SETTLED_SECONDS, seconds / 2)]
    return {
        "machine": machine(),
        "cores": cores,
        "asked for": {"seconds": seconds, "streams": streams, "calls_per_s": rate},
        "streams that spoke": counts.opened,
        "streams that ended": counts.ended,
        "words": counts.words,
        "calls": {"asked": counts.asked, "released": counts.answered, "per_s": counts.asked / seconds},
        "failed": counts.failed,
        "most calls at once": counts.late,
        "records": recorded,
        "records missing": counts.answered - recorded,
        "first word, ms": {name: _quantiles(found) for name, found in counts.first.items()},
        "later words, ms": _quantiles(counts.later),
        "first word without a gate, ms": _quantiles(counts.direct),
        "memory_mb": {
            "first": counts.memory[0][1], "settled_min": min(after), "settled_max": max(after),
            "last": counts.memory[-1][1], "growth_mb_per_hour": _growth(counts.memory, seconds),
        },
        "samples": [{"at": round(at, 1), "pss_mb": round(a, 1), "rss_mb": round(b, 1)} for at, a, b in counts.memory],
    }  # fmt: skip


def show(report: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"streams: {report['machine']}")
    for column in ("what", "seen"):
        table.add_column(column)
    for name, value in report.items():
        if name in ("samples", "machine"):
            continue
        nested = isinstance(value, dict) and all(isinstance(inner, dict) for inner in value.values())
        for inner, one in value.items() if nested else [("", value)]:
            table.add_row(f"{name} {inner}", _flat(one))
    console.print(table)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(one)}" for name, one in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.streams", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--calls", type=float, default=300)
    parser.add_argument("--upstream", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    import uvloop

    if asked.upstream is not None:
        uvloop.run(_serve_upstream(asked.upstream))
    report = measure(asked.seconds, asked.streams, asked.calls)
    print(json.dumps(report, indent=1)) if asked.json else show(report)
    return 1 if report["records missing"] or report["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
