"""`python -m training.cases --out DIR`: a data set of generated policies, or of one's own with `--policy`.

The seed and the numbers decide every byte of it. `--bench` writes nothing and prints how many cases a second one core
labels.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import fields

from policy_dsl import Catalogue, PolicyError

from ..example import Data, DataError, write
from .asked import Asked
from .dataset import of_knobs
from .generate import cases
from .knobs import Knobs
from .own import of_policies
from .trees import grow

BENCH_ROUNDS = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, 1 where the data cannot be made, 2 for a wrong use."""
    parser = argparse.ArgumentParser(prog="python -m training.cases", description=__doc__)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", metavar="DIR", help="where the data set goes")
    target.add_argument("--bench", action="store_true", help="measure only")
    parser.add_argument("--policy", nargs="+", metavar="FILE", help="one's own policy instead of generated ones")
    parser.add_argument("--tools", metavar="TOOLS.json", help="its tools, where no `use tools` names them")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--policies", type=int, default=1, help="how many generated policies at once")
    parser.add_argument("--versions", type=int, default=1, help="of each; the identifier alone tells them apart")
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--unseen", type=float, default=0.0, help="share of paths that no training case takes")
    for knob in fields(Knobs):
        parser.add_argument(f"--{knob.name}", type=int, default=knob.default)
    options = parser.parse_args(argv)
    try:
        if options.bench:
            _bench(_knobs(options), options.seed, options.train)
            return 0
        data = _data(options)
        write(options.out, data)
    except (DataError, PolicyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    sets = {"train": data.train, "test": data.test, **data.probes}
    print(", ".join(f"{name} {len(examples):,}" for name, examples in sets.items()), f"corpus {len(data.corpus):,}")
    return 0


def _knobs(options: argparse.Namespace) -> Knobs:
    return Knobs(**{knob.name: getattr(options, knob.name) for knob in fields(Knobs)})


def _data(options: argparse.Namespace) -> Data:
    sizes = {"train": options.train, "test": options.test}
    if not options.policy:
        more = {"policies": options.policies, "versions": options.versions, "unseen": options.unseen}
        return of_knobs(_knobs(options), options.seed, **sizes, **more)
    tools = Catalogue.read(options.tools) if options.tools else None
    return of_policies(options.policy, tools, seed=options.seed, **sizes)


def _bench(knobs: Knobs, seed: int, count: int) -> None:
    """Cases labelled in a second of thread CPU time, the policy compiled before: sampling, Decision, thought, question
    and answer. The median of the rounds with the smallest and the largest."""
    asked = Asked.of(grow(knobs, seed))
    paths = [(asked, leaf) for leaf in asked.grown.leaves]
    rates = []
    for number in range(BENCH_ROUNDS):
        started = time.thread_time()
        made = sum(1 for _ in cases(paths, knobs, seed, count, "train", f"bench-{number}"))
        rates.append(made / (time.thread_time() - started))
    middle = statistics.median(rates)
    print(f"{middle:,.0f} cases/s of one core ({min(rates):,.0f} to {max(rates):,.0f}), n = {BENCH_ROUNDS} x {count:,}")


if __name__ == "__main__":
    sys.exit(main())
