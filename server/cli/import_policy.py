"""`leastward import`: policies of other systems as text of this language, on stdout."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import ProblemFound
from .output import write_json

STDIN = "-"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "import",
        help="read policies of another system",
        description="Read policies of another system and print them in this language. What has no counterpart is "
        "refused with its place; nothing is left out silently.",
    )
    systems = parser.add_subparsers(dest="system", metavar="SYSTEM", required=True)

    progent = systems.add_parser("progent", help="Progent's JSON: what its code holds, or what its paper prints")
    progent.add_argument(
        "--strict", action="store_true", help="print the tightened version: never wider, often narrower"
    )
    progent.add_argument("--tools", metavar="TOOLS.json", help="a tool list, by which --strict closes arguments")

    cedar = systems.add_parser("cedar", help="Cedar's permit and forbid, as AWS AgentCore writes them")
    cedar.add_argument(
        "--arguments",
        choices=("context.input", "context"),
        default="context.input",
        help="where a request carries the call's arguments (default: context.input)",
    )
    for system in (progent, cedar):
        system.add_argument("files", nargs="+", metavar="FILE", help="files that are one policy together; `-`: stdin")
        system.add_argument("--json", action="store_true", help="print JSON: the text as a member")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from policy_dsl import PolicyError

    readers: dict[str, Callable[[argparse.Namespace], str]] = {"progent": _progent, "cedar": _cedar}
    try:
        text = readers[options.system](options)
    except PolicyError as error:
        raise ProblemFound(error.render()) from error
    if options.json:
        write_json({"policy": text})
    else:
        sys.stdout.write(text)
    return 0


def _progent(options: argparse.Namespace) -> str:
    from policy_dsl import EMPTY_CATALOGUE, Catalogue
    from policy_dsl.importers import import_progent

    tools = EMPTY_CATALOGUE if options.tools is None else Catalogue.read(options.tools)
    return import_progent(_read(options.files), tools=tools, strict=options.strict)


def _cedar(options: argparse.Namespace) -> str:
    from policy_dsl.importers import import_cedar

    documents: list[tuple[str, str]] = []
    for name, content in _read(options.files):
        try:
            documents.append((name, content.decode("utf-8")))
        except UnicodeDecodeError as error:
            raise ProblemFound(f"{name}: is not UTF-8 (byte {error.start})") from error
    return import_cedar(documents, root=options.arguments)


def _read(files: Sequence[str]) -> list[tuple[str, bytes]]:
    documents: list[tuple[str, bytes]] = []
    for name in files:
        try:
            content = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        except OSError as error:
            raise ProblemFound(f"{name}: cannot be read: {error.strerror}") from error
        documents.append(("<stdin>" if name == STDIN else name, content))
    return documents
