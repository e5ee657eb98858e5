"""Slips in the newer sentences: each has a case of its own, and the tables agree with the grammar."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from policy_dsl import ParseError, parse
from policy_dsl.lower_rules import CLAUSES
from policy_dsl.mistakes_sentences import MISSING, MISUSED, SENTENCES_WITHOUT_CLAUSES

CASES = [
    case
    for name in ("history", "results", "terms", "files", "clock", "learned")
    for case in yaml.safe_load((Path(__file__).parent / "errors" / f"{name}.yaml").read_text(encoding="utf-8"))
]


def test_the_corpus_is_wide() -> None:
    assert len(CASES) >= 40
    assert len({case["note"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("slip", [*MISUSED, *MISSING], ids=lambda slip: slip.__name__)
def test_a_slip_is_the_only_one_to_know_its_case(slip: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, at least one writer is told something else: no slip only repeats what another says."""
    from policy_dsl import mistakes

    monkeypatch.setattr(mistakes, "SLIPS", tuple(known for known in mistakes.SLIPS if known is not slip))
    changed = 0
    for case in CASES:
        with pytest.raises(ParseError) as caught:
            parse(case["text"])
        changed += (caught.value.message, caught.value.help) != (case["message"], case.get("help"))
    assert changed


@pytest.mark.parametrize("word", SENTENCES_WITHOUT_CLAUSES)
def test_a_sentence_without_clauses_takes_none(word: str) -> None:
    sentences = {
        "counter": "counter n = count of released f per session",
        "hide": "hide f",
        "trust": "trust results of f",
        "redact": 'redact results of f matching /x/ with "y"',
    }
    for clause in {clause.split()[0] for clause in CLAUSES.values()}:
        with pytest.raises(ParseError) as caught:
            parse(f"language 1\n{sentences[word]} {clause}")
        assert caught.value.code == "clause-here"
        assert f"`{word}` takes no `{clause}`" in caught.value.message
