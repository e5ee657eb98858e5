"""`leastward approve`: read the calls that wait for a person, and answer them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .errors import CalledWrongly
from .output import plain, print_lines, whole, write_json
from .remote import add_remote_options, ask, look

if TYPE_CHECKING:
    from rich.table import Table

_DESCRIPTION = """\
Shows the calls that a policy wants a person to see, as the gate knows them, and sends your answer. Works on a running
gate, with a key that has the scope `approve`. Without an ID it lists what waits; with one it approves, or denies with
--deny. A yes is good for exactly the call that is shown."""

_ID = re.compile(r"apr-[0-9a-v]{26}")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("approve", help="answer the calls that wait for a person", description=_DESCRIPTION)
    parser.add_argument("ids", nargs="*", metavar="ID", help="the approvals to answer, as `apr-...`")
    parser.add_argument("--list", action="store_true", help="list what waits; with IDs, show these and answer nothing")
    parser.add_argument("--deny", action="store_true", help="say no")
    parser.add_argument("--because", default="", metavar="TEXT", help="why, for the record")
    add_remote_options(parser, always=True)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    for name in options.ids:
        if not _ID.fullmatch(name):
            raise CalledWrongly(f"`{name}` is no id of an approval: they are `apr-` and 26 characters")
    if options.deny and (options.list or not options.ids):
        raise CalledWrongly("--deny takes the IDs of the calls to deny, and no --list")
    tree, lines = _shown(options) if options.list or not options.ids else _answered(options)
    if options.json:
        write_json(tree)
    else:
        print_lines(lines)
    return 0


_Said = tuple[dict[str, Any], Iterator["str | Table"]]


def _shown(options: argparse.Namespace) -> _Said:
    if options.ids:
        found = [look(options, f"/v1/approvals/{name}") for name in options.ids]
        return {"approvals": found}, (line for one in found for line in _page(one))
    tree = look(options, "/v1/approvals")
    return tree, _table(tree["pending"])


def _answered(options: argparse.Namespace) -> _Said:
    body = {"approve": not options.deny, "because": options.because}
    answered = [ask(options, f"/v1/approvals/{name}", body) for name in options.ids]
    return {"approvals": answered}, (f"{one['id']} is {one['state']}: {_summary(one)}" for one in answered)


def _table(pending: list[dict[str, Any]]) -> Iterator[str | Table]:
    from rich.table import Table

    if not pending:
        yield "no call waits for a person"
        return
    table = Table(whole("id"), "asked", "over at", "agent", "for", "call")
    for one in pending:
        times = (one["asked_at"][11:19], one["expires_at"][11:19])
        cells = (one["id"], *times, one["agent"] or "", one["user"] or "", _summary(one))
        table.add_row(*(plain(cell) for cell in cells))
    yield table
    yield "`approve --list ID` shows a whole call, `approve ID` lets it go, `approve --deny ID` does not"


def _page(one: dict[str, Any]) -> Iterator[str]:
    yield f"{one['id']} ({one['state']}), asked {one['asked_at'][:19]}, over at {one['expires_at'][:19]}"
    yield f"agent {one['agent']}, for {one['user'] or 'nobody named'}, rule {one['rule']}, decision {one['decision']}"
    yield from one["call"].split("\n")
    if one["prompt"]:
        yield f"the rule says: {one['prompt']}"
    yield from (f"note: {note}" for note in one["notes"])
    if one["decided_by"]:
        yield f"{one['decided_by']}: {one['because'] or 'no reason given'}"
    yield ""


def _summary(one: dict[str, Any]) -> str:
    """The whole call on one line: nothing of it is left out."""
    return str(one["call"]).replace("(\n  ", "(").replace("\n)", ")").replace("\n  ", ", ")
