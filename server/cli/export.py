"""`leastward export`: what was learned as policy text."""

from __future__ import annotations

import argparse

from .memory_access import add_memory_options, open_desk, tenant_of
from .output import write_json


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "export",
        help="print what was learned as policy text",
        description="Without ID: a file of all learned rules with their evidence, which `check`, `fmt`, `test` and "
        "`diff` read. With ID: that rule as a hand-owned one, to be put into a policy file; review reject takes it out "
        "of memory then.",
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="one learned rule")
    add_memory_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    with open_desk(options) as desk:
        text = desk.export(tenant_of(desk, options), options.id)
    if options.json:
        write_json({"text": text})
    else:
        # The text itself, as a file is written from it: no console that could wrap a line.
        print(text, end="" if text.endswith("\n") else "\n")
    return 0
