"""`leastward fmt`: policies in the one form that everybody reads."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .errors import CalledWrongly, ProblemFound
from .output import write_json

STDIN = "-"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "fmt",
        help="write policies in their one form",
        description="Write policies in their one form, in place. Comments stay, meaning stays.",
    )
    parser.add_argument("files", nargs="*", default=[STDIN], metavar="FILE", help="policy files; `-`: stdin to stdout")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file is not in form")
    parser.add_argument(
        "--diff", action="store_true", help="change nothing; print what would change; exit 1 if anything"
    )
    parser.add_argument("--json", action="store_true", help="print JSON: the files that are, or were, not in form")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from policy_dsl import PolicyError, format, parse

    if STDIN in options.files and len(options.files) > 1:
        raise CalledWrongly("`-` stands alone")
    changed = []
    for name in options.files:
        text = _read(name)
        try:
            formatted = format(parse(text, "<stdin>" if name == STDIN else name))
        except PolicyError as error:
            raise ProblemFound(error.render()) from error
        if formatted != text:
            changed.append(name)
        if options.diff:
            _print_diff(name, text, formatted)
        elif name == STDIN and not options.check:
            sys.stdout.write(formatted)
        elif formatted != text and not options.check:
            _replace(Path(name), formatted)
    if options.json:
        write_json({"changed": changed})
    elif options.check or (not options.diff and STDIN not in options.files):
        for name in changed:
            print(f"{'not in form' if options.check else 'formatted'}: {name}", file=sys.stderr)
    return int(bool(changed) and (options.check or options.diff))


def _read(name: str) -> str:
    try:
        # newline="": a carriage return is part of the text, so that the formatter sees and removes it.
        if name == STDIN:
            return sys.stdin.buffer.read().decode("utf-8")
        with Path(name).open(encoding="utf-8", newline="") as file:
            return file.read()
    except OSError as error:
        raise ProblemFound(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProblemFound(f"{name}: is not UTF-8 (byte {error.start})") from error


def _replace(path: Path, text: str) -> None:
    """Write beside and rename, so that a running gate never reloads half a policy."""
    beside = path.with_name(f".{path.name}.fmt")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        beside.chmod(path.stat().st_mode)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ProblemFound(f"{path}: cannot be written: {error.strerror}") from error


def _print_diff(name: str, text: str, formatted: str) -> None:
    from difflib import unified_diff

    lines = unified_diff(text.splitlines(), formatted.splitlines(), name, f"{name} (formatted)", lineterm="")
    for line in lines:
        print(line)
