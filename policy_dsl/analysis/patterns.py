"""RE2's patterns as regular expressions of z3: the part of the syntax that has exactly one meaning in both.

Texts, classes, groups, alternatives and repetitions are read; flags, word boundaries, anchors inside a pattern, Unicode
and POSIX classes are not, and then there is no answer (None): the solver is left free about what such a pattern fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from .solver import LAST_CHARACTER, UNNAMED_FROM, text_term, z3

_TOP: Final = 0x10FFFF
_Ranges = list[tuple[int, int]]

_CLASSES: Final[dict[str, _Ranges]] = {
    "d": [(0x30, 0x39)],
    "w": [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)],
    "s": [(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)],
}
"""RE2 syntax, "Perl character classes (ASCII-only)"."""

_CONTROLS: Final = {"n": 0x0A, "t": 0x09, "r": 0x0D, "f": 0x0C, "v": 0x0B, "a": 0x07}
_PUNCTUATION: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~")
_MOST: Final = 200
"""A counted repetition above this is left to nobody: z3 writes it out."""


class _NotRead(Exception):
    """The pattern leaves the part that is read."""


def expression(pattern: str, search: bool = False) -> Any | None:
    """What `fullmatch`, or with `search` a match anywhere, accepts; None where the pattern is not read."""
    try:
        if search:
            return z3.Concat(_anything(), _Reader(pattern).whole(), _anything())
        body = pattern.removeprefix("^")
        if body.endswith("$") and not body.endswith("\\$"):
            body = body[:-1]
        if body != pattern and "|" in body:  # the anchor is of one alternative
            return None
        return _Reader(body).whole()
    except (_NotRead, RecursionError):
        return None


def glob(written: str) -> Any | None:
    """What `like` accepts: `*` for any run of characters, `?` for one."""
    parts = []
    for one in written:
        if one == "*":
            parts.append(_anything())
        elif one == "?":
            parts.append(_class([(0, _TOP)]))
        elif ord(one) >= UNNAMED_FROM:
            return None
        else:
            parts.append(z3.Re(text_term(one)))
    return _joined(parts)


def affix(kind: str, part: Any) -> Any:
    """What `starts with`, `ends with` or `contains` a constant accepts.

    z3 decides what several expressions say of one text together by their derivatives, and takes minutes where one of
    them is spelled as its own predicate instead (measured: `/srv/x/.*`, not `starts with "/srv/x/"`, and an ending).
    """
    fixed = z3.Re(part)
    match kind:
        case "starts with":
            return z3.Concat(fixed, _anything())
        case "ends with":
            return z3.Concat(_anything(), fixed)
    return z3.Concat(_anything(), fixed, _anything())


def _anything() -> Any:
    """Every text. Spelled as a range, because z3 turns an expression that ends in its own `re.all` into a predicate."""
    return z3.Star(z3.Range(text_term("\x00"), text_term(chr(LAST_CHARACTER))))


def _joined(parts: list[Any]) -> Any:
    return z3.Re(text_term("")) if not parts else parts[0] if len(parts) == 1 else z3.Concat(*parts)


def _class(ranges: _Ranges) -> Any:
    """One character of these ranges. Above LAST_CHARACTER all characters are alike, so no range may begin or end
    there."""
    parts = []
    for low, high in ranges:
        if low >= UNNAMED_FROM or UNNAMED_FROM <= high < _TOP:
            raise _NotRead
        parts.append(z3.Range(text_term(chr(low)), text_term(chr(min(high, LAST_CHARACTER)))))
    if not parts:
        raise _NotRead
    return parts[0] if len(parts) == 1 else z3.Union(*parts)


def _complement(ranges: _Ranges) -> _Ranges:
    left: _Ranges = []
    at = 0
    for low, high in sorted(ranges):
        if low > at:
            left.append((at, low - 1))
        at = max(at, high + 1)
    if at <= _TOP:
        left.append((at, _TOP))
    return left


@dataclass(slots=True)
class _Reader:
    """Recursive descent over the pattern; `at` is where the next character stands."""

    text: str
    at: int = 0

    def whole(self) -> Any:
        found = self._alternatives()
        if self.at < len(self.text):
            raise _NotRead
        return found

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self) -> str:
        one = self._peek()
        if not one:
            raise _NotRead
        self.at += 1
        return one

    def _alternatives(self) -> Any:
        found = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            found.append(self._sequence())
        return found[0] if len(found) == 1 else z3.Union(*found)

    def _sequence(self) -> Any:
        parts = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated())
        return _joined(parts)

    def _repeated(self) -> Any:
        found = self._single()
        while self._peek() in ("*", "+", "?", "{"):
            found = self._repetition(found)
        return found

    def _repetition(self, found: Any) -> Any:
        mark = self._take()
        if mark == "{":
            low, high = self._counts()
            if high is not None and high < low:
                raise _NotRead
            if high == 0:
                repeated = z3.Re(text_term(""))
            elif high is None:
                repeated = z3.Concat(z3.Loop(found, low, low), z3.Star(found)) if low else z3.Star(found)
            else:
                repeated = z3.Loop(found, low, high)
        else:
            repeated = {"*": z3.Star, "+": z3.Plus, "?": z3.Option}[mark](found)
        if self._peek() == "?":  # lazy: prefers less, accepts the same
            self.at += 1
        if self._peek() in ("*", "+"):
            raise _NotRead
        return repeated

    def _counts(self) -> tuple[int, int | None]:
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at : max(end, self.at)].partition(",")
        if end < 0 or not low.isdecimal() or not low.isascii() or (high and not (high.isdecimal() and high.isascii())):
            raise _NotRead
        self.at = end + 1
        least, most = int(low), (int(high) if high else None) if comma else int(low)
        if max(least, most or 0) > _MOST:
            raise _NotRead
        return least, most

    def _single(self) -> Any:
        one = self._take()
        if one == "(":
            if self._peek() == "?":
                self.at += 1
                if self._take() != ":":
                    raise _NotRead
            found = self._alternatives()
            if self._take() != ")":
                raise _NotRead
            return found
        if one == "[":
            return _class(self._bracket())
        if one == ".":
            return _class(_complement([(0x0A, 0x0A)]))
        if one == "\\":
            return _class(self._escape())
        if one in "^$*+?{":
            raise _NotRead
        return _class([(ord(one), ord(one))])

    def _escape(self) -> _Ranges:
        one = self._take()
        if one in _CLASSES:
            return _CLASSES[one]
        if one.lower() in _CLASSES:
            return _complement(_CLASSES[one.lower()])
        code = self._code(one)
        return [(code, code)]

    def _code(self, one: str) -> int:
        if one in _CONTROLS:
            return _CONTROLS[one]
        if one in _PUNCTUATION:
            return ord(one)
        if one == "x":
            braced = self._peek() == "{"
            end = self.text.find("}", self.at) if braced else self.at + 2
            digits = self.text[self.at + braced : end]
            if end < 0 or not digits or len(digits) > 6 or any(d not in "0123456789abcdefABCDEF" for d in digits):
                raise _NotRead
            self.at = end + braced
            return int(digits, 16)
        raise _NotRead

    def _bracket(self) -> _Ranges:
        negated = self._peek() == "^"
        self.at += negated
        ranges: _Ranges = []
        first = True
        while first or self._peek() != "]":
            first = False
            ranges += self._member()
        self.at += 1
        return _complement(ranges) if negated else ranges

    def _member(self) -> _Ranges:
        one = self._take()
        if one == "[" and self._peek() == ":":
            raise _NotRead
        if one == "\\":
            found = self._escape()
            if len(found) != 1 or found[0][0] != found[0][1]:
                return found
            low = found[0][0]
        else:
            low = ord(one)
        if self._peek() != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return [(low, low)]
        self.at += 1
        one = self._take()
        if one == "\\":
            high = self._code(self._take())
        elif one == "[":
            raise _NotRead
        else:
            high = ord(one)
        if high < low:
            raise _NotRead
        return [(low, high)]
