"""The command line: `leastward VERB ...`. One verb per file; this one only finds the verb and turns its end into a
code.

- verb: a module with `add(subparsers)`, which says what it takes, and `run(options) -> int`, which does it
- exit codes: 0 it is fine, 1 it found problems, 2 it was called wrongly, 3 it broke
- `--json`: one JSON document for programs (`decide` speaks JSON lines only); tables and colours are for people

Flow: argv -> parser -> verb -> lower floors. A verb's module is imported to build the parser, so it imports what it
works with (the language, the server, rich) only when it runs: `leastward --help` has to be quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from .errors import CommandError

VERBS = (
    "init",
    "scaffold",
    "demo",
    "serve",
    "check",
    "fmt",
    "test",
    "decide",
    "propose",
    "explain",
    "diff",
    "import",
    "export",
    "lsp",
    "mcp",
    "report",
    "refresh",
    "review",
    "policy",
    "keys",
    "approve",
    "hook",
    "audit",
    "eval",
    "train",
    "doctor",
)

_MODULES = {"import": "import_policy"}
"""Where a verb's module cannot have its name."""

FINE, FOUND_PROBLEMS, CALLED_WRONGLY, BROKE = 0, 1, 2, 3

__all__ = ["VERBS", "build_parser", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code. Raises SystemExit only for what argparse itself says (`--help`, usage)."""
    options = build_parser().parse_args(argv)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except CommandError as error:
        print(f"leastward {options.verb}: {error}", file=sys.stderr)
        return error.code
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python flushes stdout once more at exit: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FOUND_PROBLEMS
    except KeyboardInterrupt:
        return FOUND_PROBLEMS
    except Exception:
        import traceback

        traceback.print_exc()
        print(f"leastward {options.verb}: internal error, see above", file=sys.stderr)
        return BROKE


def build_parser() -> argparse.ArgumentParser:
    """The whole command line as a parser; docs/cli.md is printed from it."""
    parser = argparse.ArgumentParser(
        prog="leastward",
        description="A gate for LLM agents' tool calls: what a written policy allows goes through, nothing else.",
        epilog="Exit codes: 0 fine, 1 found problems, 2 called wrongly, 3 broke.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        import_module(f".{_MODULES.get(verb, verb)}", __package__).add(subparsers)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        # Reading the version opens the installed metadata: only for those who ask.
        from importlib.metadata import version

        print(f"leastward {version('leastward')}")
        parser.exit()
