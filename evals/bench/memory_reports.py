"""Reports a second over HTTP: `python -m evals.bench.memory_reports [--json] [--rounds N] [--seconds S]`.

A gate with memory decides some thousand calls of a scripted model; then wrk sends `POST /v1/reports`, each of another
pair of reporter and decision, over 1, 32 and 256 connections. The gate has core 0 to itself; wrk is on core 1. A report
is answered when it is on the disk. Every round is a gate and two databases of its own; each figure is the median.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from .contestants import cpu_seconds, free_port, running, spread, wrk
from .gate import request_body
from .machine import machine

CONNECTIONS: Final = (1, 32, 256)
REPORTERS: Final = 8

_HEAD: Final = 'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
_CALLS: Final = _HEAD + 'wrk.headers["authorization"] = "Bearer %s"\nwrk.body = [==[%s]==]\n'
_REPORTS: Final = f"""{_HEAD}
local keys, decisions, sent = {{%s}}, {{%s}}, %d
request = function()
  local key, decision = keys[sent %% #keys + 1], decisions[math.floor(sent / #keys) + 1]
  sent = sent + 1
  wrk.headers["authorization"] = "Bearer " .. key
  return wrk.format(nil, nil, nil, '{{"decision":"' .. decision ..
    '","should":"forbid","because":"it went to the wrong partner"}}')
end
"""


def _start(folder: Path, port: int, upstream: str) -> tuple[list[str], str, list[str]]:
    """The command of a gate, the key of an agent, and those of the reporters."""
    (folder / "bench.lw").write_text("language 1\nallow lookup(query, limit?) as lookup\n")
    settings = folder / "leastward.yaml"
    settings.write_text(
        f"""listen: {{host: 127.0.0.1, port: {port}}}
policies: [{folder}/bench.lw]
database: {folder}/bench.db
upstreams: {{model: {{url: "{upstream}/v1"}}}}
memory: {{url: "{folder}/memory.db", refresh_seconds: 0, reports_a_day: 1000000}}
"""
    )
    leastward = str(Path(sys.executable).parent / "leastward")

    def key(*named: str) -> str:
        issue = [leastward, "keys", "issue", "--config", str(settings), "--tenant", "bench", *named, "--json"]
        return str(json.loads(subprocess.run(issue, check=True, capture_output=True, text=True).stdout)["secret"])

    users = [key("--agent", "console", "--user", f"u{n}", "--scope", "report") for n in range(REPORTERS)]
    return [leastward, "serve", "--config", str(settings)], key("--agent", "wrk"), users


def _round(seconds: float, decisions: int) -> dict[int, tuple[float, float, float]]:
    """By connections: reports a second, the median wait in microseconds, and microseconds of the gate's CPU each."""
    found = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ports = free_port(), free_port()
        upstream = [sys.executable, "-m", "evals.bench.fake_upstream", str(ports[0])]
        stack.enter_context(running(upstream, ports[0], 1))
        command, agent, users = _start(folder, ports[1], f"http://127.0.0.1:{ports[0]}")
        gate = stack.enter_context(running(command, ports[1], 0))
        lua, url = folder / "wrk.lua", f"http://127.0.0.1:{ports[1]}"
        lua.write_text(_CALLS % (agent, request_body().decode()))
        names: list[str] = []
        while len(names) < decisions:
            wrk(f"{url}/v1/chat/completions", lua, 32, 1)
            with sqlite3.connect(folder / "bench.db") as kept:
                names = [name for (name,) in kept.execute("SELECT id FROM record WHERE id LIKE 'dec-%'")]
        sent = 0
        for connections in CONNECTIONS:
            lua.write_text(_REPORTS % (_listed(users), _listed(names), sent))
            before = cpu_seconds(gate)
            rate, median = wrk(f"{url}/v1/reports", lua, connections, seconds)
            with sqlite3.connect(folder / "memory.db") as kept:
                (stood,) = kept.execute("SELECT count(*) FROM memory_receipt").fetchone()
            found[connections] = rate, median, (cpu_seconds(gate) - before) / (rate * seconds) * 1e6
            # Whole decisions further on: those that were on the way when wrk ended were reported too.
            sent = (stood // len(users) + 1 + connections) * len(users)
    return found


def _listed(words: Sequence[str]) -> str:
    return ",".join(f'"{word}"' for word in words)


def measure(rounds: int, seconds: float, decisions: int) -> dict[str, Any]:
    done = [_round(seconds, decisions) for _ in range(rounds)]
    names = ("reports_per_second", "wait_us", "cpu_us_per_report")
    return {
        "machine": machine(),
        "rounds": rounds,
        "seconds": seconds,
        "connections": {
            str(connections): {name: spread([one[connections][at] for one in done]) for at, name in enumerate(names)}
            for connections in CONNECTIONS
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m evals.bench.memory_reports", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=3, help="gates that are measured (3)")
    parser.add_argument("--seconds", type=float, default=3, help="of reports at each number of connections (3)")
    parser.add_argument("--decisions", type=int, default=4_000, help="decisions to report on, at least (4000)")
    options = parser.parse_args(arguments)
    if shutil.which("wrk") is None:
        sys.stderr.write("the benchmark of reports over HTTP needs wrk (Debian package wrk): left out\n")
        return 0
    report = measure(options.rounds, options.seconds, options.decisions)
    if options.json:
        sys.stdout.write(json.dumps(report) + "\n")
        return 0
    sys.stdout.write(f"{report['machine']}\n{options.rounds} gates, median (lowest-highest)\n")
    for connections, figures in report["connections"].items():
        rate, wait, cpu = (_text(figures[name]) for name in ("reports_per_second", "wait_us", "cpu_us_per_report"))
        sys.stdout.write(
            f"{connections:>4} connections: {rate} reports/s, p50 {wait} us, {cpu} us of the gate's CPU a report\n"
        )
    return 0


def _text(figure: dict[str, float]) -> str:
    return f"{figure['median']:,.0f} ({figure['min']:,.0f}-{figure['max']:,.0f})"


if __name__ == "__main__":
    sys.exit(main())
