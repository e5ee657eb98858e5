"""Patterns of Python's `re` in the words of RE2, so that they hold for exactly the texts for which they held there.

The two differ in a few places. `$` stands before a last line feed too, `\\d`, `\\w` and `\\s` take every script,
`\\Z` is called `\\z`, `{,3}` is a repetition. Each is written out; what has no counterpart (look-around,
back-references, possessive repetition, `\\b` in text that is not ASCII) is refused. What means the same stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ..values import pattern as patterns


class NoCounterpart(Exception):
    """A part of a pattern that RE2 cannot say; the message says why."""


def search(pattern: str) -> str:
    """The RE2 pattern that is found in a text exactly where `re.search(pattern, text)` finds something."""
    return _checked(_Reader(pattern).text())


def prefix(pattern: str) -> str:
    """The RE2 pattern that holds for a whole text exactly where `re.match(pattern, text)` finds something."""
    return _checked(f"(?:{_Reader(pattern).text()})(?s:.*)")


def whole(pattern: str) -> str:
    """The RE2 pattern that holds for a whole text, read as its author most likely meant it: `$` is the very end, and
    classes are ASCII. For tightening only."""
    return _checked(_Reader(pattern, strict=True).text())


def _checked(text: str) -> str:
    try:
        patterns.compile(text)
    except patterns.PatternError as error:
        raise NoCounterpart(error.message) from error
    return text


_TOKEN: Final = re.compile(
    r"\\(?:[0-7]{3}|0[0-7]?|[1-9][0-9]?|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|N\{[^}]*\}|.)"
    r"|\(\?(?:P<\w+>|P=\w+\)|#[^)]*\)|<[=!]|[=!>(]|[aiLmsux]*(?:-[imsx]+)?[:)])"
    r"|\{[0-9]*,?[0-9]*\}|.",
    re.DOTALL,
)
_REPEATS: Final = frozenset("*+?")
_CLASSES: Final = {
    "d": r"\p{Nd}",
    "w": r"\p{L}\p{N}_",
    "s": r"\s\x0b\x1c-\x1f\x85\p{Z}",
}
"""What `\\d`, `\\w`, `\\s` hold where the pattern is text, inside a class (Python: str.isdecimal, isalnum, isspace)."""

_REFUSED: Final = {
    "(?=": "look-around has no linear time",
    "(?!": "look-around has no linear time",
    "(?<=": "look-around has no linear time",
    "(?<!": "look-around has no linear time",
    "(?>": "atomic groups are not available",
    "(?(": "conditional groups are not available",
}


@dataclass(slots=True)
class _Group:
    """An open parenthesis, or the pattern itself. `ended`: the branch being read ended in `$`; `any_ended`: one before
    did."""

    ignoring: bool
    ended: bool = False
    any_ended: bool = False


class _Reader:
    def __init__(self, pattern: str, *, strict: bool = False) -> None:
        try:
            flags = re.compile(pattern).flags
        except (re.error, OverflowError, RecursionError) as error:
            raise NoCounterpart(f"it is no pattern in Python either: {error}") from error
        self.pattern = pattern
        self.strict = strict
        self.ascii = bool(flags & re.ASCII) or strict
        self.multiline = bool(flags & re.MULTILINE)
        self.groups = [_Group(bool(flags & re.IGNORECASE))]

    def text(self) -> str:
        parts: list[str] = []
        at = 0
        repeated = False
        while at < len(self.pattern):
            if self.pattern[at] == "[":
                end = _end_of_class(self.pattern, at)
                self._atom()
                parts.append(self._class(self.pattern[at + 1 : end]))
                at, repeated = end + 1, False
                continue
            found = _TOKEN.match(self.pattern, at)
            assert found is not None  # the last alternative takes any character
            piece = found.group()
            at = found.end()
            if repeated and piece in "+?":
                if piece == "+":
                    raise NoCounterpart("possessive repetition is not available")
                parts.append(piece)  # lazy: which match is found first plays no part
                continue
            repeated = piece in _REPEATS or _COUNT.fullmatch(piece) is not None
            parts.append(self._repeat(piece) if repeated else self._token(piece))
        return "".join(parts)

    def _atom(self) -> None:
        if self.groups[-1].ended:
            raise NoCounterpart("something stands after `$`")

    def _token(self, piece: str) -> str:
        if piece[0] == "\\":
            return self._escape(piece)
        if piece[0] == "(":
            return self._open(piece)
        if piece == ")":
            closed = self.groups.pop()
            self.groups[-1].ended |= closed.ended or closed.any_ended
            return piece
        if piece == "|":
            self.groups[-1].any_ended |= self.groups[-1].ended
            self.groups[-1].ended = False
            return piece
        if piece == "$":
            return self._end()
        self._atom()
        if piece == "^":
            return piece
        return (self._dotted(piece) if piece.isalpha() else None) or re.sub(r"[{}]", r"\\\g<0>", piece)

    def _end(self) -> str:
        if self.multiline:
            return "$"
        self.groups[-1].ended = True
        return "$" if self.strict else r"\n?$"

    def _repeat(self, piece: str) -> str:
        if self.groups[-1].ended and piece != "?":
            raise NoCounterpart("`$` is repeated")
        return piece.replace("{,", "{0,")

    def _open(self, piece: str) -> str:
        if piece in _REFUSED:
            raise NoCounterpart(_REFUSED[piece])
        ignoring = self.groups[-1].ignoring
        if piece.startswith("(?P="):
            raise NoCounterpart("back-references have no linear time")
        if piece.startswith("(?#"):
            return ""
        if piece.startswith("(?") and not piece.startswith("(?P<"):
            return self._flags(piece)
        self._atom()
        self.groups.append(_Group(ignoring))
        return piece

    def _flags(self, piece: str) -> str:
        flags, closing = piece[2:-1], piece[-1]
        if "x" in flags:
            raise NoCounterpart("a pattern with the flag `x` is not read")
        if closing == ":" and re.search(r"[aumL]", flags):
            raise NoCounterpart(f"the flags of `{piece}` change in the middle")
        kept = re.sub(r"[auL]", "", flags)
        if closing == ":":
            added, _, removed = kept.partition("-")
            self._atom()
            self.groups.append(_Group("i" in added or (self.groups[-1].ignoring and "i" not in removed)))
            return f"(?{kept}:"
        return f"(?{kept})" if kept else ""

    def _escape(self, piece: str) -> str:
        letter = piece[1]
        self._atom()
        if letter in "dws":
            return piece if self.ascii and letter != "s" else f"[{self._members(letter)}]"
        if letter in "DWS":
            return piece if self.ascii and letter != "S" else f"[^{self._members(letter.lower())}]"
        if letter in "bB":
            if self.ascii:
                return piece
            raise NoCounterpart(f"`{piece}` counts letters of every script there, and ASCII letters here")
        if letter == "Z":
            self.groups[-1].ended = True
            return r"\z"
        if letter == "A":
            return piece
        said = _character(piece, in_class=False)
        return self._dotted(piece) or said

    def _dotted(self, piece: str) -> str | None:
        """The class for a character that Python takes for an `i` where case is ignored; None for any other."""
        if self.groups[-1].ignoring and not self.ascii and piece != "." and re.match(piece, "\u0130", re.IGNORECASE):
            return f"[i{_DOTTED}]"
        return None

    def _members(self, letter: str) -> str:
        if self.ascii:
            return {"d": r"\d", "w": r"\w", "s": r"\s\x0b"}[letter]
        return _CLASSES[letter]

    def _class(self, inside: str) -> str:
        if "[:" in inside:
            raise NoCounterpart("`[:` inside a class names a class here")
        parts: list[str] = []
        for piece in _TOKEN.finditer(inside):
            text = piece.group()
            if text[0] != "\\":
                parts.append(text.replace("[", r"\["))
            elif text[1] in "dws":
                parts.append(self._members(text[1]))
            elif text[1] in "DWS":
                if not self.ascii or text[1] == "S":
                    raise NoCounterpart(f"`{text}` inside a class")
                parts.append(text)
            else:
                parts.append(_character(text, in_class=True))
        if (
            self.groups[-1].ignoring
            and not self.ascii
            and re.match(f"[{inside.removeprefix('^')}]", "\u0130", re.IGNORECASE)
        ):
            parts.append(_DOTTED)
        return f"[{''.join(parts)}]"


_COUNT: Final = re.compile(r"\{(?:[0-9]+(?:,[0-9]*)?|,[0-9]*)\}")

_DOTTED: Final = r"\x{130}\x{131}"
"""What Python takes for an `i` where case is ignored, and RE2 does not; no other letter differs."""


def _end_of_class(pattern: str, start: int) -> int:
    at = start + 1
    if pattern[at : at + 1] == "^":
        at += 1
    if pattern[at : at + 1] == "]":
        at += 1
    while pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at


_CONTROL: Final = {"a": r"\x07", "b": r"\x08"}


def _character(piece: str, *, in_class: bool) -> str:
    """An escape that stands for one character."""
    body = piece[1:]
    if body[0] in "xuU" and len(body) > 1:
        return rf"\x{{{int(body[1:], 16):x}}}"
    if body[0] == "N":
        raise NoCounterpart(f"`{piece}` names a character: write the character itself")
    if body[0] == "0" or (len(body) == 3 and body.isdigit()) or (in_class and body.isdigit()):
        return rf"\x{{{int(body, 8):x}}}"
    if body[0].isdigit():
        raise NoCounterpart("back-references have no linear time")
    if body in _CONTROL:
        return _CONTROL[body]
    if body.isalnum() or body.isascii():
        return piece if not body.isspace() else rf"\x{{{ord(body):x}}}"
    return body
