"""`leastward train`: a policy into a model's parameters, and from Records back to what the model still gets wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .database import add_database_options, open_store
from .errors import CalledWrongly, ProblemFound
from .memory_access import open_desk
from .output import console, plain, write_json

if TYPE_CHECKING:
    from guardrail.chain import Row

    from ..remembering import ReviewDesk
    from ..store import Store

KNOBS = {
    "environment": "databases whose facts a rule may ask about",
    "tasks": "tools",
    "arguments": "arguments of each tool",
    "depth": "tests one inside the other",
    "branching": "ways on from each test",
    "query": "how freely cases are told",
}
"""training.cases.Knobs, which this floor may not import; a test compares the two."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "train",
        help="train a model on a policy, and see from Records what it gets wrong",
        description="From a policy to a model that needs no policy in its prompt: data, run, measure, export, verify. "
        "From the gate's Records back: shadow, and data with --records or --from-records.",
    )
    actions = parser.add_subparsers(dest="action", required=True)
    _add_data(actions.add_parser("data", help="make a data set of your own policy, or of generated ones"))
    started = actions.add_parser("run", help="run a recipe, or go on with it (extra `train`)")
    started.add_argument("recipe", metavar="RECIPE.yaml")
    started.add_argument("--out", required=True, metavar="DIR", help="checkpoints and metrics of each stage")
    measured = actions.add_parser(
        "measure", help="measure a model (extra `train`); `measure -- --help` for its options"
    )
    measured.add_argument("arguments", nargs=argparse.REMAINDER, help="options of `python -m training.measure`")
    _add_export(actions.add_parser("export", help="write a trained model for serving, with what it may be believed"))
    verified = actions.add_parser("verify", help="is an export whole and unchanged, and what does it claim")
    verified.add_argument("folder", metavar="DIR", help="the export")
    shown = actions.add_parser("shadow", help="how often a model and the engine differ, by rule, from Records")
    shown.add_argument("--from-records", metavar="FILE", help="JSON lines in place of the gate's database; - for stdin")
    add_database_options(shown)
    for action in (started, verified, shown):
        action.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="DIR", help="where the data set goes")
    parser.add_argument("-p", "--policy", nargs="+", action="extend", metavar="POLICY", help="your own policy files")
    parser.add_argument("--tools", metavar="TOOLS.json", help="a tool list besides those that the policies `use`")
    parser.add_argument("--seed", type=int, default=7, help="decides every byte (default 7)")
    parser.add_argument("--train", type=int, default=4000, metavar="N", help="cases to learn from (default 4000)")
    parser.add_argument("--test", type=int, default=1000, metavar="N", help="cases held out (default 1000)")
    parser.add_argument("--policies", type=int, default=1, metavar="N", help="generated policies at once (default 1)")
    parser.add_argument("--unseen", type=float, default=0.0, metavar="SHARE", help="paths that no training case takes")
    for knob, says in KNOBS.items():
        parser.add_argument(f"--{knob}", type=int, metavar="N", help=f"generated policies: {says}")
    taken = parser.add_mutually_exclusive_group()
    taken.add_argument("--from-records", metavar="FILE", help="also learn from these JSON lines; - for stdin")
    taken.add_argument("--records", action="store_true", help="also learn from the Records in the gate's database")
    parser.add_argument("--reports", action="store_true", help="with --records: what users reported of them, too")
    parser.add_argument("--memory", metavar="URL", help="the database of memory, whatever the configuration says")
    parser.add_argument("--tenant", metavar="TENANT", help="whose Records; needed where there are several tenants'")
    add_database_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE.yaml", help="what was run")
    parser.add_argument("--run", required=True, dest="trained", metavar="DIR", help="where it was run")
    parser.add_argument("--out", required=True, metavar="DIR", help="a new folder")
    parser.add_argument("--measured", required=True, metavar="FILE.json", help="identifier: {name: [times, of]}")
    for bound, says in (("least", "reaches"), ("most", "does not pass")):
        parser.add_argument(
            f"--{bound}",
            action="append",
            default=[],
            metavar="NAME=SHARE",
            help=f"believe the model only where this share {says} the bound; repeatable",
        )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    if find_spec("training") is None:
        raise CalledWrongly("the package `training` is not installed here")
    if options.action == "measure":
        return _measure(options)
    command: Any = import_module("training.command")
    try:
        return _ACTIONS[options.action](options, command)
    except command.Fault as error:
        raise ProblemFound(str(error)) from error


