"""What of the documentation is printed from the code: docs/cli.md from the parser, and the table of settings in
docs/configuration.md from their models."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from . import build_parser

_HEAD = """\
# The command line

This page is printed from the parser (`make docs`); a test fails when the two differ.

`leastward VERB ...`: one verb, its options, an exit code: 0 fine, 1 found problems, 2 called wrongly, 3 broke. With
`--json` a verb prints one JSON document (`decide` always speaks JSON lines). Tables and colours are for people:
`NO_COLOR` turns the colours off, a pipe has none.
"""


def reference_page() -> str:
    """The whole page as Markdown."""
    verbs = _subparsers(build_parser())
    return "\n".join(
        [_HEAD, *(line for name, parser in verbs.items() for line in _verb(f"leastward {name}", parser, 2))]
    )


def with_settings(page: str) -> str:
    """A page with its table of settings printed anew: the one whose head says `key | default | meaning`."""
    from ..settings import documented_keys

    head = "| key | default | meaning |\n|---|---|---|\n"
    before, _, rest = page.partition(head)
    rows = "".join(f"| `{key}` | `{default}` | {text} |\n" for key, default, text in documented_keys())
    return before + head + rows + rest[rest.index("\n\n") + 1 :]


def _verb(name: str, parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{name}`\n"
    if parser.description:
        yield f"{' '.join(parser.description.split())}\n"
    shown = [action for action in parser._actions if action.help is not argparse.SUPPRESS and not _is_plumbing(action)]
    if shown:
        yield "| argument | |\n|---|---|"
        yield from (f"| `{_spelled(action)}` | {_cell(action)} |" for action in shown)
        yield ""
    helps = {choice.dest: choice.help for group in _groups(parser) for choice in group._choices_actions}
    for action, inner in _subparsers(parser).items():
        inner.description = inner.description or _sentence(helps.get(action) or "")
        yield from _verb(f"{name} {action}", inner, level + 1)


def _spelled(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    value = value if isinstance(value, str) else " ".join(value or ())
    many = "..." if action.nargs in ("+", "*") else ""
    if not action.option_strings:
        return f"[{value}{many}]" if action.nargs in ("*", "?") else f"{value}{many}"
    takes = "" if action.nargs == 0 else f" {value}{many}"
    return f"{', '.join(action.option_strings)}{takes}"


def _cell(action: argparse.Action) -> str:
    required = " (required)" if action.required and action.option_strings else ""
    return f"{(action.help or '').replace('|', chr(92) + '|')}{required}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _is_plumbing(action: argparse.Action) -> bool:
    return isinstance(action, argparse._HelpAction | argparse._SubParsersAction)


def _groups(parser: argparse.ArgumentParser) -> list[argparse._SubParsersAction[argparse.ArgumentParser]]:
    return [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return {name: inner for group in _groups(parser) for name, inner in group.choices.items()}
