"""`leastward report`: say that a decision was wrong."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .memory_access import add_memory_options, open_desk, reporter, tenant_of
from .output import console, plain, write_json
from .remote import add_remote_options, ask

if TYPE_CHECKING:
    from ..reporting import Label


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "report",
        help="say that a decision was wrong",
        description="Tell memory what a decision should have come to. Without --url this works on the databases that "
        "the configuration names, beside a running gate, as an administrator.",
    )
    parser.add_argument("decision", metavar="DECISION-ID", help="the id that `x-leastward-decision` carried")
    add_label_options(parser)
    add_memory_options(parser)
    add_remote_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def add_label_options(parser: argparse.ArgumentParser) -> None:
    """`--should-allow` or `--should-forbid`, and `--because`."""
    should = parser.add_mutually_exclusive_group(required=True)
    should.add_argument(
        "--should-allow", dest="should", action="store_const", const="allow", help="a good call was stopped"
    )
    should.add_argument(
        "--should-forbid", dest="should", action="store_const", const="forbid", help="a harmful call was let through"
    )
    parser.add_argument("--because", default="", metavar="TEXT", help="why, for the people who review it")


def run(options: argparse.Namespace) -> int:
    label: Label = options.should
    taken: dict[str, Any]
    if options.url is not None:
        body = {"decision": options.decision, "should": label, "because": options.because}
        taken = ask(options, "/v1/reports", body)
    else:
        with open_desk(options) as desk:
            tenant = tenant_of(desk, options, options.decision)
            taken = desk.report(tenant, options.decision, label, reporter(), options.because)
    if options.json:
        write_json(taken)
    else:
        console().print(plain(f"{taken['decision']} is reported: it should have been {taken['should']}"))
    return 0
