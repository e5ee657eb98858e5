"""What can stand at a place, in a reader's words: the kinds of token that the parser accepts, said as few things."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final


def expected(accepts: Collection[str]) -> str:
    """`a tool, "{" ... or ...`, for the kinds of token that can come next; at most MANY of them."""
    left = set(accepts)
    said: list[str] = []
    for kinds, words in EXPECTED:
        if kinds <= left:
            said.append(words)
            left -= _COVERED.get(words, kinds)
    said += sorted(f"`{word}`" for kind in left for word in spellings(kind))
    if len(said) > MANY:
        return f"{', '.join(said[:MANY])}, ..."
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}" if said else "the end of the file"


def spellings(kind: str) -> Iterable[str]:
    """The words and signs that a kind of token is written as, none where EXPECTED alone can name it."""
    if kind in _SPELLED:
        return _SPELLED[kind]
    if kind.startswith(("LATER_", "RESERVED", "$")) or kind in _NAMED:
        return ()
    return (kind.lstrip("_").lower(),)


MANY: Final = 5
STATEMENTS: Final = frozenset(
    {"_USE", "_SET", "_GROUP", "_ALLOW", "_ASK", "_FORBID", "_REQUIRE", "_FOR", "_OTHERWISE", "_TEST"}
)
_RULES: Final = frozenset({"_ALLOW", "_ASK", "_FORBID", "_REQUIRE"})
_TESTS: Final = frozenset(
    {"COMPARE", "_IN", "_MATCHES", "CONTAINS", "STARTS", "ENDS", "UNDER", "_FROM", "_IS", "_RUNS", "_NOT"}
)
_OPERANDS: Final = frozenset({"NAME", "STRING", "NUMBER", "TRUE", "FALSE", "NULL", "_LENGTH", "DOT", "LSQB", "LPAR"})
_NEGLIGIBLE: Final = frozenset({"PLUS", "MINUS", "STAR", "DOT", "LSQB", "IGNORING", "AFTER", "_AND", "_OR", "COMMA"})
_CLAUSES: Final = frozenset({"_AS", "_PRIORITY", "_WHEN", "_UNLESS", "_MESSAGE"})

EXPECTED: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (_OPERANDS | {"HAS", "EACH"}, "a condition"),
    (_OPERANDS, "a value"),
    (_TESTS, "a test such as `==`, `in` or `matches`"),
    (_TESTS - {"_NOT"}, "a test such as `==`, `in` or `matches`"),
    (frozenset({"_IN", "_MATCHES", "CONTAINS"}), "`in`, `matches`, `contains` or another test that `not` can precede"),
    (_CLAUSES, "a clause such as `when` or `message`"),
    (STATEMENTS, "the next rule or statement"),
    (_RULES, "a rule"),
    (frozenset({"PATTERN", "STRING"}), "a tool"),
    (frozenset({"NAME", "STRING", "ELLIPSIS"}), "an argument name, `...`"),
    (frozenset({"STRING", "NUMBER", "TRUE", "LSQB", "LBRACE"}), "a JSON value"),
    (frozenset({"STRING", "NUMBER", "TRUE", "NAME"}), "a value, the name of a set"),
    (frozenset({"STRING", "NUMBER", "TRUE"}), "a value"),
    (frozenset({"NAME", "LBRACE", "NUMBER", "_MAIL"}), "a set, as `{ ... }`, `low .. high`, `mail at` or a name"),
    (frozenset({"NAME", "LBRACE"}), "a set in braces, the name of a set"),
    (frozenset({"NAME", "STRING"}), "a name"),
    (frozenset({"NAME"}), "a name"),
    (frozenset({"NUMBER"}), "a number"),
    (frozenset({"STRING"}), "text in double quotes"),
    (frozenset({"PATTERN_TEXT"}), "a pattern `/.../`"),
    (frozenset({"TYPE"}), "a type such as `text`, `number` or `list`"),
    (frozenset({"EFFECT"}), "`allow`, `ask` or `forbid`"),
)
"""Kinds of token that stand for one thing together, and what a reader calls it; the first that fits is said."""

_COVERED: Final[dict[str, frozenset[str]]] = {
    "a condition": _OPERANDS | {"HAS", "MISSING", "ABSENT", "EACH", "ANY", "_NOT"},
    "a test such as `==`, `in` or `matches`": _TESTS | _NEGLIGIBLE | _CLAUSES | STATEMENTS | {"RBRACE", "RPAR"},
    "a clause such as `when` or `message`": _CLAUSES | _NEGLIGIBLE | {"LPAR"},
    "a JSON value": frozenset({"STRING", "NUMBER", "TRUE", "FALSE", "NULL", "LSQB", "LBRACE"}),
    "a value": _OPERANDS,
    "a value, the name of a set": frozenset({"STRING", "NUMBER", "TRUE", "FALSE", "NULL", "NAME"}),
    "a set, as `{ ... }`, `low .. high`, `mail at` or a name": frozenset(
        {"NAME", "LBRACE", "NUMBER", "_MAIL", "_HTTPS"}
    ),
}
_NAMED: Final = frozenset({"NAME", "STRING", "NUMBER", "PATTERN", "PATTERN_TEXT", "TYPE", "EFFECT", "COMPARE"})
_SPELLED: Final[dict[str, tuple[str, ...]]] = {
    "ON_BEHALF": ("on behalf of",),
    "ELLIPSIS": ("...",),
    "RANGE": ("..",),
    "OUTCOME": ("=>",),
    "OPTIONAL": ("?",),
    "MINUS": ("-",),
    "PLUS": ("+",),
    "STAR": ("*",),
    "SLASH": ("/",),
    "COLON": (":",),
    "COMMA": (",",),
    "DOT": (".",),
    "EQUAL": ("=",),
    "LPAR": ("(",),
    "RPAR": (")",),
    "LSQB": ("[",),
    "RSQB": ("]",),
    "LBRACE": ("{",),
    "RBRACE": ("}",),
}
