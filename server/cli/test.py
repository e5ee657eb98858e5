"""`leastward test`: run the `test` blocks of policies."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .output import console, write_json
from .policy_files import read_policies

if TYPE_CHECKING:
    from guardrail import ExpectationOutcome


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "test",
        help="run the tests that policies hold",
        description="Run the `test` blocks of one policy set through the Guard. Exit code 1 where a call came out "
        "otherwise.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="policy files that are loaded together")
    parser.add_argument("--tools", metavar="TOOLS.json", help="a tool list besides those that the files `use`")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from guardrail import Guard, run_tests
    from policy_dsl import compile_policy

    policy = read_policies(options.files, options.tools)
    outcomes = run_tests(policy, Guard(compile_policy(policy)))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if options.json:
        write_json({"calls": [_as_json(outcome) for outcome in outcomes], "failed": len(failed)})
    else:
        from rich.text import Text

        out = console()
        for outcome in failed:
            out.print(Text(outcome.render()), end="\n\n")
        tests = len({(outcome.path, outcome.test) for outcome in outcomes})
        out.print(f"{tests} tests, {len(outcomes)} calls, {len(failed)} failed")
    return int(bool(failed))


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
