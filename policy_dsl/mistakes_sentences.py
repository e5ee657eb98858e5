"""Slips in the sentences about sessions, results, the clock and who acts: what is left out, and what is misused.

MISUSED is asked before a word is looked up in the tables of words, MISSING after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from .errors import quoted
from .expected import expected, spellings
from .stumble import Slip, Stumble

# --- misused --------------------------------------------------------------------------------------------------------


def _no_clause(s: Stumble) -> Slip | None:
    """A clause behind a sentence that takes none."""
    if s.found not in _CLAUSES or not s.rule or not s.takes("_FORBID"):
        return None
    word = next(iter(spellings(s.rule[0].type)))
    if word not in SENTENCES_WITHOUT_CLAUSES:
        return None
    return Slip(f"`{word}` takes no `{s.found}`", "clause-here", SENTENCES_WITHOUT_CLAUSES[word])


def _word_as_argument(s: Stumble) -> Slip | None:
    """`time > 5`: an argument whose name is a word of the language."""
    word = _WORDS_ALONE.get(s.before())
    if word is None or not (s.found in _TESTS or s.found in ("==", "!=", "<", "<=", ">", ">=", "[", ".")):
        return None
    dotted = f"an argument of this name is written `.{word}`"
    help = f"write `session has secret`; {dotted}" if word == "session" and s.found == "is" else dotted
    return Slip(f"found `{s.found}`, expected {expected(s.accepts)}", "expected", help)


def _no_unit(s: Stumble) -> Slip | None:
    short = _SHORT_DURATION.fullmatch(s.found)
    if short is None or s.before() not in ("_WITHIN", "_VALID"):
        return None
    unit = next(unit for unit in spellings("UNIT") if unit.startswith(short["unit"]))
    return Slip(f"`{s.found}` is no length of time", "bad-number", f"write `{short['amount']} {unit}`")


def _bad_clock(s: Stumble) -> Slip | None:
    if not s.takes("CLOCK") or not s.found[:1].isdigit():
        return None
    write = f"write `{s.found.zfill(2)}:00`" if s.found.isdigit() and int(s.found) < _HOURS else "as in `22:00`"
    return Slip(f"{quoted(s.found)} is no time of day", "bad-clock", write)


def _valid_what(s: Stumble) -> Slip | None:
    if s.before() != "_VALID" or s.found[:1] != '"':
        return None
    return Slip("`valid` says from when or until when", "expected", f"write `valid until {s.found}`")


def _no_braces_here(s: Stumble) -> Slip | None:
    if not s.found[:1].isalpha() or not s.takes("LBRACE"):
        return None
    if s.before() == "_EXCEEDS" or (s.before() == "_IS" and s.takes("NONE")):
        return Slip("labels stand in braces", "no-braces", f"write `{{ {s.found} }}`")
    if s.before() == "_ON":
        return Slip("days stand in braces", "no-braces", f"write `{{ {s.found} }}`")
    return None


def _no_comma_between(s: Stumble) -> Slip | None:
    if not s.rule:
        return None
    if s.rule[0].type == "_REWRITE" and s.found in ("remove", "set", "redact") and s.takes("COMMA"):
        return Slip(f"found `{s.found}`, expected `,` or a clause", "expected", "changes are parted by commas")
    if s.rule[0].type == "_LEVELS" and s.found in (",", ">", ";"):
        return Slip("levels stand lowest first", "wrong-sign", "write `<` between them")
    return None


def _not_summed(s: Stumble) -> Slip | None:
    if s.before() != "MEASURE":
        return None
    word = s.tokens[-1]
    return Slip(f"`{word}` says of what", "expected", f"as in `{word}(amount)`")


def _just_what(s: Stumble) -> Slip | None:
    if s.before() != "NAME" or s.tokens[-1] != "just" or s.found not in spellings("EVENT"):
        return None
    return Slip(f"found `{s.found}`, expected `after`", "expected", f"write `just after {s.found} ...`")


# --- missing --------------------------------------------------------------------------------------------------------


def _no_event(s: Stumble) -> Slip | None:
    """A tool, or a number of calls, without what happened."""
    if not s.takes("EVENT"):
        return None
    said = f"found {quoted(s.found)}, expected {expected(s.accepts)}"
    if s.found in ("per", "by"):
        return Slip(said, "expected", f"say which calls count, as in `released {s.found}`")
    if s.takes("PLUS") or not (s.found[:1].isalnum() or s.found[:1] in '{"'):
        return None
    return Slip(said, "expected", f"say what happened, as in `released {s.found if s.found != '{' else '{ a, b }'}`")


def _no_results(s: Stumble) -> Slip | None:
    if not s.takes("_RESULTS") or not s.found[:1].isalnum():
        return None
    help = f"write `results of {s.found}`"
    return Slip(f"found {quoted(s.found)}, expected {expected(s.accepts)}", "expected", help)


def _no_owner(s: Stumble) -> Slip | None:
    if not s.takes("_PER"):
        return None
    found = quoted(s.found) if s.found else "the end of the file"
    help = "say whose calls count together, as in `per session` or `per agent ever`"
    return Slip(f"found {found}, expected {expected(s.accepts)}", "expected", help)


def _no_then(s: Stumble) -> Slip | None:
    if not s.takes("_THEN") or s.test_next:
        return None
    found = quoted(s.found) if s.found else "the end of the file"
    return Slip(f"found {found}, expected `then`", "expected", "as in `if a == 1 then b == 2 else c == 3`")


def _learned_what(s: Stumble) -> Slip | None:
    """`learned limit`, `shadow learned forbid`: what is learned is a rule, and its state stands in its evidence."""
    if s.found in ("learned", "learnable") and s.before() == "SHADOW":
        help = "write `learned ...`; a state other than `active` makes it a shadow rule"
        if s.found == "learnable":
            help = "a learnable decides nothing by itself: leave `shadow` out"
        return Slip(f"`{s.found}` follows no `shadow`", "learned-what", help)
    if s.before() == "LEARNED" and s.found in _NEVER_LEARNED:
        help = "a learned rule is `learned allow`, `learned require approval for` or `learned forbid`"
        return Slip(f"there is no `learned {s.found}`", "learned-what", help)
    return None


MISUSED: Final[tuple[Callable[[Stumble], Slip | None], ...]] = (
    _no_clause,
    _word_as_argument,
    _no_unit,
    _bad_clock,
    _valid_what,
    _no_braces_here,
    _no_comma_between,
    _not_summed,
    _just_what,
    _learned_what,
)
MISSING: Final[tuple[Callable[[Stumble], Slip | None], ...]] = (_no_event, _no_results, _no_owner, _no_then)

_CLAUSES: Final = frozenset(
    {"as", "priority", "when", "unless", "message", "prompt", "valid", "uses", "end", "owner", "ticket", "because"}
    | {"by", "evidence", "subject"}
)
SENTENCES_WITHOUT_CLAUSES: Final[dict[str, str]] = {
    "counter": "its name stands behind `counter`; test what it counts in the event, as in `released f(x > 5)`",
    "hide": "it hides from everyone, or in a `for` block from those it names",
    "trust": "`label` and `derived from` look at what a result says",
    "redact": "it redacts every result of these tools",
}
_TESTS: Final = frozenset({"in", "is", "matches", "contains", "like", "starts", "ends", "under", "from", "not"})
_WORDS_ALONE: Final[dict[str, str]] = {
    "_TIME": "time",
    "_SESSION": "session",
    "_PRINCIPAL": "principal",
    "_CLAIM": "claim",
    "_COUNTER": "counter",
    "AFTER": "after",
    "BEFORE": "before",
}
_NEVER_LEARNED: Final = frozenset(
    {"limit", "counter", "clearance", "rewrite", "hide", "shadow", "learned", "learnable", "trust", "label", "redact"}
)
_HOURS: Final = 24
_SHORT_DURATION: Final = re.compile(r"(?P<amount>[0-9]+)(?P<unit>[smhdw])[a-z]*")
