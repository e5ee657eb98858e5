"""Whether a value comes from a tool's answer, as far as the texts alone can tell.

A proxy that sees messages and not the agent's memory can only compare: what is said here is said of texts, and a value
that was translated, shortened or encoded on the way is not found. So `stands_in` may be used to grant, because it
needs the whole value and never a piece of it; `holds` may only tighten.

The functions take all answers at once and are slow; state/answers.py keeps an index that answers the same
(tests/state).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from .. import strict_json
from . import text
from .number import is_number

MIN_HELD: Final = 8
"""Characters of a normalised part of an answer below which its standing in a value proves nothing."""

WORDS_HELD: Final = 16
"""Words from the beginning of a part of an answer that, all in a row in a value, count as the part."""

WORD: Final = re.compile(r"\w+")

Part = str | int | Decimal


def parts(result: Any) -> Iterator[Part]:
    """What an answer is made of: its text, and the scalars and member names of its JSON, if it is any.

    Of a JSON value, texts and numbers count, `true`, `false` and null do not. A text that is itself JSON (every answer
    over an LLM API is a text) is looked at both ways.
    """
    if type(result) is str:
        yield result
        if result.lstrip()[:1] in ("{", "[", '"'):
            try:
                tree = strict_json.parse(result, numbers="kept")
            except strict_json.StrictJsonError:
                return
            yield from _leaves(tree)
    else:
        yield from _leaves(result)


def _leaves(tree: Any) -> Iterator[Part]:
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if type(value) is dict:
            yield from value
            waiting.extend(value.values())
        elif type(value) is list:
            waiting.extend(value)
        elif type(value) is str or is_number(value):
            yield value


def spelled(part: Part) -> str:
    """A part as the text that is looked in: numbers as the answer wrote them."""
    return part if isinstance(part, str) else f"{part:f}" if _is_short(part) else str(part)


def _is_short(number: int | Decimal) -> bool:
    return isinstance(number, int) or -400 <= number.adjusted() <= 400


def stands_in(value: Part, answer: Iterable[Part]) -> bool:
    """Whether the whole of `value` stands in a part of the answer, as `text.said_by_user` has it for what users say."""
    return text.said_by_user(value, map(spelled, answer))


def holds(value: Part, answer: Iterable[Part]) -> bool:
    """Whether the words of a whole part of the answer, of 8 characters or more, stand in `value` one after another,
    whatever is between them. Of a part of over 16 words the first 16 are enough."""
    inside = words(text.normalised(spelled(value)))
    beginnings = (beginning(text.normalised(spelled(part))) for part in answer)
    return any(
        inside[start : start + len(wanted)] == wanted
        for wanted in beginnings
        for start in range(len(inside) if wanted else 0)
    )


def beginning(normalised: str) -> list[str]:
    """The words that a value has to hold to come from this part; none where that would prove nothing."""
    return words(normalised)[:WORDS_HELD] if len(normalised) >= MIN_HELD else []


def words(normalised: str) -> list[str]:
    """Runs of letters, digits and `_`."""
    return WORD.findall(normalised)
