"""`python -m training.measure RECIPE.yaml --run DIR --out RESULTS.json`, and `--tables RESULTS.json ...`.

Measures the model that a recipe trained in DIR. `--baselines` measures majority and the tree instead, and needs no
model. With `--server URL --model NAME` the model is one that an OpenAI-compatible server has.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..example import Data, DataError, manifest_hash, read
from ..prompting import prompt
from ..recipe import read_recipe
from ..reward import Reward
from .answering import Answers, of_model, of_server
from .arms import ARMS, Arm, cases_of, named
from .baselines import Majority, TreeBaseline
from .cost import cost_of
from .counting import Counts, counted
from .kept import general_text, kept
from .results import Results, read_results, shares, tables


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, 1 where it cannot be measured, 2 for a wrong use."""
    parser = argparse.ArgumentParser(prog="python -m training.measure", description=__doc__)
    parser.add_argument("recipe", nargs="?", metavar="RECIPE.yaml", help="what was run; its data is asked")
    parser.add_argument("--run", metavar="DIR", help="where it was run")
    parser.add_argument("--server", metavar="URL", help="ask this server, as http://127.0.0.1:8000/v1")
    parser.add_argument("--model", metavar="NAME", help="its name at the server")
    parser.add_argument("--baselines", action="store_true", help="majority and a decision tree; no model")
    parser.add_argument("--arms", default=",".join(arm.name for arm in ARMS), metavar="A,B", help="default: all")
    parser.add_argument("--most", type=int, metavar="N", help="cases of an arm at most")
    parser.add_argument("--longest", type=int, default=96, metavar="N", help="tokens of a completion (default 96)")
    parser.add_argument("--name", default="", help="what the tables call it (default: the folder's name)")
    parser.add_argument("--cost", action="store_true", help="time and tokens of each view, by batch")
    parser.add_argument("--kept", action="store_true", help="perplexity of general text, easy questions")
    parser.add_argument("--out", metavar="FILE.json", help="where the results go (default: standard output)")
    parser.add_argument("--shares", metavar="FILE.json", help="also write what `leastward train export` takes")
    parser.add_argument("--tables", nargs="+", metavar="FILE.json", help="print the tables of results and do no more")
    options = parser.parse_args(argv)
    if options.tables is None and options.recipe is None:
        parser.error("a recipe is needed, or --tables")
    if options.tables is None and not (options.run or options.server or options.baselines):
        parser.error("one of --run, --server and --baselines is needed")
    try:
        if options.tables is not None:
            print(tables([read_results(path) for path in options.tables]), end="")
            return 0
        found = _baselines(options) if options.baselines else [_measured(options)]
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    _write(found, options)
    return 0


def _baselines(options: argparse.Namespace) -> list[Results]:
    data = read(read_recipe(options.recipe).data)
    reward = Reward.of(data)
    examples = cases_of(ARMS[0], data, options.most)
    made = {"data": manifest_hash(data)}
    return [
        Results(name=name, made=made, arms={"identifier": counted(examples, answers(examples), reward)})
        for name, answers in (("majority", Majority(data.train)), ("decision tree", TreeBaseline(data.train)))
    ]


def _measured(options: argparse.Namespace) -> Results:
    recipe = read_recipe(options.recipe)
    data = read(recipe.data)
    made: dict[str, Any] = {"data": manifest_hash(data), "seed": recipe.seed}
    made["stages"] = [f"{stage.kind}:{stage.steps}" for stage in recipe.stages]
    results = Results(name=options.name or Path(options.run or options.server).name, made=made, arms={})
    if options.server:
        answers = of_server(options.server.rstrip("/"), options.model or "", options.longest)
    else:
        from ..recipe import run_recipe

        done = run_recipe(recipe, options.run)
        answers = of_model(done.model, done.tokenizer, options.longest)
        made["parameters"] = sum(one.numel() for one in done.model.parameters())
        if options.cost:
            results.cost = cost_of(done.model, done.tokenizer, data.test[:64], data)
        if options.kept:
            results.kept["after"] = kept(done.model, done.tokenizer, general_text())
    results.arms = asked(named(options.arms.split(",")), data, answers, options.most)
    return results


def asked(arms: Sequence[Arm], data: Data, answers: Answers, most: int | None = None) -> dict[str, dict[str, Counts]]:
    """Counts by arm and group; arms whose set the data has not are left out."""
    reward = Reward.of(data)
    found = {}
    for arm, examples in ((arm, cases_of(arm, data, most)) for arm in arms):
        if examples:
            print(f"{arm.name}: {len(examples)} cases", file=sys.stderr)
            said = answers([prompt(one, data, arm.view) for one in examples])
            found[arm.name] = counted(examples, said, reward)
    return found


def _write(found: Sequence[Results], options: argparse.Namespace) -> None:
    for place, results in enumerate(found):
        encoded = msgspec.json.format(msgspec.json.encode(results, order="deterministic"), indent=1) + b"\n"
        if options.out is None:
            sys.stdout.buffer.write(encoded)
        else:
            path = Path(options.out)
            target = path if len(found) == 1 else path.with_stem(f"{path.stem}-{results.name.replace(' ', '-')}")
            target.write_bytes(encoded)
        if options.shares and place == 0:
            Path(options.shares).write_bytes(
                msgspec.json.format(msgspec.json.encode(shares(results)), indent=1) + b"\n"
            )
    print(tables(found), end="", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
