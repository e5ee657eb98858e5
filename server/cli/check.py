"""`leastward check`: does the policy parse, does it fit the tools, and does it say what it seems to say."""

from __future__ import annotations

import argparse
from time import time_ns
from typing import Any

from .output import console, write_json
from .policy_files import read_policies_or_fault


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "check",
        help="look for mistakes in policies",
        description="Look for mistakes in one policy set: the files together, against the tools they name. Exit code 1 "
        "where there is an error; warnings alone leave it 0.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="policy files that are loaded together")
    parser.add_argument("--tools", metavar="TOOLS.json", help="a tool list besides those that the files `use`")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from rich.text import Text

    from policy_dsl import check

    loaded = read_policies_or_fault(options.files, options.tools)
    now = time_ns() // 1_000
    findings = [loaded] if isinstance(loaded, dict) else [_finding(found) for found in check(loaded, now=now)]
    errors = sum(finding["severity"] == "error" for finding in findings)
    if options.json:
        shown = [{name: value for name, value in finding.items() if name != "rendered"} for finding in findings]
        write_json({"findings": shown, "errors": errors, "warnings": len(findings) - errors})
    else:
        out = console()
        for finding in findings:
            out.print(Text(finding["rendered"]), end="\n\n")
        out.print(_summary(len(options.files), errors, len(findings) - errors))
    return int(errors > 0)


def _finding(finding: Any) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "path": finding.path,
        "line": finding.span.line,
        "column": finding.span.column,
        "start": finding.span.start,
        "end": finding.span.end,
        "help": finding.help,
        "docs": finding.docs,
        "rendered": finding.render(),
    }


def _summary(files: int, errors: int, warnings: int) -> str:
    def counted(count: int, word: str) -> str:
        return f"{count} {word}{'' if count == 1 else 's'}"

    return f"{counted(files, 'file')}: {counted(errors, 'error')}, {counted(warnings, 'warning')}"
