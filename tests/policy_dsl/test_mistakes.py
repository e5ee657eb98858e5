"""What the writer of a broken policy is told: message, help and the exact underline, from errors/*.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import ParseError, parse
from policy_dsl.mistakes import SLIPS

HERE = Path(__file__).parent


def _cases() -> Iterator[Any]:
    for path in sorted((HERE / "errors").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield pytest.param(case, id=f"{path.stem}: {case['note']}")


@pytest.mark.parametrize("case", list(_cases()))
def test_the_writer_is_told(case: dict[str, str]) -> None:
    with pytest.raises(ParseError) as caught:
        parse(case["text"], "policy.lw")
    error = caught.value
    told = {
        "message": error.message,
        "code": error.code,
        "underlined": error.source[error.span.start : error.span.end],
        "at": f"{error.span.line}:{error.span.column}",
        "help": error.help,
    }
    assert told == {key: case.get(key) for key in told}
    assert error.render().startswith(f"policy.lw:{case['at']}: {case['message']}\n")


def test_messages_keep_to_the_style(cases: list[dict[str, str]]) -> None:
    for case in cases:
        for text in filter(None, (case["message"], case.get("help"))):
            assert not text.endswith(".") or text.endswith("...")
            assert text[0] in "`'" or text[0].islower() or text.startswith("JSON")
            assert "\n" not in text
            assert not any(word in text for word in ("NoneType", "token", "LBRACE", "_WHEN", "terminal", "unexpected"))


@pytest.fixture
def cases() -> list[dict[str, str]]:
    return [case.values[0] for case in _cases()]


def test_every_slip_is_in_the_corpus(cases: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip that no case reaches is dead or untested."""
    spoken = set()

    def watched(slip: Any) -> Any:
        def ask(stumble: Any) -> Any:
            said = slip(stumble)
            if said is not None:
                spoken.add(slip.__name__)
            return said

        return ask

    monkeypatch.setattr("policy_dsl.mistakes.SLIPS", tuple(watched(slip) for slip in SLIPS))
    for case in cases:
        with pytest.raises(ParseError):
            parse(case["text"])
    assert spoken == {slip.__name__ for slip in SLIPS}


VOCABULARY = """
    allow ask forbid require approval for set group use tools otherwise test language 1 when unless message as priority
    and or not in is has missing absent each any of length under runs one none matches /x/ "x" 'x' ( ) { } [ ] ,
    . .. ...
    = == != < <= > >= + - * ? : =>
    a b f 5 0.5 -1 mail at https true null from user agent role tenant on behalf call by
    shadow limit counter hide rewrite clearance label trust redact define import layer levels intent results secret
    released succeeded per session each day within 7 days ever since until before just call.x result if then else
    sum count like multiple claim time between 22:00 06:00 given set remove prompt uses valid end owner "UTC"
    counter time ignoring case after nfkc starts ends with contains text && || ! ; @ é #
"""
WORDS = st.sampled_from(VOCABULARY.split())


@settings(print_blob=True, deadline=None, max_examples=400)
@given(st.lists(WORDS, max_size=16))
def test_any_words_are_a_policy_or_an_error_with_a_place(words: list[str]) -> None:
    text = "language 1\n" + " ".join(words)
    error = _refusal(text)
    if error is not None:
        assert 0 <= error.span.start <= error.span.end <= len(text)
        lines = text.split("\n")
        assert 1 <= error.span.line <= len(lines)
        assert sum(len(line) + 1 for line in lines[: error.span.line - 1]) + error.span.column - 1 == error.span.start
        assert error.render()


def _refusal(text: str) -> ParseError | None:
    try:
        parse(text)
    except ParseError as error:
        return error
    return None
