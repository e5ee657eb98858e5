"""Text compared as people read it, and whether a person said a thing.

`nfkc` guards the standard normaliser, whose time grows with the square of a run of combining marks (40,000 of them:
over a second in CPython 3.11), by the Stream-Safe Text Process of UAX #15 section 13.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Final

MAX_MARKS: Final = 30
"""Combining marks in a row before UAX #15 section 13 puts a grapheme joiner between them."""

_GRAPHEME_JOINER: Final = "\u034f"


def nfkc(text: str) -> str:
    """Normalisation form KC of `text` in linear time; runs of over 30 combining marks are broken by U+034F."""
    if text.isascii():
        return text
    if len(text) > MAX_MARKS:
        text = "".join(_stream_safe(text))
    return unicodedata.normalize("NFKC", text)


def _stream_safe(text: str) -> Iterator[str]:
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks > MAX_MARKS:
            yield _GRAPHEME_JOINER
            marks = 1
        yield char


def fold(text: str, ignore_case: bool, after_nfkc: bool) -> str:
    """The text that stands for `text` in a comparison `ignoring case` (Unicode's full case folding) or `after nfkc`.

    With both, NFKC is applied again after folding, because folding can undo it (Unicode 16, section 3.13, D146).
    """
    folded = nfkc(text) if after_nfkc else text
    if ignore_case:
        folded = folded.casefold()
        if after_nfkc:
            folded = nfkc(folded)
    return folded


# --- from user ------------------------------------------------------------------------------------------------------

MIN_SAID: Final = 4
"""Characters of a normalised text below which finding it in somebody's words proves nothing (design, Trust)."""

MAX_SAID: Final = 4_096
"""Characters above which a text is not looked for: it bounds the search for words that repeat its beginning."""

_JOINING: Final = frozenset("@/\\")
_CONNECTING: Final = _JOINING | frozenset(".-+'!#$&*=?^`{|}~%")
_LIST_MARKS: Final = frozenset(",:")

_NUMBER: Final = re.compile(
    r"""(?:^|(?<=[\s(\["'=\#]))          # a token begins here
    ([-+]?)[$€£¥]?                      # a sign, a currency
    ([0-9]{1,3}(?:,[0-9]{3})++(?:\.[0-9]++)?|[0-9]++(?:\.[0-9]++)?)
    (?=[.,:;?!)\]"'$€£¥]*+(?:\s|\Z))    # and ends here, punctuation apart
    (?!\s?%)""",
    re.VERBOSE,
)


def said_by_user(value: str | int | Decimal, words: Iterable[str]) -> bool:
    """Whether the whole of `value` stands in one of the user's messages, as a thing of its own.

    Text: both sides go through NFKC, case folding and single spaces. The value must keep 4 to 4,096 characters, one
    of them a letter or digit, and have no control or invisible character. It stands alone where what touches it on
    either side does not continue it: no letter, digit, `_`, `@` or slash, and no run of the characters that
    addresses, hosts and paths are made of (`.`, `-`, `+`, `=` and the like) with a letter or digit behind it; `'s`
    after a name is fine. So `evil.example` is not said by `notevil.example`, `evil.example.net` or `a@evil.example`;
    it is by `Ask evil.example.`

    Numbers: a number in the words is equal, however written (`98.70`, `$1,200`, `1200.00`; the comma parts thousands,
    the point decimals). It is a whole token: no part of a date, a version, a range, a percentage or a word.
    """
    if isinstance(value, str):
        wanted = sought(value)
        return wanted is not None and any(_stands_alone(wanted, _normalised(message)) for message in words)
    return any(value == number for message in words for number in numbers(_normalised(message)))


def sought(value: str) -> str | None:
    """`value` as it is looked for in normalised words; None where finding it would prove nothing."""
    if len(value) > MAX_SAID or _has_hidden(value):
        return None
    wanted = normalised(value)
    return wanted if len(wanted) >= MIN_SAID and any(map(str.isalnum, wanted)) else None


@lru_cache(maxsize=64)
def _normalised(text: str) -> str:
    """Cached: each call of a session asks the same words."""
    return normalised(text)


def normalised(text: str) -> str:
    """Folded, without invisible characters, words one space apart."""
    folded = fold(text, ignore_case=True, after_nfkc=True)
    if not folded.isascii():
        folded = "".join(char for char in folded if unicodedata.category(char) not in ("Cf", "Cs"))
    return " ".join(folded.split())


def _has_hidden(text: str) -> bool:
    if text.isascii() and text.isprintable():
        return False
    return any(unicodedata.category(char) in ("Cc", "Cf", "Cs") and char not in "\t\n\r" for char in text)


def _stands_alone(wanted: str, words: str) -> bool:
    start = words.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if is_alone(words, start, end):
            return True
        # Nothing that begins inside a word stands alone; stepping over the word keeps the search linear.
        further = _WORD_END.search(words, start + 1) if _is_word(wanted[0]) else None
        start = words.find(wanted, further.start() if further else start + 1)
    return False


def is_alone(words: str, start: int, end: int) -> bool:
    """Whether nothing that touches `words[start:end]` continues it."""
    if _continues(words, start - 1, -1, words[start]):
        return False
    return not _continues(words, end + 2 if words.startswith("'s", end) else end, 1, words[end - 1])


_WORD_END: Final = re.compile(r"\W|\Z")


def _continues(words: str, position: int, step: int, edge: str) -> bool:
    """Whether what stands at `position`, going by `step`, is more of the thing whose last character is `edge`."""
    first = position
    while 0 <= position < len(words) and words[position] in _CONNECTING:
        if words[position] in _JOINING:
            return True
        position += step
    if not 0 <= position < len(words):
        return False
    if position == first and words[position] in _LIST_MARKS:
        beyond = words[position + step : position + step + 1] if position + step >= 0 else ""
        return edge.isdigit() and beyond.isdigit()
    return _is_word(words[position])


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_" or unicodedata.category(char).startswith("M")


def numbers(words: str) -> Iterator[Decimal]:
    """The numbers that stand in normalised words as whole tokens."""
    for sign, digits in _NUMBER.findall(words):
        if len(digits) <= MAX_SAID:
            yield Decimal(sign + digits.replace(",", ""))
