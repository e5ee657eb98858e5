"""`leastward lsp`: the language server that editors start."""

from __future__ import annotations

import argparse

from .errors import CalledWrongly


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "lsp",
        help="serve an editor: faults, completion, hover, formatting",
        description="Speak the Language Server Protocol over stdin and stdout until the editor says `exit`. Needs the "
        "extra `lsp`; docs/editors.md says how editors start it.",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..lsp import serve

    try:
        serve()
    except ModuleNotFoundError as error:
        if error.name not in ("pygls", "lsprotocol"):
            raise
        raise CalledWrongly("pygls is not installed: pip install 'leastward[lsp]'") from error
    return 0
