"""server/propose/entities.py: what a request names, from a corpus, and that it is read in linear time."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from server.propose.entities import MAX_REQUEST, entities

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "entities.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["words"][:40])
def test_corpus(case: dict[str, Any]) -> None:
    found = entities(case["words"])
    assert found.mails == tuple(case.get("mails", ()))
    assert found.accounts == tuple(case.get("accounts", ()))
    assert found.files == tuple(case.get("files", ()))
    assert found.hosts == tuple(case.get("hosts", ()))
    assert found.days == tuple(case.get("days", ()))
    assert found.sums == tuple(map(Decimal, case.get("sums", ())))
    assert (found.days_are_all, found.sums_are_all) == (case.get("days_are_all", True), case.get("sums_are_all", True))


@given(st.text(alphabet="a@.-_ 1290GB%€$,/'\n\u0661é", max_size=60))
def test_whatever_is_found_stands_in_the_words(words: str) -> None:
    found = entities(words)
    for part in (*found.mails, *found.accounts, *found.files, *found.hosts):
        assert part in words


@pytest.mark.parametrize(
    "part", ["a@", "a.", "GB29", "1,000", "a-", "2024-01-", "$1", "may ", "1st of ", "www.", "http://a."]
)
def test_a_long_request_is_read(part: str) -> None:
    # Under pytest's own timeout: a pattern that backtracks would take minutes.
    found = entities(part * MAX_REQUEST)
    assert isinstance(found.days_are_all, bool)
