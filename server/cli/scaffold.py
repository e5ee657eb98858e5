"""`leastward scaffold`: a first policy from a tool list, from recorded calls, or from both."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import CalledWrongly, ProblemFound
from .output import write_json

if TYPE_CHECKING:
    from policy_dsl.importers import RecordedCall

_DESCRIPTION = """\
Print a first policy: tools that only read are allowed with the arguments they declare, tools that
change something are asked about, with values like those recorded. --traffic reads JSON lines: what `leastward decide`
reads, or Records with their kept arguments (`payload`); calls that an enforcing gate refused are left out. Read every
rule before you use it."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "scaffold", help="write a first policy from tools or recorded calls", description=_DESCRIPTION
    )
    parser.add_argument("--tools", metavar="TOOLS.json", help="a tool list; the policy will `use` it by this name")
    parser.add_argument(
        "--openapi", metavar="API.yaml", help="an OpenAPI 3 document; its tool list is written to TOOLS.json first"
    )
    parser.add_argument("--traffic", metavar="LOG.jsonl", help="recorded calls, one JSON line each")
    parser.add_argument("--json", action="store_true", help="print JSON: the text as a member")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from policy_dsl import EMPTY_CATALOGUE, Catalogue, PolicyError
    from policy_dsl.importers import scaffold

    if options.tools is None and options.traffic is None:
        raise CalledWrongly("name --tools, --traffic or both")
    if options.openapi is not None:
        _write_tools(options.openapi, options.tools)
    try:
        tools = EMPTY_CATALOGUE if options.tools is None else Catalogue.read(options.tools)
        calls = [] if options.traffic is None else list(_calls(options.traffic))
        text = scaffold(tools, calls, use=options.tools)
    except PolicyError as error:
        raise ProblemFound(error.render()) from error
    if options.json:
        write_json({"policy": text})
    else:
        sys.stdout.write(text)
    return 0


def _write_tools(document: str, path: str | None) -> None:
    """Put the operations of a document where `use tools` will read them; a file that is there is left alone."""
    from ..tools import DocumentError, tool_list

    if path is None:
        raise CalledWrongly("--openapi needs --tools: where its tool list is written")
    try:
        tools = tool_list(Path(document))
        with Path(path).open("xb") as file:
            file.write(tools)
    except DocumentError as error:
        raise ProblemFound(str(error)) from error
    except OSError as error:
        raise ProblemFound(f"{path}: cannot be written: {error.strerror}") from error


def _calls(path: str) -> Iterator[RecordedCall]:
    """The calls of a log that were not refused. A line that is none of the known kinds ends the verb."""
    from policy_dsl import strict_json

    try:
        with Path(path).open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    try:
                        found = _call(strict_json.parse(line.rstrip(b"\n"), numbers="kept"))
                    except ValueError as error:  # a StrictJsonError is one
                        raise ProblemFound(f"{path}:{number}: {error}") from error
                    if found is not None:
                        yield found
    except OSError as error:
        raise ProblemFound(f"{path}: cannot be read: {error.strerror}") from error


def _call(line: Any) -> RecordedCall | None:
    """The call of one line; None for what the user said, a result, a refused call, and a Record without arguments."""
    from policy_dsl import strict_json

    from ..lines import tool_and_server

    if not isinstance(line, dict):
        raise ValueError("a line is an object")
    if ("user" in line and "tool" not in line) or "result" in line:
        return None
    tool = line.get("tool")
    if "payload" in line or "policy_hash" in line:  # a Record
        refused = line.get("effect") != "allow" and line.get("mode") != "observe"
        arguments = None if refused or tool is None else line.get("payload")
        if arguments is None:
            return None
    else:
        arguments = line.get("args")
        if isinstance(arguments, str):
            arguments = strict_json.parse(arguments)
    if not isinstance(tool, str) or not isinstance(arguments, dict):
        raise ValueError("no call: a line has `tool` and `args`, or is a Record")
    name, server = tool_and_server(tool)
    return server, name, arguments
