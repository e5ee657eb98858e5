"""Patterns in time linear in the value: RE2, and plain text operations where they say exactly the same.

`fullmatch` asks for the whole value, `search` for a match anywhere inside, `spans` for all that a redaction replaces.

The syntax and meaning are RE2's, always (`.` matches all but a line feed, `\\d` is ASCII, no look-around, no
back-references). Patterns that are a text, a beginning, an ending or a choice of texts are recognised and matched
without RE2, fifty times as fast; `Pattern.kind` and `Pattern.literals` let the compiler index them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal

import re2

Kind = Literal["literal", "prefix", "suffix", "alternation", "re2"]

MAX_MEMORY: Final = 8 << 20
"""Bytes RE2 may use for one pattern, its own default; what does not fit is refused when the pattern is compiled."""

MAX_PROGRAM: Final = 100_000
"""Instructions of one compiled pattern: `(\\p{L}{2,20}-){3}` has 71,821. RE2 falls back from its automaton, at most, to
instructions times bytes of the value; measured: 12 us a byte for `[ab]*a[ab]{1000}`."""


MAX_SPANS: Final = 1_000
"""Matches that one text may hold: to find the next one RE2 may read to the end again (`a.*b|a`), so all are linear only
where their number is bounded. 1,000 matches in 64 KiB take 0.1 s at worst."""


class PatternError(ValueError):
    """A pattern that cannot be used: `position` in its text (characters), `message`, and `help` or None."""

    def __init__(self, position: int, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.position = position
        self.message = message
        self.help = help


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; `fullmatch(value)` is total, and false for text that no UTF-8 can carry.

    `search(value)` passes over what no UTF-8 can carry: a lone surrogate must not hide what stands beside it.
    `spans(value)` are the places [start, end) of the matches that are not empty, leftmost first and apart from each
    other; None where there are more than MAX_SPANS.

    `literals` holds what the other kinds than re2 are made of. literal, alternation: the value is one of them. prefix,
    suffix: the value starts or ends with the one, no line feed stands in it, and it has no lone surrogate.
    """

    text: str
    kind: Kind
    literals: tuple[str, ...]
    fullmatch: Callable[[str], bool] = field(compare=False, repr=False)
    search: Callable[[str], bool] = field(compare=False, repr=False)
    spans: Callable[[str], list[tuple[int, int]] | None] = field(compare=False, repr=False)


def compile(text: str) -> Pattern:
    """The pattern that `text` spells, or PatternError."""
    compiled = _re2(text)
    kind, literals = _recognise(text)
    return Pattern(
        text, kind, literals, _matcher(kind, literals, compiled), _searcher(text, compiled), _finder(compiled)
    )


# --- RE2 ------------------------------------------------------------------------------------------------------------

_OPTIONS: Final = re2.Options()
_OPTIONS.max_mem = MAX_MEMORY
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True

_SAID: Final = {
    "missing )": ("a `(` is not closed", None),
    "unexpected )": ("a `)` closes nothing", "write `\\)` for the character itself"),
    "missing ]": ("a `[` is not closed", "write `\\[` for the character itself"),
    "trailing \\": ("the pattern ends in a backslash", "write `\\\\` for the character itself"),
    "no argument for repetition operator": ("nothing to repeat", "write a backslash before the character itself"),
    "bad repetition operator": ("a repetition is repeated", None),
    "invalid repetition size": ("a repetition over 1,000 times", None),
    "invalid character class range": ("a range of characters runs backwards or has no end", None),
    "invalid escape sequence": ("an escape that has no meaning here", "back-references and `\\Z` are not available"),
    "invalid perl operator": ("a group of a kind that is not available", "look-around has no linear time"),
    "invalid named capture group": ("a group with a bad name", None),
    "pattern too large - compile failed": ("the pattern is too large", "list the values as a set instead"),
    "expression nests too deeply": ("the pattern nests too deeply", None),
}


