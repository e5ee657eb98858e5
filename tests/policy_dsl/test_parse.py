"""The parser's loop: any text is a policy or a ParseError, comments are kept, nothing invisible gets in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import ParseError, PolicyFile, Rule, parse
from policy_dsl.parse import MAX_LENGTH

STATEMENTS = {
    "use",
    "import",
    "layer",
    "levels",
    "set",
    "group",
    "define",
    "intent",
    "trust",
    "label",
    "redact",
    "shadow",
    "allow",
    "ask",
    "forbid",
    "require",
    "limit",
    "counter",
    "clearance",
    "rewrite",
    "hide",
    "for",
    "otherwise",
    "test",
}
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.lw"))


def _refusal(text: str) -> ParseError | None:
    """The error that a text is refused with, None where it is a policy; anything else is a failure of the test."""
    try:
        assert isinstance(parse(text), PolicyFile)
    except ParseError as error:
        return error
    return None


@settings(print_blob=True, deadline=None, max_examples=300)
@given(st.text(max_size=60))
def test_any_text_is_refused_in_order(text: str) -> None:
    for whole in (
        text,
        "language 1\n" + text,
        f'language 1\nallow f(a) when a == "{text}"',
        f"language 1\nforbid {text}",
    ):
        refusal = _refusal(whole)
        assert refusal is None or refusal.render()


@settings(print_blob=True, deadline=None, max_examples=200)
@given(st.sampled_from(CORPUS), st.data())
def test_a_damaged_policy_is_refused_in_order(path: Path, data: st.DataObject) -> None:
    """Cut out, put in or turn round: what real slips of the hand do."""
    text = path.read_bytes().decode()
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 12)))
    damaged = (
        text[:start] + data.draw(st.sampled_from(["", " ", '"', "(", "}", "#", "/", "\\", "when", "\x00"])) + text[end:]
    )
    refusal = _refusal(damaged)
    assert refusal is None or refusal.render()


def test_spans_are_places_in_the_text(policy_text: str) -> None:
    file = parse(policy_text)
    lines = policy_text.split("\n")
    for statement in file.statements:
        span = statement.span
        assert sum(len(line) + 1 for line in lines[: span.line - 1]) + span.column - 1 == span.start
        word = policy_text[span.start :].split(maxsplit=1)[0]
        assert word.rstrip('"*{') in STATEMENTS
    for comment in file.comments:
        assert policy_text[comment.span.start : comment.span.end] == comment.text


def test_comments_know_their_line() -> None:
    file = parse('# one\nlanguage 1 # two\nforbid f # three\n   # four "x\nforbid "a # b" message "#"\n')
    assert [(c.text, c.own_line, c.span.line, c.span.column) for c in file.comments] == [
        ("# one", True, 1, 1),
        ("# two", False, 2, 12),
        ("# three", False, 3, 10),
        ('# four "x', True, 4, 4),
    ]


def test_layout_means_nothing() -> None:
    flat = 'language 1 allow f(a,b?)as x when a==1 and b in{"p","q"}'
    tall = flat.replace(" ", "\n\t").replace(",", " ,\r\n")
    assert parse(flat) == parse(tall)


@pytest.mark.parametrize(
    "character", ["\x00", "\x1b", "\x7f", "\u0085", "\u00ad", "\u200b", "\u202e", "\u2066", "\ufeff", "\U000e0041"]
)
def test_no_character_hides(character: str) -> None:
    """CVE-2021-42574: a policy must read as it decides, in comments too."""
    for text in (f"language 1 # {character}", f'language 1 forbid "{character}"', f"{character}language 1"):
        with pytest.raises(ParseError) as caught:
            parse(text)
        assert caught.value.code == "invisible-character"
        assert text[caught.value.span.start] == character
        assert character not in caught.value.render()


def test_the_mark_of_an_editor_is_named() -> None:
    said = {at: _refusal(text) for at, text in (("first", "\ufefflanguage 1"), ("later", "language 1 # \ufeff"))}
    assert said["first"] is not None
    assert said["later"] is not None
    assert said["first"].help == "an editor put a byte order mark there: save the file as UTF-8 without one"
    assert said["later"].help != said["first"].help


def test_too_long_is_refused_unread() -> None:
    with pytest.raises(ParseError) as caught:
        parse("#" * (MAX_LENGTH + 1))
    assert caught.value.code == "too-long"


def test_threads_share_the_parser() -> None:
    texts = [f"language 1 # {n}\nforbid f priority {n}" for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(parse, texts))
    for n, file in enumerate(files):
        (rule,) = file.statements
        assert isinstance(rule, Rule)
        assert (rule.priority, file.comments[0].text) == (n, f"# {n}")
