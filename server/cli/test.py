"""`leastward test`: run the `test` blocks of policies."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .output import console, write_json
from .policy_files import read_policies

if TYPE_CHECKING:
    from rich.console import Console

    from guardrail import ExpectationOutcome

    from .coverage import Coverage


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "test",
        help="run the tests that policies hold",
        description="Run the `test` blocks of one policy set through the Guard. Exit code 1 where a call came out "
        "otherwise. `--coverage` says which rules no test fired, and which tests of their conditions were never seen "
        "true, or never seen anything else.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="policy files that are loaded together")
    parser.add_argument("--tools", metavar="TOOLS.json", help="a tool list besides those that the files `use`")
    parser.add_argument("--coverage", action="store_true", help="say what the tests leave out, rule by rule")
    parser.add_argument(
        "--fail-under", type=_percent, metavar="N", help="exit 1 where less than N %% is covered; implies --coverage"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from guardrail import Guard, run_tests
    from policy_dsl import compile_policy

    from .coverage import WatchedGuard

    policy = read_policies(options.files, options.tools)
    program = compile_policy(policy)
    watched = WatchedGuard(program) if options.coverage or options.fail_under is not None else None
    outcomes = run_tests(policy, watched or Guard(program))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    covered = None if watched is None else watched.coverage()
    if options.json:
        document: dict[str, Any] = {"calls": [_as_json(outcome) for outcome in outcomes], "failed": len(failed)}
        write_json(document if covered is None else {**document, "coverage": _coverage_as_json(covered)})
    else:
        from rich.text import Text

        out = console()
        for outcome in failed:
            out.print(Text(outcome.render()), end="\n\n")
        if covered is not None:
            _print_coverage(covered, out)
        tests = len({(outcome.path, outcome.test) for outcome in outcomes})
        out.print(f"{tests} tests, {len(outcomes)} calls, {len(failed)} failed")
    falls_short = covered is not None and options.fail_under is not None and covered.percent < options.fail_under
    return int(bool(failed) or falls_short)


def _percent(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError("a share is between 0 and 100")
    return number


def _print_coverage(covered: Coverage, out: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("rule", "effect", "fits", "matched", "decided", "left out", box=None, pad_edge=False)
    for rule in covered.rules:
        gaps = [gap for gap in (leaf.gap for leaf in rule.leaves) if gap] or ([] if rule.matched else ["never matched"])
        table.add_row(
            Text(rule.id), rule.effect, str(rule.fits), str(rule.matched), str(rule.decided), Text("\n".join(gaps))
        )
    out.print(table)
    out.print(f"{covered.percent:.0f} % covered: {covered.points} of {covered.of}")


def _coverage_as_json(covered: Coverage) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "percent": round(covered.percent, 2),
        "points": covered.points,
        "of": covered.of,
        "rules": [asdict(rule) for rule in covered.rules],
    }


def _as_json(outcome: ExpectationOutcome) -> dict[str, Any]:
    return {
        "test": outcome.test,
        "path": outcome.path,
        "line": outcome.span.line,
        "tool": outcome.tool,
        "wanted": outcome.wanted,
        "wanted_rule": outcome.wanted_rule,
        "effect": outcome.got.effect,
        "rule": outcome.got.rule,
        "reason": outcome.got.reason,
        "passed": outcome.passed,
    }
