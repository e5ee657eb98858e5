"""`leastward audit`: is the chain of Records whole, what stands in a Record, and where the chain ends now."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .database import add_database_options, open_store
from .errors import CalledWrongly, ProblemFound
from .output import console, plain, whole, write_json

if TYPE_CHECKING:
    from guardrail.chain import Row

BLIND_SPOTS = (
    "not seen by this: rows cut from the end since the last checkpoint, and a whole chain written anew by someone who "
    "can write to the database and to no checkpoint"
)


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "audit",
        help="verify, show, anchor and erase Records",
        description="Is the chain of Records whole, what stands in a Record, and where does the chain end now. "
        "Works beside a running server.",
    )
    actions = parser.add_subparsers(dest="action", required=True)

    verify = actions.add_parser("verify", help="check every Record and the chains; exit 1 where something is wrong")
    show = actions.add_parser("show", help="print Records, newest last")
    show.add_argument("id", nargs="?", metavar="DECISION-ID", help="only this Record, with its kept arguments")
    show.add_argument("--last", type=int, default=20, metavar="N", help="how many (default 20)")
    export = actions.add_parser("export", help="print Policy Decision Records, one JSON document a line, oldest first")
    export.add_argument("--after", type=int, default=0, metavar="POSITION", help="only those behind this position")
    add_database_options(export)
    anchor = actions.add_parser("anchor", help="write where the chain ends to a file outside the database")
    for action, required in ((verify, False), (anchor, True)):
        action.add_argument("--checkpoints", required=required, type=Path, metavar="FILE", help="the checkpoint file")
        action.add_argument("--key", required=required, type=Path, metavar="FILE", help="its key, made on first use")
    erase = actions.add_parser("erase", help="erase the arguments of a Record for good; the chain stays whole")
    erase.add_argument("id", metavar="DECISION-ID", help="the Record, or an exchange for all of its Records")
    for action in (verify, show, anchor, erase):
        add_database_options(action)
        action.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    actions = {"verify": _verify, "show": _show, "export": _export, "anchor": _anchor, "erase": _erase}
    return actions[options.action](options)


def _verify(options: argparse.Namespace) -> int:
    from ..store import AnchorKey, anchor

    if (options.checkpoints is None) != (options.key is None):
        raise CalledWrongly("--checkpoints and --key go together")
    with open_store(options) as store:
        checkpoints = []
        if options.checkpoints is not None:
            checkpoints = anchor.read(options.checkpoints, AnchorKey.read(options.key), store.identity)
        seen = store.verify(checkpoints)
    if options.json:
        document = {"rows": seen.rows, "chains": seen.chains, "checkpoints": len(checkpoints)}
        write_json(document | {"problems": [asdict(problem) for problem in seen.problems], "note": BLIND_SPOTS})
    else:
        out = console()
        for problem in seen.problems:
            out.print(plain(f"{problem.code} at {problem.position} ({problem.id or 'no id'}): {problem.message}"))
        state = f"{len(seen.problems)} problems" if seen.problems else "whole"
        out.print(f"{seen.rows} rows in {seen.chains} chains, {len(checkpoints)} checkpoints: {state}")
        out.print(BLIND_SPOTS, style="dim")
    return int(bool(seen.problems))


def _show(options: argparse.Namespace) -> int:
    with open_store(options) as store:
        if options.id is not None:
            record = _one(store, options.id)
            write_json(record)
            return 0
        with store.rows() as rows:
            records = _last(rows, options.last)
    if options.json:
        write_json({"records": records})
        return 0
    from rich.table import Table

    table = Table("at", whole("id"), "agent", "tool", "effect", "rule", "reason")
    for record in records:
        members = (record.get(name) for name in ("at", "id", "agent", "tool", "effect", "rule", "reason"))
        table.add_row(*("" if member is None else plain(member) for member in members))
    console().print(table)
    return 0


def _export(options: argparse.Namespace) -> int:
    import sys

    from guardrail import exported

    with open_store(options) as store, store.rows(options.after) as rows:
        for row in rows:
            body = _body(row)
            if body["kind"] != "opened":
                sys.stdout.write(json.dumps(exported(row, body), ensure_ascii=False, separators=(",", ":")) + "\n")
    return 0


def _one(store: Any, wanted: str) -> dict[str, Any]:
    """The Record of this id; of an exchange's, which the header of a stream carries, all its Records."""
    found = [store.decision(name, tenant) for name, tenant in _meant(store, wanted)]
    records: list[dict[str, Any]] = [record for record in found if record is not None]
    return records[0] if records[0]["id"] == wanted else {"id": wanted, "decisions": records}


def _meant(store: Any, wanted: str) -> list[tuple[str, str]]:
    """Id and tenant of the Record, or of all the exchange's. Raises ProblemFound where there is none."""
    with store.rows() as rows:
        meant = [one for one in _decisions(rows) if wanted in (one["id"], one["id"].partition(".")[0])]
    if not meant:
        raise ProblemFound(f"there is no Record `{wanted}`")
    return [(one["id"], one["tenant"] or "") for one in meant]


def _erase(options: argparse.Namespace) -> int:
    with open_store(options) as store:
        meant = _meant(store, options.id)
        erased = [name for name, tenant in meant if store.erase(name, tenant)]
    if options.json:
        write_json({"erased": erased})
        return 0
    for name, _ in meant:
        print(f"{name}: its arguments are erased" if name in erased else f"{name} had no arguments that were kept")
    return 0


def _last(rows: Any, count: int) -> list[dict[str, Any]]:
    """By time, because each replica's chain has positions of its own; of one moment, as they stand."""
    from heapq import nlargest

    numbered = ((record["at"], number, record) for number, record in enumerate(_decisions(rows)))
    return [record for _, _, record in reversed(nlargest(max(0, count), numbered))]


def _decisions(rows: Any) -> Any:
    """The Records among the rows: all but the openings of chains."""
    for row in rows:
        record = _body(row)
        if record.get("kind") != "opened":
            yield record


def _body(row: Row) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(row.body)
    return record


def _anchor(options: argparse.Namespace) -> int:
    from ..store import AnchorKey, anchor

    with open_store(options) as store:
        made = store.checkpoints()
        if not made:
            raise ProblemFound("there is no Record to anchor yet")
        key = AnchorKey.read(options.key) if options.key.exists() else AnchorKey.make(options.key)
        for one in made:  # one for each replica's chain
            anchor.write(options.checkpoints, key, one)
    newest = max(made, key=lambda one: one.position)
    if options.json:
        write_json({"position": newest.position, "id": newest.id, "link": newest.link, "at": newest.at})
    else:
        console().print(f"position {newest.position} ({newest.id}) is anchored in {options.checkpoints}")
    return 0
