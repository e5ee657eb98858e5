"""`leastward refresh`: learn from what was reported."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .memory_access import add_memory_options, open_desk
from .output import console, plain, write_json

if TYPE_CHECKING:
    from rich.progress import Progress


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "refresh",
        help="learn from what was reported since the last refresh",
        description="Folds new reports in and publishes a new snapshot: induce, test for conflicts, split, merge, read "
        "the gates, expire. One transaction: a refresh that is cut off leaves the old snapshot in force. Without "
        "--tenant for every tenant.",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn by lot (default 0)")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    add_memory_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from .review_pages import summary

    told: list[dict[str, Any]] = []
    with open_desk(options) as desk, _progress() as progress:
        tenants = desk.tenants() if options.tenant is None else [options.tenant]
        for tenant in tenants:
            task = progress.add_task(tenant or "(no tenant)", total=None)

            def advance(stage: str, done: int, total: int, task: Any = task, tenant: str = tenant) -> None:
                progress.update(task, description=f"{tenant} {stage}".strip(), completed=done, total=total)

            told.append(desk.refresh(tenant, seed=options.seed, dry_run=options.dry_run, progress=advance))
    if options.json:
        write_json({"tenants": told})
    else:
        out = console()
        if not told:
            out.print("there is nothing to learn from: no tenant has a key or a report yet")
        for tree in told:
            for line in summary(tree):
                out.print(plain(line))
    return 0


def _progress() -> Progress:
    """A bar on stderr; nothing where that is no terminal."""
    from rich.progress import Progress

    out = console(to_stderr=True)
    return Progress(console=out, transient=True, disable=not out.is_terminal)
