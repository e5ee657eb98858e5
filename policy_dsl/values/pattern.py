"""Whole-value matching in time linear in the value: RE2, and plain text operations where they say exactly the same.

The syntax and meaning are RE2's, always (`.` matches all but a line feed, `\\d` is ASCII, no look-around, no
back-references). Patterns that are a text, a beginning, an ending or a choice of texts are recognised and matched
without RE2, fifty times as fast; `Pattern.kind` and `Pattern.literals` let the compiler index them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import re2

Kind = Literal["literal", "prefix", "suffix", "alternation", "re2"]

MAX_MEMORY: Final = 8 << 20
"""Bytes RE2 may use for one pattern, its own default; what does not fit is refused when the pattern is compiled."""

MAX_PROGRAM: Final = 100_000
"""Instructions of one compiled pattern: `(\\p{L}{2,20}-){3}` has 71,821. RE2 falls back from its automaton, at most, to
instructions times bytes of the value; measured: 12 us a byte for `[ab]*a[ab]{1000}`."""


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

    `literals` holds what the other kinds than re2 are made of. literal, alternation: the value is one of them. prefix,
    suffix: the value starts or ends with the one, no line feed stands in it, and it has no lone surrogate.
    """

    text: str
    kind: Kind
    literals: tuple[str, ...]
    fullmatch: Callable[[str], bool] = field(compare=False, repr=False)


def compile(text: str) -> Pattern:
    """The pattern that `text` spells, or PatternError."""
    compiled = _re2(text)
    kind, literals = _recognise(text)
    return Pattern(text, kind, literals, _matcher(kind, literals, compiled))


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


def _is_encodable(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
