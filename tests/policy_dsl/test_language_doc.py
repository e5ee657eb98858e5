"""docs/language.md says what is so: its policies parse, its tests hold, its lists of words are the grammar's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from policy_dsl import (
    EMPTY_CATALOGUE,
    CallExpectation,
    Facts,
    TestBlock,
    UserSays,
    compile_policy,
    format,
    parse,
    parse_json,
    policy_set,
    reference_decide,
)
from policy_dsl.lower_leaves import MAX_DEPTH, MAX_DIGITS, MAX_WHOLE
from policy_dsl.parse import MAX_LENGTH
from policy_dsl.resolve import MAX_NODES
from policy_dsl.words import NOT_NAMES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
GRAMMAR = (ROOT / "policy_dsl" / "grammar.lark").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```lw\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def _whole(block: str) -> str:
    return block if block.startswith("language 1") else f"language 1\n{block}"


def _facts(test: TestBlock, words: tuple[str, ...]) -> Facts:
    who = test.principal
    first = [names[0] if names else None for names in (who.tenants, who.agents, who.users)]
    return Facts(*first, frozenset(who.roles), repr(who), words)


def test_the_page_has_blocks() -> None:
    assert len(BLOCKS) >= 10


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().split("\n")[-2][:40])
def test_a_block_is_a_policy(block: str) -> None:
    text = _whole(block)
    policy_set([parse(text, "page.lw")])
    formatted = format(parse(text))
    assert parse(formatted) == parse(text)


@pytest.mark.parametrize("block", [b for b in BLOCKS if "\ntest " in b], ids=lambda block: block.split("\n")[1][:40])
def test_what_the_page_claims_holds(block: str) -> None:
    """In both engines, without the tool lists: the page's are not written."""
    policy = policy_set([parse(_whole(block), "page.lw")])
    program = compile_policy(policy, EMPTY_CATALOGUE)
    for test in policy.tests:
        words: tuple[str, ...] = ()
        for step in test.steps:
            if isinstance(step, UserSays):
                words = (*words, step.words)
                continue
            assert isinstance(step, CallExpectation)
            arguments = parse_json(step.arguments)
            assert isinstance(arguments, dict)
            facts = _facts(test, words)
            outcome = reference_decide(policy, EMPTY_CATALOGUE, step.tool, arguments, facts, step.server)
            assert (outcome.effect, outcome.rule) == (step.effect, step.rule or outcome.rule), step
            assert program.decide(step.tool, arguments, facts, step.server) == outcome


def _listed(text: str) -> set[str]:
    return set(re.findall(r"`([A-Za-z]+)`", text))


def test_the_words_that_name_nothing_are_listed() -> None:
    section = PAGE.split("## Words that are kept")[1].split("These are kept for later")[0]
    assert _listed(section.split("`.time`.")[1]) == NOT_NAMES


@pytest.mark.parametrize(
    ("row", "terminal"),
    [
        ("at the beginning of a statement", "LATER_STATEMENT"),
        ("as a clause of a rule", "LATER_CLAUSE"),
        ("at the beginning of a condition", "LATER_OPERAND"),
        ("as a test", "LATER_TEST"),
        ("in a test block", "LATER_STEP"),
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
    limits = PAGE.split("## Limits")[1].split("## ")[0]
    assert MAX_LENGTH == 16 * 2**20
    assert "16 million" in limits
    for limit in (f"{MAX_DEPTH}", f"{MAX_NODES:,}", f"{MAX_DIGITS}"):
        assert f"| {limit} |" in limits
    assert MAX_WHOLE == 10**9