def _re2(text: str) -> re2._Regexp:
    try:
        source = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PatternError(error.start, "half of a surrogate pair") from None
    if one_byte := _ONE_BYTE.match(text):
        raise PatternError(one_byte.end() - 2, "`\\C` matches half a character", "write `.` or `(?s:.)`")
    try:
        compiled = re2.compile(source, _OPTIONS)
    except re2.error as error:
        raise _explained(text, error.args[0].decode("utf-8", "replace")) from None
    if compiled.programsize > MAX_PROGRAM:
        raise PatternError(0, "the pattern is too large", "use smaller repetitions, or list the values as a set")
    return compiled


_ONE_BYTE: Final = re.compile(r"(?:[^\\]|\\[^C])*\\C", re.DOTALL)


def _explained(text: str, said: str) -> PatternError:
    what, _, where = said.partition(": ")
    message, help = _SAID.get(what, ("the pattern cannot be read", None))
    position = len(text) - 1 if what == "trailing \\" else max(text.find(where), 0)
    return PatternError(position, message, help)


# --- plain text -----------------------------------------------------------------------------------------------------

_PLAIN: Final = r"(?:[^\\.+*?()\[\]{}|^$\n]|\\[" + re.escape(string.punctuation.replace("_", "")) + "])"
_SHAPES: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("literal", re.compile(rf"\^?({_PLAIN}*)\$?")),
    ("prefix", re.compile(rf"\^?({_PLAIN}*)\.\*\$?")),
    ("suffix", re.compile(rf"\^?\.\*({_PLAIN}*)\$?")),
    ("alternation", re.compile(rf"({_PLAIN}*(?:\|{_PLAIN}*)+)")),
    ("alternation", re.compile(rf"\((?:\?:)?({_PLAIN}*(?:\|{_PLAIN}*)+)\)")),
)
_ESCAPED: Final = re.compile(r"\\(.)")
_BAR: Final = re.compile(r"(?:[^\\|]|\\.)*")


def _recognise(text: str) -> tuple[Kind, tuple[str, ...]]:
    for kind, shape in _SHAPES:
        if found := shape.fullmatch(text):
            body = found.group(1)
            parts = _split(body) if kind == "alternation" else [body]
            return kind, tuple(_ESCAPED.sub(r"\1", part) for part in parts)
    return "re2", ()


def _split(body: str) -> list[str]:
    parts = []
    position = 0
    while position <= len(body):
        part = _BAR.match(body, position)
        assert part is not None  # it matches the empty text
        parts.append(part.group())
        position = part.end() + 1
    return parts


def _matcher(kind: Kind, literals: tuple[str, ...], compiled: re2._Regexp) -> Callable[[str], bool]:
    if kind in ("literal", "alternation"):
        return frozenset(literals).__contains__

    def by_re2(value: str) -> bool:
        try:
            return compiled.fullmatch(value.encode("utf-8")) is not None
        except UnicodeEncodeError:
            return False

    if kind == "re2":
        return by_re2
    affix = literals[0]
    begins = kind == "prefix"

    def by_affix(value: str) -> bool:
        fits = value.startswith(affix) if begins else value.endswith(affix)
        return fits and "\n" not in value and (value.isascii() or _is_encodable(value))

    return by_affix


def _searcher(text: str, compiled: re2._Regexp) -> Callable[[str], bool]:
    if _TEXT.fullmatch(text):
        part = _ESCAPED.sub(r"\1", text)
        return lambda value: part in value
    return lambda value: compiled.search(_bytes(value)) is not None


_TEXT: Final = re.compile(rf"{_PLAIN}*")


def _finder(compiled: re2._Regexp) -> Callable[[str], list[tuple[int, int]] | None]:
    def spans(value: str) -> list[tuple[int, int]] | None:
        data = _bytes(value)
        found = [match.span() for match in islice(compiled.finditer(data), MAX_SPANS + 1)]
        if len(found) > MAX_SPANS:
            return None
        found = [(start, end) for start, end in found if start < end]
        return found if len(data) == len(value) else _in_characters(data, found)

    return spans


def _in_characters(data: bytes, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Places in bytes as places in characters, counted in one pass."""
    places: list[int] = []
    seen = counted = 0
    for place in (place for span in spans for place in span):
        counted += len(data[seen:place].decode("utf-8", "surrogatepass"))
        seen = place
        places.append(counted)
    return list(zip(places[::2], places[1::2], strict=True))


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _is_encodable(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