def _data(options: argparse.Namespace, command: Any) -> int:
    knobs = {knob: value for knob in KNOBS if (value := getattr(options, knob)) is not None}
    sizes = {"seed": options.seed, "train": options.train, "test": options.test}
    from_field = options.records or options.from_records is not None
    if options.reports and not options.records:
        raise CalledWrongly("--reports goes with --records: lines of a file name their reports themselves")
    if options.policy is None:
        if from_field or options.tools is not None:
            raise CalledWrongly("--records, --from-records and --tools are for a policy of your own: name it with -p")
        made = command.generated(options.out, knobs, **sizes, policies=options.policies, unseen=options.unseen)
    else:
        if knobs or options.unseen or options.policies != 1:
            raise CalledWrongly("--policies, --unseen and the knobs are for generated policies, without -p")
        with ExitStack() as stack:
            place = options.from_records or "Records"
            lines = stack.enter_context(_lines(options, for_training=True)) if from_field else None
            made = command.own(options.out, options.policy, options.tools, **sizes, records=lines, place=place)
    return _print(options, made, [", ".join(f"{name} {count}" for name, count in made["cases"].items()), *_field(made)])


def _field(made: dict[str, Any]) -> list[str]:
    if "field" not in made:
        return []
    left = ", ".join(f"{why} {count}" for why, count in made["field"]["left"].items())
    return [f"from the field: {made['field']['cases']} cases" + (f"; left out: {left}" if left else "")]


def _run(options: argparse.Namespace, command: Any) -> int:
    done = command.run(options.recipe, options.out)
    return _print(
        options,
        done,
        [
            f"{stage['stage']}: {stage['steps']} steps, "
            + ", ".join(f"{name} {value:.4g}" for name, value in stage["last"].items() if name != "step")
            for stage in done["stages"]
        ],
    )


def _measure(options: argparse.Namespace) -> int:
    if find_spec("training.measure") is None:
        raise CalledWrongly("this installation holds no `training.measure`")
    arguments = options.arguments[1:] if options.arguments[:1] == ["--"] else options.arguments
    try:
        code: int = import_module("training.measure.__main__").main(arguments)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("training"):
            raise
        raise ProblemFound(f"this needs `{error.name}`: install the extra `train`") from error
    return code


def _export(options: argparse.Namespace, command: Any) -> int:
    least, most = _bounds(options.least), _bounds(options.most)
    if not least and not most:
        raise CalledWrongly("name a threshold with --least or --most: without one no gate could believe the model")
    made = command.export(options.recipe, options.trained, options.out, options.measured, least, most)
    taught = made["claim"]["policies"]
    return _print(options, made, [f"{made['out']}: {one['identifier']} {one['hash'][:19]}" for one in taught])


def _verify(options: argparse.Namespace, command: Any) -> int:
    claim = command.verify(options.folder)
    lines = []
    for taught in claim["policies"]:
        lines.append(f"{taught['identifier']} {taught['hash'][:19]}")
        for name, share in taught["measured"].items():
            bound = ", ".join(f"{end} {value}" for end, value in claim["thresholds"].get(name, {}).items())
            told = f"{name}: {share['times']} of {share['of']} [{share['low']:.1%}, {share['high']:.1%}]"
            lines.append(f"  {told}" + (f", {bound}" if bound else ""))
    return _print(options, claim, lines)


