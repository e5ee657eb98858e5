"""What encoders, reaches and indexes of memory cost: `python -m evals.bench.memory_encoders [--json] [--data DIR]`.

Each encoder is measured in PROCESSES processes of its own, one after the other: seconds to load, megabytes that stay
resident after it encoded (over a process that has imported memory.encoders only), and microseconds of thread CPU time
for one text of 200 and of 1,000 characters: the median text of TEXTS, each the best of some REPEATS, as other work
runs beside. Reaches and indexes are measured in this process: microseconds of one `holds` where the words have to
be compared, where the attributes alone are too far, and where equal cases are found; milliseconds of one exact search.

With --data (or LEASTWARD_DATA), also how much the words say: for each stream of evals/lisa, the share of HELD_OUT
held-out items whose nearest item of the traffic, by words alone and of another group, has the same truth, beside the
share of its most frequent truth.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np

from evals.lisa.streams import STREAMS, build
from memory import Context
from memory.encoders import Encoder, EncoderError, EncoderName, HashingEncoder, Kept, encoder
from memory.support import Reach, radius_of
from memory.vectors import ExactIndex

from .machine import machine

PROCESSES: Final = 3
TEXTS: Final = 12
REPEATS: Final = (3, 9, 0.05)
"""At least, at most, and no more after so many seconds."""
LENGTHS: Final = (200, 1_000)
SUPPORTS: Final = (2, 10, 50)
ROWS: Final = (10_000, 100_000)
HELD_OUT: Final = 150
EARLIER: Final = 300
_WORDS: Final = (
    "please", "transfer", "the", "quarterly", "invoice", "amount", "to", "our", "vendor", "account", "before", "friday",
    "because", "auditing", "requires", "confirmation", "regarding", "shipment", "details", "password", "folder", "team",
)  # fmt: skip

Figures = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench.memory_encoders", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--data", default=os.environ.get("LEASTWARD_DATA"), help="the data folder, for the streams")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.one:
        print(json.dumps(_one(options.one)))
        return 0
    figures: Figures = {"machine": machine(), "encoders": {}, "streams": {}}
    for name in get_args(EncoderName):
        _say(f"measuring the encoder `{name}`")
        try:
            encoder(name)
        except EncoderError as error:
            _say(f"left out: {error}; {error.help}")
            continue
        figures["encoders"][name] = _together([_in_a_process(name) for _ in range(PROCESSES)])
    _say("measuring reaches and indexes")
    figures["reach"] = {str(count): _reach(count) for count in SUPPORTS}
    figures["index"] = {
        f"{count} {kind}": _search(count, kind == "float16") for count in ROWS for kind in ("float32", "float16")
    }
    if options.data:
        for name in STREAMS:
            _say(f"asking the stream `{name}`")
            figures["streams"][name] = _agreement(name, Path(options.data), list(figures["encoders"]))
    print(json.dumps(figures) if options.json else _page(figures))
    return 0


def texts(length: int) -> list[str]:
    """TEXTS texts of this many characters, the same at every run."""
    draw = random.Random(length)
    found = []
    for _ in range(TEXTS):
        text = ""
        while len(text) < length:
            text += f"{draw.choice(_WORDS)}{draw.randrange(50) if draw.random() < 0.2 else ''} "
        found.append(text[:length])
    return found


def _one(name: str) -> Figures:
    """Of one encoder, in a process that has measured nothing before."""
    before, started = _resident(), time.perf_counter()
    measured = encoder(name)
    loaded = time.perf_counter() - started
    microseconds = {str(length): statistics.median(_costs(measured, texts(length))) for length in LENGTHS}
    return {
        "id": measured.id,
        "dim": measured.dim,
        "load_s": loaded,
        "rss_mb": _resident() - before,
        "cpu_us": microseconds,
    }


def _in_a_process(name: str) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", "evals.bench.memory_encoders", "--one", name],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
    )
    found: Figures = json.loads(done.stdout)
    return found


def _together(runs: Sequence[Figures]) -> Figures:
    def spread(found: Sequence[float]) -> list[float]:
        return [statistics.median(found), min(found), max(found)]

    return {
        "id": runs[0]["id"],
        "dim": runs[0]["dim"],
        "load_s": spread([run["load_s"] for run in runs]),
        "rss_mb": spread([run["rss_mb"] for run in runs]),
        "cpu_us": {length: spread([run["cpu_us"][length] for run in runs]) for length in runs[0]["cpu_us"]},
    }


def _reach(count: int) -> Figures:
    """Microseconds of one `holds`, by what it has to look at."""
    around = [
        _context(f"p{number}@x.example", "x.example", f"hello invoice {number} about shipment")
        for number in range(count)
    ]
    kept = Kept(HashingEncoder())
    reach = Reach(around, kept, max(0.1, radius_of(around, kept, 0.9)), 2)
    same = Reach([around[0], *around], kept, 0.1, 2)
    words = _context("new@x.example", "x.example", "hello invoice 77 about shipment")
    far = _context("a@y.example", "y.example", "delete everything")
    return {
        "words": _best(lambda: reach.holds(words), 200),
        "attributes": _best(lambda: reach.holds(far), 200),
        "equal": _best(lambda: same.holds(around[0]), 200),
    }


def _context(to: str, domain: str, words: str) -> Context:
    attributes = {
        "agent": "a",
        "arg to": to,
        "domain to": domain,
        "has cc": "false",
        "label untrusted": "false",
        "role x": "true",
        "user to": "false",
    }
    return Context("mail/send", tuple(sorted(attributes.items())), words)


def _search(count: int, half: bool) -> float:
    """Milliseconds of one exact search for the ten nearest of so many rows of 256 numbers."""
    rows = np.random.default_rng(1).standard_normal((count, 256), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index = ExactIndex(256, half=half)
    index.add([f"dec-{number}" for number in range(count)], rows)
    return _best(lambda: index.search(rows[7], 10), 1) / 1_000


def _agreement(name: str, data: Path, encoders: Sequence[str]) -> Figures:
    stream = build(name, data, 0)
    earlier = list({item.context.words: item for item in stream.traffic}.values())[:EARLIER]
    asked = list(stream.held_out)[:HELD_OUT]
    found: Figures = {
        "n": len(asked),
        "most frequent": max(Counter(item.truth for item in asked).values()) / len(asked),
    }
    for one in encoders:
        measured = encoder(one)
        cosines = (
            measured.encode([item.context.words for item in asked])
            @ measured.encode([item.context.words for item in earlier]).T
        )
        right = 0
        for item, near in zip(asked, cosines, strict=True):
            best = max((float(cosine), at) for at, cosine in enumerate(near) if earlier[at].group != item.group)
            right += earlier[best[1]].truth == item.truth
        found[one] = right / len(asked)
    return found


def _best(act: Callable[[], object], times: int) -> float:
    """Microseconds of thread CPU time of one call: the best of some rounds of so many calls."""
    act()
    least, most, seconds = REPEATS
    found: list[float] = []
    while len(found) < least or (len(found) < most and sum(found) * times < seconds * 1e6):
        started = time.thread_time_ns()
        for _ in range(times):
            act()
        found.append((time.thread_time_ns() - started) / times / 1_000)
    return min(found)


def _costs(measured: Encoder, some: Sequence[str]) -> list[float]:
    def encoded(text: str) -> Callable[[], object]:
        return lambda: measured.encode([text])

    return [_best(encoded(text), 1) for text in some]


def _resident() -> float:
    """Megabytes; of this moment where Linux tells, else the most so far."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _page(figures: Figures) -> str:
    lines = [figures["machine"]]
    for name, one in figures["encoders"].items():
        load, rss = one["load_s"], one["rss_mb"]
        costs = ", ".join(
            f"{us[0]:,.0f} us ({us[1]:,.0f} to {us[2]:,.0f}) for {length} characters"
            for length, us in one["cpu_us"].items()
        )
        lines.append(
            f"{name}: {one['dim']} numbers, load {load[0]:.2f} s ({load[1]:.2f} to {load[2]:.2f}), "
            f"{rss[0]:.0f} MB resident ({rss[1]:.0f} to {rss[2]:.0f}), {costs}; n = {PROCESSES} processes"
        )
    for count, one in figures["reach"].items():
        lines.append(f"holds, {count} supports: " + ", ".join(f"{us:.0f} us ({what})" for what, us in one.items()))
    for what, milliseconds in figures["index"].items():
        lines.append(f"exact search, {what}: {milliseconds:.2f} ms")
    for name, one in figures["streams"].items():
        said = ", ".join(f"{what} {share:.3f}" for what, share in one.items() if what != "n")
        lines.append(f"{name}, n = {one['n']}: {said}")
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
