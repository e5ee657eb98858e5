"""The grammar's LALR tables, kept beside the grammar: read in a tenth of the time that making them takes.

A coding agent's hook is a process for every call, and most of its time went into tables that never change. They are
plain data, never a pickle. The file says which grammar and which lark it was made of; where either is another one, the
tables are made anew from the text. A test makes them and compares (`make tables` writes the file).
"""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import Any, Final

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

FILE: Final = "grammar.tables"


def written(grammar: Lark, text: str) -> bytes:
    """What the file holds for the parser that `text` was made into: the same for the same text."""
    data, memo = grammar.memo_serialize([TerminalDef, Rule])
    data["parser"]["parser"] = _in_order(data["parser"]["parser"])
    return zlib.compress(json.dumps({"of": _origin(text), "data": data, "memo": memo}).encode(), 9)


def read(kept: bytes, text: str) -> Lark | None:
    """The parser of the grammar `text` from a kept file; None where that was made of something else."""
    found = json.loads(zlib.decompress(kept))
    if found["of"] != _origin(text):
        return None
    table = found["data"]["parser"]["parser"]
    # JSON has neither numbers for names nor pairs, which lark's tables are made of.
    table["tokens"] = _by_number(table["tokens"])
    table["states"] = {
        state: {token: tuple(action) for token, action in _by_number(actions).items()}
        for state, actions in _by_number(table["states"]).items()
    }
    memo = _by_number(found["memo"])
    for kind in memo.values():
        if (options := kind.get("options")) and options["empty_indices"] is not None:
            options["empty_indices"] = tuple(options["empty_indices"])
    parser: Lark = Lark.load({"data": found["data"], "memo": memo})
    return parser


def _in_order(table: dict[str, Any]) -> dict[str, Any]:
    """lark numbers states and tokens as sets happen to lie; here by name, and by the way from the start."""
    names: dict[int, str] = table["tokens"]
    states: dict[int, dict[int, tuple[int, Any]]] = table["states"]
    rows = {state: {names[token]: action for token, action in row.items()} for state, row in states.items()}
    order = list(dict.fromkeys(table["start_states"].values()))
    known = set(order)
    for state in order:
        for _, (reduces, to) in sorted(rows[state].items()):
            if not reduces and to not in known:
                known.add(to)
                order.append(to)
    place = {state: number for number, state in enumerate(order)}
    number = {name: number for number, name in enumerate(sorted(names.values()))}
    return {
        **table,
        "tokens": {number[name]: name for name in sorted(number)},
        "states": {
            place[state]: {
                number[name]: (reduces, to if reduces else place[to])
                for name, (reduces, to) in sorted(rows[state].items())
            }
            for state in order
        },
        "start_states": {name: place[state] for name, state in table["start_states"].items()},
        "end_states": {name: place[state] for name, state in table["end_states"].items()},
    }


def _origin(text: str) -> list[str]:
    return [lark.__version__, hashlib.sha256(text.encode()).hexdigest()]


def _by_number(table: dict[str, Any]) -> dict[int, Any]:
    return {int(name): value for name, value in table.items()}
