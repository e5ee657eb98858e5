"""`python -m training.runs cpu|gpu --out DIR [--step N] [--smoke] [--weights FILE]`: carries out a plan, resumable."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..example import DataError
from .plans import PLANS, smoke
from .running import carry_out, summed_up


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, 1 where it cannot go on, 2 for a wrong use, 3 where it was stopped and the same command goes on."""
    parser = argparse.ArgumentParser(prog="python -m training.runs", description=__doc__)
    parser.add_argument("plan", choices=sorted(PLANS))
    parser.add_argument("--out", required=True, metavar="DIR", help="data, checkpoints, results, tables and plots")
    parser.add_argument("--step", type=int, metavar="N", help="one step of the plan (default: all, in order)")
    parser.add_argument("--smoke", action="store_true", help="a tiny model and next to no steps")
    parser.add_argument("--weights", metavar="FILE", help="SmolLM2: a folder of safetensors or a .gguf file")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of torch")
    options = parser.parse_args(argv)
    plan = smoke(PLANS[options.plan]) if options.smoke else PLANS[options.plan]
    if options.step is not None and options.step not in plan.steps:
        parser.error(f"`{options.plan}` has the steps {', '.join(map(str, plan.steps))}")
    from ..stages import Interrupted, OutOfMemory

    if options.threads is not None:
        import torch

        torch.set_num_threads(options.threads)
    try:
        for step in plan.steps if options.step is None else [options.step]:
            carry_out(plan, step, options.out, options.weights)
    except Interrupted as stopped:
        print(f"{stopped}; the same command goes on from there", file=sys.stderr)
        return 3
    except (DataError, OutOfMemory) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(summed_up(options.out), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