def _bounds(given: list[str]) -> dict[str, float]:
    bounds = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            bounds[name] = float(value)
        except ValueError:
            raise CalledWrongly(f"`{text}` is not NAME=SHARE") from None
    return bounds


def _shadow(options: argparse.Namespace, command: Any) -> int:
    with _lines(options, for_training=False) as lines:
        report = command.report(lines, options.from_records or "Records")
    if options.json:
        write_json(report.tree())
    else:
        print(report.markdown(), end="")
    return 0


_ACTIONS: dict[str, Callable[[argparse.Namespace, Any], int]] = {
    "data": _data,
    "run": _run,
    "export": _export,
    "shadow": _shadow,
    "verify": _verify,
}


@contextmanager
def _lines(options: argparse.Namespace, *, for_training: bool) -> Iterator[Iterator[str]]:
    """JSON lines as training/field.py reads them, from a file or made of the gate's own Records."""
    if options.from_records == "-":
        yield iter(sys.stdin)
    elif options.from_records is not None:
        try:
            with open(options.from_records, encoding="utf-8") as file:
                yield file
        except (OSError, UnicodeDecodeError) as error:
            raise ProblemFound(f"cannot read `{options.from_records}`") from error
    else:
        with ExitStack() as stack:
            store = stack.enter_context(open_store(options))
            if not for_training:
                yield (json.dumps(_exported(row, body)) for row, body in _decisions(store))
                return
            desk = stack.enter_context(open_desk(options)) if options.reports else None
            yield _joined(store, desk, options.tenant)


def _decisions(store: Store) -> Iterator[tuple[Row, dict[str, Any]]]:
    with store.rows() as rows:
        for row in rows:
            body = json.loads(row.body)
            if body["kind"] == "decision":
                yield row, body


def _exported(row: Row, body: dict[str, Any]) -> dict[str, Any]:
    from guardrail import exported

    return exported(row, body)


def _joined(store: Store, desk: ReviewDesk | None, tenant: str | None) -> Iterator[str]:
    """Each decision with its kept arguments and what was reported of it. What a model proposed it took for allowed, so
    that is what it said.

    What one tenant's agents did must not stand in a model that another tenant is served with: without a name and with
    several tenants' Records, nothing is given."""
    seen: set[str] = set()
    for row, body in _decisions(store):
        whose = body["tenant"] or ""
        if tenant not in (None, whose):
            continue
        seen.add(whose)
        if len(seen) > 1:
            raise CalledWrongly("there are Records of several tenants: name one with --tenant")
        line: dict[str, Any] = {"record": _exported(row, body), "model": "allow"}
        kept = store.decision(body["id"], whose)
        if kept is not None and kept["payload"] is not None:
            line["arguments"] = kept["payload"]
            wanted = None if desk is None else _wanted(desk, whose, body["id"])
            if wanted is not None:
                line["report"] = {"wanted": wanted, "accepted": True}
        yield json.dumps(line)


def _wanted(desk: ReviewDesk, tenant: str, decision: str) -> str | None:
    """What most weight of the reports that count says, an auditor's above all; None where there is none, or it is even
    (as memory.precedents has it)."""
    from ..edge import EdgeError

    try:
        reports = desk.explain(tenant, decision)["reports"]
    except EdgeError:
        return None  # memory knows nothing of it any more
    counting = [one for one in reports if one["standing"] in ("accepted", "released")]
    said = Counter[str]()
    for one in [one for one in counting if one["kind"] == "audit"] or counting:
        said[one["should"]] += one["weight"]
    return None if said["allow"] == said["forbid"] else max(said, key=lambda should: said[should])


def _print(options: argparse.Namespace, document: dict[str, Any], lines: list[str]) -> int:
    if options.json:
        write_json(document)
    else:
        for line in lines:
            console().print(plain(line))
    return 0
