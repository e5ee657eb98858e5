"""policy_dsl/knowledge: every word of the language has a row, and what is told can be read back (phrases, reading,
rows_conditions, rows_operands, rows_statements, terms_conditions, terms_statements, document)."""

from __future__ import annotations

import random
from typing import get_args

import pytest

from policy_dsl import ParseError, PolicyFile, ast, compile_policy, parse, policy_set
from policy_dsl.knowledge import Unread, document, read_back, read_document
from policy_dsl.knowledge.phrases import ROWS, Slot, tell, write
from policy_dsl.knowledge.terms_conditions import TERMS
from policy_dsl.knowledge.terms_statements import STATEMENTS, statement
from training import Data
from training.cases import Engine

NODES = {*get_args(ast.Condition), *get_args(ast.Operand), *get_args(ast.ValueSet)}
SAID = {*get_args(ast.Statement), *get_args(ast.Step)}
ONLY_RESOLVED = {"seen", "within", "source", "constant", "tally"}
"""Rows of what no text of the language says."""


@pytest.mark.parametrize("node", sorted(NODES, key=str), ids=str)
def test_every_condition_operand_and_set_has_a_term(node: type) -> None:
    assert node in TERMS


@pytest.mark.parametrize("node", sorted(SAID, key=str), ids=str)
def test_every_statement_and_step_has_a_term(node: type) -> None:
    assert node in STATEMENTS


def test_what_decides_has_at_least_four_phrasings() -> None:
    rows = [*ROWS["condition"].values(), *(ROWS["statement"][effect] for effect in ast.Effect)]
    assert {row.name for row in rows if len(set(row.phrases)) < 4 and row.name not in ONLY_RESOLVED} == set()
    assert {row.name for row in rows if row.written is None} == ONLY_RESOLVED - {"tally"}


def test_no_phrase_begins_with_its_own_sort() -> None:
    """A reader that looks for a term where it is looking for that term would never end."""
    for sort, rows in ROWS.items():
        for row in rows.values():
            for phrase in row.phrases:
                first = phrase.tokens[0] if phrase.tokens else None
                assert not (isinstance(first, Slot) and first.sort == sort), (sort, row.name)


def _files(policies: list[tuple[str, str]]) -> list[tuple[str, PolicyFile]]:
    found = []
    for name, text in policies:
        try:
            found.append((name, parse(text, "policy.lw")))
        except ParseError:
            continue  # a corpus of errors
    return found


def _round_trip(policies: list[tuple[str, str]], seed: int) -> int:
    files = _files(policies)
    for name, file in files:
        rng = random.Random(seed)
        terms = [statement(node) for node in file.statements]
        back = "\n".join(["language 1", *(read_back(tell(term, rng)) for term in terms)])
        assert parse(back, "policy.lw").statements == file.statements, name
        written = "\n".join(["language 1", *map(write, terms)])
        assert parse(written, "policy.lw").statements == file.statements, name
    return len(files)


def test_every_policy_we_have_is_told_and_read_back(policies: list[tuple[str, str]]) -> None:
    """The examples and the corpora, every twelfth of them; the same trees, so the same Decisions."""
    assert _round_trip(policies[::12], seed=1) > 30


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_every_policy_in_other_words(policies: list[tuple[str, str]], seed: int) -> None:
    assert _round_trip(policies, seed) > 400


@pytest.mark.parametrize("seed", [5])
def test_the_document_of_a_generated_policy_decides_as_the_policy(data: Data, seed: int) -> None:
    for identifier, text in data.policies.items():
        engine = Engine.of_text(text, data.tools[identifier])
        back = policy_set([parse(read_document(document(engine.policy, seed)), "policy.lw")], engine.policy.catalogue)
        decide = compile_policy(back).decide
        for example in data.test:
            if example.policy == identifier:
                _, facts = engine.label_with_facts(example.call, example.context)
                found = decide(example.call["tool"], example.call["args"], facts)
                assert (found.effect, found.rule) == (example.effect, example.rule)


def test_documents_differ_by_seed_and_only_by_seed(data: Data) -> None:
    identifier = next(iter(data.policies))
    policy = Engine.of_text(data.policies[identifier], data.tools[identifier]).policy
    assert document(policy, 1) == document(policy, 1)
    assert len({document(policy, seed) for seed in range(4)}) == 4


@pytest.mark.parametrize(
    "text",
    ["", "The agent may do as it likes.", "Do not use `pay` if `amount` is", "Do not use `pay`. Do not use `pay`."],
)
def test_what_no_phrase_explains_is_refused(text: str) -> None:
    with pytest.raises(Unread):
        read_back(text)


def test_a_line_of_a_document_that_cannot_be_read_is_told() -> None:
    with pytest.raises(Unread, match="line 2"):
        read_document("- Do not use `pay`.\n- Be kind.")
