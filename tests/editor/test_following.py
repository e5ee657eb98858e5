"""policy_dsl/following.py: what may stand next, asked of the parser itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import ParseError, following, keywords, parse, written

POLICIES = sorted((Path(__file__).parents[2] / "examples" / "agentdojo").glob("*.lw"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", {"language"}),
        ("language 1\nallow pay(to) when to ", {"in", "is", "matches", "and", "forbid"}),
        ("language 1\nrequire ", {"approval"}),
        ("language 1\nforbid pay when a is ", {"text", "number", "not"}),
    ],
)
def test_words_that_fit(text: str, words: set[str]) -> None:
    assert words <= set(following(text).keywords)


def test_where_a_text_stops_being_a_beginning() -> None:
    text = "language 1\nallow pay when"
    found = following(text)
    assert found.stopped == text.index("when")
    assert [word.text for word in found.words] == ["language", "1", "allow", "pay"]
    assert found.takes("LPAR")
    assert [word.text for word in found.words if word.is_keyword] == ["language", "allow"]
    for text, at in (('language 1\nforbid pay when a == "open', '"'), ("language 1\nforbid pay when judge", "judge")):
        assert following(text).stopped == text.index(at)  # `judge` is kept for later: it fits nowhere


def test_every_kind_is_written_somehow() -> None:
    spelled = written()
    assert spelled["_ALLOW"] == ("allow",)
    assert "==" in spelled["COMPARE"]
    assert spelled["ELLIPSIS"] == ("...",)
    assert {"minute", "minutes", "just after"} <= keywords()
    assert all(word.replace(" ", "").replace("-", "").isalpha() for word in keywords())


@given(st.data())
def test_the_words_of_a_policy_are_all_of_it_but_spaces_and_comments(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(POLICIES))
    text = path.read_text(encoding="utf-8")
    text = text[: data.draw(st.integers(0, len(text)))]
    found = following(text)
    assert all(text[word.start : word.end] == word.text for word in found.words)
    ends = [0, *(word.end for word in found.words)]
    starts = [*(word.start for word in found.words), len(text) if found.stopped is None else found.stopped]
    for end, start in zip(ends, starts, strict=True):
        gap = "".join(line.partition("#")[0] for line in text[end:start].splitlines())
        assert not gap.strip()
    try:
        parse(text)
    except ParseError:
        return
    assert found.stopped is None
