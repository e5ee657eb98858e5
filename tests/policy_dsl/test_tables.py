"""policy_dsl/tables.py: the kept tables are those that the grammar makes, and are passed over where they are not."""

from __future__ import annotations

import json
import zlib
from importlib.resources import files

from policy_dsl import tables
from policy_dsl.parse import made

FOLDER = files("policy_dsl")
TEXT = FOLDER.joinpath("grammar.lark").read_text(encoding="utf-8")
KEPT = FOLDER.joinpath(tables.FILE).read_bytes()


def test_the_kept_tables_are_those_of_the_grammar() -> None:
    kept, anew = (json.loads(zlib.decompress(data)) for data in (KEPT, tables.written(made(TEXT), TEXT)))
    assert kept == anew, "grammar.tables is of another grammar, or of another lark: run `make tables`"


def test_what_is_read_is_what_was_written() -> None:
    """So nothing is lost on the way through JSON; test_driver.py reads every policy there is with these tables."""
    parser = tables.read(KEPT, TEXT)
    assert parser is not None
    assert zlib.decompress(tables.written(parser, TEXT)) == zlib.decompress(tables.written(made(TEXT), TEXT))


def test_tables_of_another_grammar_are_not_read() -> None:
    assert tables.read(KEPT, TEXT + "\n") is None
