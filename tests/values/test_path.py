"""policy_dsl/values/path.py: inside a directory, by spelling."""

from __future__ import annotations

import posixpath
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values import path

CORPUS = {"test_corpus": "path"}


def test_corpus(case: Any) -> None:
    assert path.is_under(case.value, case.written) is case.want


@given(st.text(st.characters(codec=None)), st.text())
def test_total(text: str, root: str) -> None:
    path.is_under(text, root)
    path.is_under("/srv/data/" + text, "/srv/data")


@given(st.from_regex(r"/srv/data[a./\\%~ -]{0,20}", fullmatch=True))
def test_what_is_under_stays_under(text: str) -> None:
    if path.is_under(text, "/srv/data"):
        assert posixpath.normpath(text) == text
        assert posixpath.commonpath([text, "/srv/data"]) == "/srv/data"


def test_combining_marks_cost_linear_time() -> None:
    """100,000 marks of two classes keep CPython's own normaliser busy for 48 seconds."""
    assert path.is_under("/srv/data/a" + "\u0315\u0300" * 100_000, "/srv/data")
