"""docs/language.md and tutorial.md say what is so: policies parse, tests hold, lists of words are the grammar's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from guardrail import Guard, run_tests
from policy_dsl import compile_policy, format, parse, policy_set
from policy_dsl.lower_leaves import MAX_DEPTH, MAX_DIGITS, MAX_WHOLE
from policy_dsl.parse import MAX_LENGTH
from policy_dsl.resolve import MAX_NODES
from policy_dsl.words import NOT_NAMES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
GRAMMAR = (ROOT / "policy_dsl" / "grammar.lark").read_text(encoding="utf-8")


class Block(NamedTuple):
    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.strip().splitlines()[-2][:40]}"


BLOCKS = [
    Block(page, text)
    for page in ("language.md", "tutorial.md")
    for text in re.findall(
        r"^```lw\n(.*?)^```$", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
]


def _whole(block: str) -> str:
    whole = block if block.startswith("language 1") else f"language 1\n{block}"
    return re.sub(r"^use tools .*\n", "", whole, flags=re.MULTILINE)  # the pages' tool lists are not written


def test_the_pages_have_blocks() -> None:
    assert len(BLOCKS) >= 24


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_a_policy(block: Block) -> None:
    text = _whole(block.text)
    policy_set([parse(text, "page.lw")])
    formatted = format(parse(text))
    assert parse(formatted) == parse(text)


@pytest.mark.parametrize("block", [block for block in BLOCKS if "\ntest " in block.text], ids=str)
def test_what_the_pages_claim_holds(block: Block) -> None:
    policy = policy_set([parse(_whole(block.text), "page.lw")])
    outcomes = run_tests(policy, Guard(compile_policy(policy)))
    assert outcomes
    assert [outcome.render() for outcome in outcomes if not outcome.passed] == []


def _listed(text: str) -> set[str]:
    return set(re.findall(r"`([A-Za-z]+)`", text))


def test_the_words_that_name_nothing_are_listed() -> None:
    section = PAGE.split("## Words that are kept")[1].split("These are kept for later")[0]
    assert _listed(section.split("`.time`.")[1]) == NOT_NAMES


@pytest.mark.parametrize(
    ("row", "terminal"),
    [
        ("at the beginning of a statement", "LATER_STATEMENT"),
        ("at the beginning of a condition", "LATER_OPERAND"),
    ],
)
def test_the_words_of_later_versions_are_listed(row: str, terminal: str) -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {row} |"))
    pattern = re.search(rf"^{terminal}\.2: /\(([a-z|]+)\)", GRAMMAR, re.MULTILINE)
    assert pattern is not None
    assert _listed(line) == set(pattern.group(1).split("|"))


def test_every_keyword_is_on_the_page() -> None:
    words = set(re.findall(r"^_?[A-Z_]+\.2: /([a-z]+)\(\?!", GRAMMAR, re.MULTILINE))
    grammar = PAGE.split("```ebnf")[1].split("```")[0]
    assert len(words) > 40
    assert {word for word in words if f'"{word}"' not in grammar} <= {"true", "false", "null"}


def test_the_limits_are_the_real_ones() -> None:
    limits = PAGE.split("## Bounds")[1].split("## ")[0]
    assert MAX_LENGTH == 16 * 2**20
    assert "16 million" in limits
    for limit in (f"{MAX_DEPTH}", f"{MAX_NODES:,}", f"{MAX_DIGITS}"):
        assert f"| {limit} |" in limits
    assert MAX_WHOLE == 10**9
