"""`leastward review`: read what was learned, and decide about it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .memory_access import add_memory_options, open_desk, reporter, tenant_of
from .output import print_lines, write_json
from .report import add_label_options

if TYPE_CHECKING:
    from ..remembering import ReviewDesk

    Act = Callable[[ReviewDesk, str, argparse.Namespace], dict[str, Any]]

_DESCRIPTION = """\
Reads what was learned from reports, and decides about it: which learned rules may speak, which are narrowed, taken away
or taken back. Works on the databases that the configuration names, beside a running gate, which follows within
seconds."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "review", help="read what was learned, and decide about it", description=_DESCRIPTION
    )
    actions = parser.add_subparsers(dest="action", required=True)

    actions.add_parser("list", help="every learned rule, with its evidence and what it waits for")
    show = actions.add_parser("show", help="one learned rule: its text, evidence, findings, and what it changes")
    show.add_argument("--last", type=int, default=1_000, metavar="N", help="decisions to try it on (default 1000)")
    approve = actions.add_parser("approve", help="let one version of a learned rule speak")
    approve.add_argument(
        "--version", type=int, metavar="N", help="the version that was read; the newest where none is given"
    )
    approve.add_argument("--to-forbid", action="store_true", help="let it forbid; else what it speaks against is asked")
    reject = actions.add_parser("reject", help="take a learned rule away for good")
    reject.add_argument("--because", default="", metavar="TEXT", help="why")
    edit = actions.add_parser("edit", help="narrow a learned rule; its evidence begins anew")
    edit.add_argument("--when", required=True, metavar="TEXT", help="the narrower condition, as a policy writes it")
    edit.add_argument("--because", default="", metavar="TEXT", help="why")
    for action in (show, approve, reject, edit):
        action.add_argument("id", metavar="ID", help="the learned rule, as `list` names it")
    actions.add_parser("quarantined", help="reports that are held back: bursts, and too many of one reporter in a day")
    release = actions.add_parser("release", help="let a report count that was held back")
    release.add_argument("decision", metavar="DECISION-ID", help="as `quarantined` names it")
    release.add_argument("reporter", metavar="REPORTER", help="who reported it, as `quarantined` names it")
    rollback = actions.add_parser("rollback", help="put an earlier snapshot in force again")
    rollback.add_argument("snapshot", type=int, metavar="N", help="its number, as `refresh` printed it")
    retract = actions.add_parser("retract", help="take all that a reporter said out of history")
    retract.add_argument("reporter", metavar="REPORTER", help="as `user:ada`; `show` names them")
    actions.add_parser("audits", help="decisions that were drawn for a person to look at")
    audit = actions.add_parser("audit", help="say what a drawn decision should have been")
    audit.add_argument("decision", metavar="DECISION-ID", help="as `audits` names it")
    add_label_options(audit)
    for action in actions.choices.values():
        add_memory_options(action)
        action.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from .review_pages import PAGES

    with open_desk(options) as desk:
        tenant = tenant_of(desk, options, getattr(options, "decision", None))
        tree = _ACTS[options.action](desk, tenant, options)
    if options.json:
        write_json(tree)
    else:
        print_lines(PAGES[options.action](tree))
    return 0


def _version(desk: ReviewDesk, tenant: str, options: argparse.Namespace) -> int:
    if options.version is not None:
        return int(options.version)
    return int(desk.brief(tenant, options.id)["version"])


_ACTS: dict[str, Act] = {
    "list": lambda desk, tenant, options: desk.abstractions(tenant),
    "show": lambda desk, tenant, options: desk.abstraction(tenant, options.id, last=options.last),
    "approve": lambda desk, tenant, options: desk.approve(
        tenant,
        options.id,
        reporter(),
        _version(desk, tenant, options),
        "forbid" if options.to_forbid else "ask",
    ),
    "reject": lambda desk, tenant, options: desk.reject(tenant, options.id, reporter(), options.because),
    "edit": lambda desk, tenant, options: desk.edit(tenant, options.id, reporter(), options.when, options.because),
    "quarantined": lambda desk, tenant, options: desk.quarantined(tenant),
    "release": lambda desk, tenant, options: desk.release(tenant, options.decision, options.reporter, reporter()),
    "rollback": lambda desk, tenant, options: desk.rollback(tenant, reporter(), options.snapshot),
    "retract": lambda desk, tenant, options: desk.retract(tenant, reporter(), options.reporter),
    "audits": lambda desk, tenant, options: desk.audits(tenant),
    "audit": lambda desk, tenant, options: desk.adjudicate(
        tenant, options.decision, options.should, reporter(), options.because
    ),
}
