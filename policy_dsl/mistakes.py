"""A text that is no sentence, told to its writer: what was found, what can stand there, and the likely slip.

`explain` asks the slips of `SLIPS` in order; the first that knows the case speaks, else it says what was found and what
what can stand there. tests/policy_dsl/errors/*.yaml holds a case for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Final

from lark import Token

from .ast import Span
from .errors import ParseError, quoted
from .expected import STATEMENTS, expected, spellings
from .mistakes_sentences import MISSING, MISUSED
from .stumble import FOUND, Slip, Stumble
from .words import OTHER_WORDS, PRESENCE, SIGN_HELP, SIGNS


def explain(stumble: Stumble) -> ParseError:
    """The error for a text that stopped at `stumble`."""
    slip = next((slip for known in SLIPS if (slip := known(stumble)) is not None), None) or _plain(stumble)
    return ParseError(
        slip.message,
        code=slip.code,
        span=slip.place or _here(stumble),
        path=stumble.path,
        source=stumble.text,
        help=slip.help,
    )


def kept_for_later(token: Token, text: str, path: str) -> ParseError:
    """The error for a word that means nothing yet here, or that cannot begin a condition."""
    dotted = f"an argument of this name is written `.{token}`"
    if token in ("True", "False", "None"):
        message, code, help = f"`{token}` is not a word of the language", "other-word", f"write `{_SMALL[token]}`"
    elif token.type == "RESERVED":
        message, code, help = f"found `{token}`, expected a condition or a value", "expected", dotted
        help = _RESERVED_HELP.get(str(token), dotted)
    else:
        message, code = f"`{token}` is kept for a later version: language 1 does not have it yet", "later-version"
        help = dotted if token.type == "LATER_OPERAND" else "docs/language.md lists the words that are kept"
    return ParseError(message, code=code, span=_place(token), path=path, source=text, help=help)


def _place(token: Token) -> Span:
    return Span(token.start_pos or 0, token.end_pos or 0, token.line or 1, token.column or 1)


def _at(stumble: Stumble, start: int, end: int) -> Span:
    line = stumble.text.count("\n", 0, start) + 1
    return Span(start, end, line, start - stumble.text.rfind("\n", 0, start))


def _here(stumble: Stumble) -> Span:
    if stumble.found:
        return _at(stumble, stumble.at, stumble.at + len(stumble.found))
    end = (stumble.tokens[-1].end_pos or 0) if stumble.tokens else 0
    return _at(stumble, end, end)  # the end of the file: just after the last word


# --- the slips ------------------------------------------------------------------------------------------------------


def _no_header(s: Stumble) -> Slip | None:
    if s.found == "language" and s.tokens:
        return Slip("`language` stands once, before everything else", "no-header", "take this one away")
    if s.tokens and s.before() != "_LANGUAGE":
        return None
    return Slip(
        "a policy file starts with `language 1`", "no-header", "write `language 1` on a line before everything else"
    )


def _open_text(s: Stumble) -> Slip | None:
    if s.found[:1] != '"' or _TEXT.match(s.text, s.at):
        return None
    return Slip(
        "the text is not closed on its line", "open-text", 'end it with `"`; a line break inside is written `\\n`'
    )


def _other_quotes(s: Stumble) -> Slip | None:
    if not s.found or s.found[0] not in _QUOTES:
        return None
    words = s.found.strip(_QUOTES)
    return Slip("text stands in double quotes", "other-quotes", f'write `"{words}"`' if words else 'write `"..."`')


def _end_inside(s: Stumble) -> Slip | None:
    if s.found or not s.open:
        return None
    bracket = s.open[-1]
    return Slip(f"`{bracket}` is not closed", "not-closed", f"write `{_PAIRS[bracket]}` where it ends", _place(bracket))


def _nested_block(s: Stumble) -> Slip | None:
    if s.found not in _BLOCK_WORDS or not s.open or s.open[-1] != "{":
        return None
    opener = next((t for t in reversed(s.tokens[: s.tokens.index(s.open[-1])]) if t.type in ("_FOR", "_TEST")), None)
    if opener is None or len(s.open) > 1 or not s.takes("RBRACE") or s.takes("COMMA"):
        return None
    if s.found == "for" and opener == "for":
        return Slip("scopes do not nest", "nested-scope", "close the block with `}`, or name both in one `for`")
    return Slip(
        f"`{s.found}` cannot stand inside the `{opener}` block of line {opener.line}",
        "inside-block",
        "close it with `}` first",
    )


def _bracket_left_open(s: Stumble) -> Slip | None:
    if s.found not in _BLOCK_WORDS or not s.open or not s.takes(_CLOSING[s.open[-1]]):
        return None
    bracket = s.open[-1]
    if bracket == "{" and not s.takes("COMMA"):
        return None
    return Slip(f"`{bracket}` is not closed", "not-closed", f"write `{_PAIRS[bracket]}` where it ends", _place(bracket))


def _closes_nothing(s: Stumble) -> Slip | None:
    if s.found not in _PAIRS.values():
        return None
    if not s.open:
        return Slip(f"`{s.found}` closes nothing", "closes-nothing", "take it away, or open its bracket before")
    if _PAIRS[s.open[-1]] == s.found:
        return None
    return Slip(
        f"`{s.found}` does not close `{s.open[-1]}` of line {s.open[-1].line}",
        "not-closed",
        f"write `{_PAIRS[s.open[-1]]}`",
    )


def _no_signature(s: Stumble) -> Slip | None:
    if not s.rule or s.rule[0].type not in ("_ALLOW", "_ASK", "_LEARNABLE") or not s.takes("LPAR") or s.operand_next:
        return None
    if s.found in ("/", "{") or any(token.type == "LPAR" for token in s.rule):
        return None
    effect, tools = s.rule[0], s.rule[1:]
    what = s.text[tools[0].start_pos : tools[-1].end_pos]
    return Slip(
        f"`{effect}` says which arguments it accepts",
        "no-signature",
        f"write `{what}(...)` for any, `{what}()` for none, or name them: `{what}(path, mode?)`",
        _at(s, tools[0].start_pos or 0, tools[-1].end_pos or 0),
    )


def _signature_of_open_rule(s: Stumble) -> Slip | None:
    word = _OPEN_WORDS.get(s.rule[0].type) if s.rule else None
    if s.found != "(" or word is None or (s.before() not in _TOOL_ENDS and s.before(2) != "_INTENT"):
        return None
    if any(token.type in ("_WHEN", "_UNLESS") for token in s.rule):
        return None
    untested = s.rule[0].type in ("_HIDE", "_CLEARANCE")
    help = "it holds whatever a call carries" if untested else "it holds whatever a call carries; test with `when`"
    return Slip(f"`{word}` takes no list of arguments", "signature-here", help)


def _mixed(s: Stumble) -> Slip | None:
    word = SIGNS.get(s.found, s.found)
    if word not in ("and", "or") or s.takes(f"_{word.upper()}") or not s.takes("_AND", "_OR"):
        return None
    return Slip(
        "`and` and `or` are mixed without parentheses", "mixed-and-or", "write `a and (b or c)` or `(a and b) or c`"
    )


def _chained(s: Stumble) -> Slip | None:
    if s.found not in _COMPARISONS or s.takes("COMPARE") or not s.takes("_AND"):
        return None
    return Slip(
        "comparisons do not chain", "chained", "write `x in low .. high`, or two comparisons with `and` between"
    )


def _split_sign(s: Stumble) -> Slip | None:
    """A sign of another language whose beginning is one of this: `===`, `<>`."""
    if not s.tokens or s.tokens[-1].end_pos != s.at:
        return None
    start = s.tokens[-1].start_pos or 0
    match = FOUND.match(s.text, start)
    sign = "" if match is None else match.group()
    if s.tokens[-1].type == "EQUAL" and sign == "==":
        return Slip("`==` does not define", "wrong-sign", "write `=`", _at(s, start, start + 2))
    if sign not in SIGNS or len(sign) <= len(s.tokens[-1]):
        return None
    return Slip(
        f"`{sign}` is not of the language", "wrong-sign", f"write `{SIGNS[sign]}`", _at(s, start, start + len(sign))
    )


def _equals_sign(s: Stumble) -> Slip | None:
    if s.found in ("==", ":", ":=") and s.takes("EQUAL"):
        return Slip(f"`{s.found}` does not set a value", "wrong-sign", "write `=`")
    if s.found not in ("=", "=="):
        return None
    if s.test_next:
        return Slip("`=` does not compare", "wrong-sign", "write `==`")
    if s.takes("COLON"):
        return Slip(f"`{s.found}` does not give a value in a call", "wrong-sign", "write `name: value`")
    if s.takes("OPTIONAL"):
        return Slip(
            "a signature names arguments, it does not test them", "test-in-signature", "test with `when name == ...`"
        )
    return None


def _text_as_pattern(s: Stumble) -> Slip | None:
    if s.before() == "_LIKE" and s.found[:1] == "/":
        return Slip("`like` takes text", "not-text", 'write `like "*.txt"`, or `matches /.../` for a pattern')
    if s.before() not in ("_MATCHES", "_MATCHING"):
        return None
    if s.found[:1] == '"':
        return Slip(
            "a pattern stands between slashes",
            "pattern-quotes",
            f"write `/{s.found[1:-1].replace('/', chr(92) + '/')}/`",
        )
    if s.found[:1] == "/":
        return Slip(
            "the pattern is not closed on its line", "open-text", "end it with `/`; the sign itself is written `\\/`"
        )
    return None


def _not_a_set(s: Stumble) -> Slip | None:
    if s.before() == "_IN" and s.found[:1] == '"':
        return Slip("`in` asks for a set", "not-a-set", f"write `== {s.found}`, or `in {{ {s.found}, ... }}`")
    if s.before() == "_IN" and s.found in ("[", "("):
        return Slip("a set stands in braces", "not-a-set", 'write `in { "a", "b" }`')
    if s.before() == "EQUAL" and s.takes("_MAIL") and s.found[:1] in ('"', "[", "("):
        return Slip("a set stands in braces", "not-a-set", 'write `{ "a", "b" }`')
    if s.before() in ("AT", "UNDER") and s.found[:1] == '"' and s.takes("LBRACE"):
        return Slip("a set stands in braces", "not-a-set", f"write `{{ {s.found} }}`")
    if s.before() == "NUMBER" and s.before(2) == "_IN" and not s.found.startswith(".."):
        return Slip(f"found {quoted(s.found)}, expected `..`", "not-a-set", "a range is written `low .. high`")
    if s.before() == "COMPARE" and s.found == "{":
        return Slip("a value is not compared with a set", "set-compared", "write `in { ... }` or `not in { ... }`")
    return None


def _pattern_flags(s: Stumble) -> Slip | None:
    if s.before() != "PATTERN_TEXT" or s.tokens[-1].end_pos != s.at or not s.found.isalpha():
        return None
    return Slip(
        "nothing follows the `/` that ends a pattern", "pattern-flags", f"write `(?{s.found})` at its beginning"
    )


def _options_order(s: Stumble) -> Slip | None:
    if s.found != "ignoring" or s.before() != "_NFKC":
        return None
    return Slip("`ignoring case` stands before `after nfkc`", "options-order", "write `ignoring case after nfkc`")


def _no_braces(s: Stumble) -> Slip | None:
    if s.found != "," or not s.rule or s.rule[0].type not in _RULE_WORDS or s.before() not in ("PATTERN", "STRING"):
        return None
    if any(token.type in ("_WHEN", "_UNLESS", "_MESSAGE") for token in s.rule):
        return None
    return Slip("several tools stand in braces", "no-braces", "write `{ a, b }`")


def _no_comma(s: Stumble) -> Slip | None:
    if not s.open or not s.takes("COMMA") or not (s.found[:1] == '"' or s.found[:1].isalnum()):
        return None
    if s.found in _BLOCK_WORDS:
        return None
    return Slip(f"found {quoted(s.found)}, expected {expected(s.accepts)}", "expected", "items are parted by commas")


def _no_of(s: Stumble) -> Slip | None:
    if s.before() not in ("EACH", "ANY", "_LENGTH") or not s.takes("_OF"):
        return None
    word = s.tokens[-1]
    return Slip(
        f"found {quoted(s.found) if s.found else 'the end of the file'}, expected `of`",
        "expected",
        f"write `{word} of x`; an argument of this name is written `.{word}`",
    )


def _twice_not(s: Stumble) -> Slip | None:
    if s.before(2) != "_NOT" or s.tokens[-1] != "not":
        return None
    return Slip("`not` is written twice", "not-twice", "leave both out, or write `not (not ...)`", _place(s.tokens[-1]))


def _bad_number(s: Stumble) -> Slip | None:
    written = "as in `5`, `0.5` or `1_000_000`"
    if s.before() == "DOT" and s.found[:1].isdigit():
        return Slip("a number starts with a digit", "bad-number", f"write `0.{s.found}`")
    if s.found[:1].isdigit() and not s.found.isdigit() and s.takes("NUMBER"):
        return Slip(f"{quoted(s.found)} is no number", "bad-number", f"numbers are written out, {written}")
    if s.before() == "NUMBER" and s.found in (",", ".", "%", "e", "E"):
        return Slip(f"found `{s.found}` after a number", "bad-number", f"numbers are written {written}")
    return None


def _unquoted(s: Stumble) -> Slip | None:
    if not s.found[:1].isalpha() or not s.takes("STRING") or s.takes("NAME", "PATTERN") or s.operand_next:
        return None
    word = s.found
    if s.before() in ("_TOOLS", "_IMPORT"):
        word = s.text[s.at :].split(maxsplit=1)[0]
    return Slip(f"found {quoted(word)}, expected text", "unquoted", f'write `"{word}"`', _at(s, s.at, s.at + len(word)))


def _quoted_name(s: Stumble) -> Slip | None:
    if (
        s.before() not in ("_AS", "_SET", "_GROUP", "_LAYER", "_LEVELS", "_DEFINE", "_COUNTER")
        or s.found[:1] != '"'
        or not s.takes("NAME")
    ):
        return None
    return Slip("names given in a policy stand without quotes", "quoted-name", "as in `pay-known` or `own_mail`")


def _otherwise(s: Stumble) -> Slip | None:
    if s.before() != "_OTHERWISE":
        return None
    return Slip("`otherwise` never grants", "otherwise-grants", 'write `otherwise forbid message "..."`')


def _presence_behind(s: Stumble) -> Slip | None:
    path = s.tokens[-1] if s.tokens and s.tokens[-1].type == "NAME" else "x"
    if s.found in PRESENCE and s.test_next:
        return Slip(f"`{s.found}` stands before the argument", "presence-behind", f"write `{PRESENCE[s.found]} {path}`")
    if s.before() in ("_IS", "_NOT") and s.found in PRESENCE and s.takes("TYPE"):
        return Slip(f"`{s.found}` is no type", "presence-behind", f"write `{PRESENCE[s.found]} x`")
    return None


def _no_condition(s: Stumble) -> Slip | None:
    if s.before() != "NAME" or s.before(2) not in ("_WHEN", "_UNLESS", "_AND", "_OR", "_NOT") or not s.test_next:
        return None
    name = s.tokens[-1]
    if str(name) not in _CLAUSE_WORDS:
        return None
    return Slip(
        f"found `{name}`, expected a condition",
        "expected",
        f"an argument of this name is compared, as in `{name} == ...`",
        _place(name),
    )


def _sign(s: Stumble) -> Slip | None:
    if s.found not in SIGNS:
        return None
    return Slip(
        f"`{s.found}` is not of the language", "wrong-sign", SIGN_HELP.get(s.found) or f"write `{SIGNS[s.found]}`"
    )


def _other_word(s: Stumble) -> Slip | None:
    others = OTHER_WORDS.get(s.found.lower(), ())
    other = next((other for other in others if s.takes(*other.fits)), None)
    if other is None:
        return None
    return Slip(f"`{s.found}` is not a word of the language", "other-word", f"write {other.write}")


def _close_word(s: Stumble) -> Slip | None:
    if not s.found[:1].isalpha():
        return None
    words = {word: kind for kind in s.accepts for word in spellings(kind)}
    close = get_close_matches(s.found.lower(), words, n=1, cutoff=0.7)
    close = close or [word for word in words if len(s.found) > _SHORT and word.startswith(s.found.lower())]
    if not close:
        return None
    return Slip(f"found `{s.found}`, expected {expected(s.accepts)}", "expected", f"did you mean `{close[0]}`?")


SLIPS: Final[tuple[Callable[[Stumble], Slip | None], ...]] = (
    _no_header,
    _open_text,
    _other_quotes,
    _end_inside,
    _text_as_pattern,
    _no_signature,
    _signature_of_open_rule,
    _mixed,
    _chained,
    _split_sign,
    _equals_sign,
    _pattern_flags,
    _options_order,
    _twice_not,
    _no_of,
    _not_a_set,
    *MISUSED,
    _bad_number,
    _otherwise,
    _quoted_name,
    _presence_behind,
    _no_condition,
    _nested_block,
    _bracket_left_open,
    _closes_nothing,
    _no_braces,
    _other_word,
    _sign,
    _close_word,
    *MISSING,
    _unquoted,
    _no_comma,
)


def _plain(s: Stumble) -> Slip:
    found = quoted(s.found) if s.found else "the end of the file"
    return Slip(f"found {found}, expected {expected(s.accepts)}", "expected")


_RESERVED_HELP: Final[dict[str, str]] = {
    "if": "write `(if ... then ...)`",
    "since": "write `after released f`; `since` stands behind a counter",
}
_SMALL: Final[dict[str, str]] = {"True": "true", "False": "false", "None": "null"}
_RULE_WORDS: Final = frozenset({"_ALLOW", "_ASK", "_FORBID", "_REQUIRE", "_LEARNABLE"})
_CLAUSE_WORDS: Final = frozenset({"as", "priority", "message", "unless", "when"})
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_QUOTES: Final = "'`´‘’“”„«»"
_PAIRS: Final[dict[str, str]] = {"(": ")", "[": "]", "{": "}"}
_CLOSING: Final[dict[str, str]] = {"(": "RPAR", "[": "RSQB", "{": "RBRACE"}
_OPEN_WORDS: Final[dict[str, str]] = {
    "_FORBID": "forbid",
    "_REQUIRE": "require approval for",
    "_LIMIT": "limit",
    "_CLEARANCE": "clearance of",
    "_REWRITE": "rewrite",
    "_HIDE": "hide",
}
_NAMING: Final = frozenset({"_AS", "_SET", "_GROUP", "_LAYER", "_LEVELS", "_DEFINE", "_COUNTER", "_INTENT"})
_SHORT: Final = 2
_TOOL_ENDS: Final = frozenset({"PATTERN", "STRING", "RBRACE"})
_BLOCK_WORDS: Final = frozenset(word for kind in STATEMENTS for word in spellings(kind))
_TEXT: Final = re.compile(r'"([^"\\\x00-\x1f]|\\[^\x00-\x1f])*"')
