"""Processes that are measured against each other, each on a core of its own, and what they cost."""

from __future__ import annotations

import os
import re
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"a contestant ended at once with exit code {process.returncode}: {process.args!r}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port} after {seconds} s")


@contextmanager
def running(command: list[str], port: int, core: int, seconds: float = 30) -> Iterator[int]:
    """A contestant bound to one core, from when it listens on `port`, within `seconds`. Gives its process id."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    try:
        _wait_for(port, process, seconds)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def wrk(url: str, script: Path, connections: int, seconds: float) -> tuple[float, float]:
    """Requests per second and the median latency in microseconds on core 1; an answer that is not 200 ends it all."""
    done = subprocess.run(
        # A slow peer's answers count too: wrk alone gives up on one after 2 s.
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "60s", "--latency", "-s", str(script), url],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {1}),
    ).stdout
    if "Non-2xx" in done:
        raise SystemExit(f"{url} answered something else than 200:\n{done}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done)
    median = re.search(r"50%\s+([\d.]+)(us|ms|s)", done)
    if rate is None or median is None:
        raise SystemExit(f"wrk printed something unexpected:\n{done}")
    return float(rate[1]), float(median[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[median[2]]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.M)
    return int(found[1]) / 1024 if found else 0.0


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "n": len(values)}
