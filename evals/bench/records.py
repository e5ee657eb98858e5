"""Durable records per second, beside what the disk can do: `python -m evals.bench.records [--json] [--directory DIR]`.

Each run first measures the file system's own barriers (append 4 KiB, sync; the better of fsync and fdatasync), then
lets 1, 32 and 256 producers commit one Record with a payload each, every producer waiting until its own is durable. A
ratio is records per second over barriers per second times producers, both of the same run: 1 would be a commit that
costs nothing but the sync, with every producer in every sync. Records are made beforehand; making one is timed apart.
Medians of `--runs` runs, with the lowest and the highest.

On a disk that syncs thousands of times a second the processor is the limit, and the ratio says little. A slower disk:
`strace -f --seccomp-bpf -o /dev/null -e trace=fdatasync,fsync -e inject=fdatasync,fsync:delay_exit=3000 COMMAND`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from guardrail import Record, instant, new_id
from server.store import Store, sealed

from .machine import machine

PRODUCERS: Final = (1, 32, 256)
TARGETS: Final = {1: 0.45, 32: 0.5, 256: 0.5}
BARRIERS: Final = 100
COMMITS: Final = {1: 400, 32: 100, 256: 40}
"""How often each producer commits in a run."""

_ARGUMENTS: Final = {"recipient": "US122000000121212121212", "subject": "Invoice 2026-11", "date": "2026-11-22"}


@dataclass(frozen=True)
class Run:
    """One measurement: the disk just before it, and the store on it."""

    barriers: float
    rate: float
    cpu_us: float
    ratio: float


def record(number: int, call: Mapping[str, Any] | None = None, **changes: Any) -> Record:
    """A Record of usual size: about 650 bytes in the chain, 200 beside it. `call` are other arguments of the call it is
    about; other members by keyword."""
    digest, _, payload = sealed({**_ARGUMENTS, "amount": number} if call is None else call)
    now = datetime.now(UTC)
    made = Record(
        kind="decision",
        id=new_id("dec", int(now.timestamp() * 1000), os.urandom(10)),
        at=instant(now),
        tenant="acme",
        agent="billing-bot",
        user="emma@example.com",
        roles=("finance",),
        run="run-06h06no0623d76spomm1mjtujs",
        door="chat",
        tool="send_money",
        call_id=f"call_{number:024}",
        arguments=digest,
        effect="allow",
        rule="pay-known-payees",
        reason="rule",
        errors=(),
        policy_hash="7b" * 32,
        memory_version=0,
        mode="enforce",
        text_calls="all",
        upstream="primary",
        model="gpt-4o-2024-05-13",
        payload=payload,
    )
    return replace(made, **changes) if changes else made


def barriers_per_second(directory: Path) -> float:
    """The better of append-and-fsync and append-and-fdatasync on this file system."""
    return max(_barriers(directory / "barriers", sync) for sync in (os.fsync, os.fdatasync))


def _barriers(path: Path, sync: Callable[[int], None]) -> float:
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_TRUNC, 0o600)
    page = bytes(4096)
    try:
        begun = time.perf_counter()
        for _ in range(BARRIERS):
            os.write(file, page)
            sync(file)
        return BARRIERS / (time.perf_counter() - begun)
    finally:
        os.close(file)
        path.unlink()


def run_once(directory: Path, producers: int) -> Run:
    records = [record(number) for number in range(producers * COMMITS[producers])]
    barriers = barriers_per_second(directory)
    with tempfile.TemporaryDirectory(dir=directory) as folder, Store.open(Path(folder) / "records.db") as store:
        gc.collect()
        gc.freeze()  # the records made beforehand are not the collector's business
        cpu, begun = time.process_time(), time.perf_counter()
        asyncio.run(_load(store, records, producers))
        spent, cpu = time.perf_counter() - begun, time.process_time() - cpu
        gc.unfreeze()
    rate = len(records) / spent
    return Run(barriers, rate, cpu / len(records) * 1e6, rate / (barriers * producers))


async def _load(store: Store, records: Sequence[Record], producers: int) -> None:
    async def produce(mine: Sequence[Record]) -> None:
        for one in mine:
            await store.commit((one,))

    await asyncio.gather(*[produce(records[first::producers]) for first in range(producers)])


def making_us() -> float:
    """Microseconds to seal the arguments and make one Record."""
    times = []
    for _ in range(7):
        begun = time.perf_counter()
        for number in range(1000):
            record(number)
        times.append((time.perf_counter() - begun) * 1e3)
    return min(times)


def measure(directory: Path, runs: int) -> dict[str, Any]:
    """All runs, the counts of producers taking turns, so that a slow minute of the disk meets all of them."""
    found: dict[int, list[Run]] = {producers: [] for producers in PRODUCERS}
    for _ in range(runs):
        for producers in PRODUCERS:
            found[producers].append(run_once(directory, producers))
    return {
        "machine": machine(),
        "runs": runs,
        "making_us": round(making_us(), 1),
        "producers": {
            str(producers): {
                "barriers_per_second": _spread([run.barriers for run in each], 0),
                "records_per_second": _spread([run.rate for run in each], 0),
                "cpu_us_per_record": _spread([run.cpu_us for run in each], 1),
                "ratio": _spread([run.ratio for run in each], 3),
                "target": TARGETS[producers],
            }
            for producers, each in found.items()
        },
    }


def _spread(values: Sequence[float], digits: int) -> dict[str, float]:
    middle, low, high = statistics.median(values), min(values), max(values)
    return {"median": round(middle, digits), "low": round(low, digits), "high": round(high, digits)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.records", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=5, help="runs of each count of producers (5)")
    parser.add_argument("--directory", type=Path, default=Path(), help="on the file system to measure (here)")
    options = parser.parse_args(arguments)
    result = measure(options.directory.absolute(), options.runs)
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
        return 0
    lines = [
        result["machine"],
        f"making one record: {result['making_us']} us; {result['runs']} runs, median (low-high)",
    ]
    for producers, figures in result["producers"].items():
        lines.append(
            f"{producers:>4} producers: {_text(figures['records_per_second'])} records/s, "
            f"{_text(figures['barriers_per_second'])} barriers/s, ratio {_text(figures['ratio'])} "
            f"(target {figures['target']}), {_text(figures['cpu_us_per_record'])} us CPU a record"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _text(figure: dict[str, float]) -> str:
    return f"{figure['median']:g} ({figure['low']:g}-{figure['high']:g})"


if __name__ == "__main__":
    sys.exit(main())
