"""`python -m evals.agentdojo --data DIR`: replay the recordings, print the counts."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import Progress

from policy_dsl import PolicyError

from .recordings import Recording, Unreadable, pipelines, read_recordings
from .replay import POLICIES, SUITES, Arena
from .report import as_json, print_tables
from .score import Tally, tally
from .sessions import sessions
from .truths import baseline

PATIENCE = 2.0
"""Seconds after which a person wants to see how far it is."""


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    if options.data is None:
        print("name the data folder with --data or LEASTWARD_DATA", file=sys.stderr)
        return 2
    try:
        arenas = {
            suite: Arena(suite, options.policies, proposing=options.propose == "entities") for suite in options.suites
        }
        found = pipelines(options.data)
        unknown = sorted(set(options.models or ()) - found.keys())
        if unknown:
            print(f"no recordings of {', '.join(unknown)}; there are {', '.join(found)}", file=sys.stderr)
            return 2
        chosen = {name: path for name, path in found.items() if not options.models or name in options.models}
        tallies: dict[tuple[str, str], Tally] = {}
        for recording in _watched(chosen):
            if recording.suite in arenas:
                counts = tallies.setdefault((recording.suite, recording.pipeline), Tally())
                tally(counts, recording, arenas[recording.suite].replay(recording))
        baselines = [baseline(arena, options.data) for arena in arenas.values()]
        rows = sessions(options.suites, options.data, options.policies)
    except (Unreadable, PolicyError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        json.dump(as_json(tallies, baselines, rows), sys.stdout, indent=1)
        print()
    else:
        print_tables(Console(width=None if sys.stdout.isatty() else 220), tallies, baselines, rows)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.agentdojo", description=__doc__)
    parser.add_argument("--data", type=Path, default=_data(), help="folder of the recordings")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="only these pipelines")
    parser.add_argument("--suites", nargs="+", choices=SUITES, default=SUITES, help="only these suites")
    parser.add_argument("--policies", type=Path, default=POLICIES, help="folder of SUITE.lw and SUITE.tools.json")
    parser.add_argument(
        "--propose", choices=["entities"], help="draft a session policy from the prompt of every recording, too"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _data() -> Path | None:
    folder = os.environ.get("LEASTWARD_DATA")
    return Path(folder) if folder else None


def _watched(chosen: dict[str, Path]) -> Iterator[Recording]:
    """All runs of the chosen pipelines; a bar on a terminal once it takes longer than PATIENCE."""
    started = perf_counter()
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("", total=len(chosen), visible=False)
        for name, path in chosen.items():
            progress.update(bar, description=name)
            for recording in read_recordings(path, name):
                yield recording
                if perf_counter() - started > PATIENCE:
                    progress.update(bar, visible=True)
            progress.advance(bar)


if __name__ == "__main__":
    sys.exit(main())
