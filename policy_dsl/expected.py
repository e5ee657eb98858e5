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
    if kind in _WORDS:
        return _WORDS[kind]
    if kind.startswith(("LATER_", "RESERVED", "$")) or kind in _NAMED:
        return ()
    return (kind.lstrip("_").lower(),)


MANY: Final = 5
SCOPED: Final = frozenset(
    {"SHADOW", "_ALLOW", "_ASK", "_FORBID", "_REQUIRE", "_LIMIT", "_COUNTER", "_CLEARANCE", "_REWRITE", "_HIDE"}
    | {"_LEARNABLE", "LEARNED"}
)
"""What begins a rule, or another sentence that may stand in a `for` block."""

STATEMENTS: Final = SCOPED | frozenset(
    {"_USE", "_IMPORT", "_LAYER", "_LEVELS", "_SET", "_GROUP", "_DEFINE", "_INTENT", "_TRUST", "_LABEL", "_REDACT"}
    | {"_FOR", "_OTHERWISE", "_TEST"}
)
"""What begins a statement."""

_RULES: Final = SCOPED - {"SHADOW", "_COUNTER", "_CLEARANCE", "_HIDE", "_LEARNABLE", "LEARNED"}
_EFFECTS: Final = frozenset({"_ALLOW", "_ASK", "_FORBID", "_REQUIRE"})
_TESTS: Final = frozenset(
    {"COMPARE", "_IN", "_MATCHES", "CONTAINS", "_LIKE", "STARTS", "ENDS", "UNDER", "_FROM", "_DERIVED", "_IS", "_RUNS"}
    | {"_NOT"}
)
_LITERALS: Final = frozenset({"STRING", "NUMBER", "TRUE", "FALSE", "NULL"})
_OPERANDS: Final = _LITERALS | frozenset(
    {"NAME", "_LENGTH", "_NUMBER_OF", "_COUNTER", "_CLAIM", "_PRINCIPAL", "DOT", "LSQB", "LPAR"}
)
_CONDITIONS: Final = _OPERANDS | frozenset(
    {"HAS", "MISSING", "ABSENT", "EACH", "ANY", "_NOT", "_IF", "_SESSION", "_TIME", "AFTER", "BEFORE", "JUST_AFTER"}
)
_NEGLIGIBLE: Final = frozenset(
    {"PLUS", "MINUS", "STAR", "DOT", "LSQB", "IGNORING", "AFTER", "_AND", "_OR", "COMMA"}
    | {"LPAR", "_THEN", "_ELSE", "_UNTIL", "_WITHIN"}
)
_CLAUSES: Final = frozenset(
    {"_AS", "_PRIORITY", "_WHEN", "_UNLESS", "_MESSAGE", "_PROMPT", "_VALID", "_USES", "_END", "_OWNER", "_TICKET"}
    | {"_BECAUSE", "_BY", "_EVIDENCE", "_SUBJECT"}
)
_PARTIES: Final = frozenset({"_TENANT", "_AGENT", "_VIA", "_USER", "_ROLE"})
_BEHIND_OWNER: Final = frozenset({"EACH", "_WITHIN", "EVER"})

EXPECTED: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (_OPERANDS | {"HAS", "EACH"}, "a condition"),
    (_OPERANDS, "a value"),
    (_TESTS, "a test such as `==`, `in` or `matches`"),
    (_TESTS - {"_NOT"}, "a test such as `==`, `in` or `matches`"),
    (frozenset({"_IN", "_MATCHES", "CONTAINS"}), "`in`, `matches`, `contains` or another test that `not` can precede"),
    (_CLAUSES, "a clause such as `when` or `message`"),
    (STATEMENTS, "the next rule or statement"),
    (SCOPED, "a rule"),
    (_RULES, "a rule"),
    (_EFFECTS, "`allow`, `require approval for` or `forbid`"),
    (frozenset({"_SET", "_REMOVE", "_REDACT"}), "a change as `set x = ...`, `remove x` or `redact x matching ...`"),
    (_BEHIND_OWNER, "a window such as `each day in ...` or `within 7 days`"),
    (frozenset({"_INTENT", "PATTERN", "STRING"}), "a tool"),
    (_PARTIES, "a party such as `agent` or `user`"),
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
    (frozenset({"EVENT"}), "an event such as `released` or `refused`"),
    (frozenset({"COUNT", "MEASURE"}), "`count`, `sum(...)`, `max(...)` or `distinct(...)`"),
    (frozenset({"CALENDAR_UNIT"}), "`hour`, `day`, `week`, `month` or `year`"),
    (frozenset({"UNIT"}), "a unit such as `minutes` or `days`"),
    (frozenset({"DAY"}), "a day such as `monday`"),
    (frozenset({"CLOCK"}), "a time of day such as `22:00`"),
    (frozenset({"GATE"}), "a gate: `beta` or `eprocess`"),
    (frozenset({"LEARNED_STATE"}), "a state such as `pending` or `active`"),
)
"""Kinds of token that stand for one thing together, and what a reader calls it; the first that fits is said."""

_COVERED: Final[dict[str, frozenset[str]]] = {
    "a condition": _CONDITIONS,
    "a test such as `==`, `in` or `matches`": _TESTS | _NEGLIGIBLE | _CLAUSES | STATEMENTS | {"RBRACE", "RPAR"},
    "a clause such as `when` or `message`": _CLAUSES | _NEGLIGIBLE,
    "a type such as `text`, `number` or `list`": frozenset({"TYPE", "_MULTIPLE"}),
    "a party such as `agent` or `user`": _PARTIES | {"ON_BEHALF"},
    "a JSON value": _LITERALS | {"LSQB", "LBRACE"},
    "a value": _OPERANDS,
    "a value, the name of a set": _LITERALS | {"NAME"},
    "a set, as `{ ... }`, `low .. high`, `mail at` or a name": frozenset(
        {"NAME", "LBRACE", "NUMBER", "_MAIL", "_HTTPS"}
    ),
}
_NAMED: Final = frozenset(
    {"NAME", "STRING", "NUMBER", "PATTERN", "PATTERN_TEXT", "TYPE", "EFFECT", "COMPARE", "EVENT", "CLOCK"}
    | {"GATE", "LEARNED_STATE"}
)
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "_NUMBER_OF": ("number of",),
    "JUST_AFTER": ("just after",),
    "MEASURE": ("sum", "max", "distinct"),
    "CALENDAR_UNIT": ("hour", "day", "week", "month", "year"),
    "UNIT": ("seconds", "minutes", "hours", "days", "weeks"),
    "DAY": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "EFFECT": ("allow", "ask", "forbid"),
    "EVENT": ("requested", "refused", "released", "succeeded", "failed"),
    "GATE": ("beta", "eprocess"),
    "LEARNED_STATE": ("shadow", "pending", "active", "contested", "dormant", "retired"),
    "_REPORTERS": ("reporters",),
    "_E_VALUE": ("e-value",),
    "TYPE": ("text", "number", "integer", "boolean", "list", "object", "null"),
}
"""Kinds of token that are one of several words; EXPECTED says them together."""

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
    "SEMICOLON": (";",),
    "PERCENT": ("%",),
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
