"""The words of the language by the part they play, for all that colours a policy: Pygments here, TextMate from here.

ROLES is the one table. A test holds it to the grammar: a word that the parser learns and this table does not, or the
other way round, fails. `textmate()` is the grammar of editors/vscode, which is printed from here (`python -m
server.highlight`), so no second list of words exists.

A word is a keyword only where the grammar has it. A highlighter reads without a parser, so it knows three places where
every word is a name: a tool behind the word that introduces it, the signature behind a tool, and what follows a dot.
"""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar, Final

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ROLES: Final[dict[str, tuple[str, ...]]] = {
    "effect": _words("allow ask forbid require approval shadow otherwise learnable learned"),
    "statement": _words(
        "language use tools set group import package layer levels define intent counter limit trust claimed label "
        "clearance rewrite redact remove hide for test call given results result"
    ),
    "clause": _words(
        "as priority when unless message prompt valid until uses end owner ticket because by to per matching since "
        "within ever each evidence subject judge against reporter reporters bound e-value support state"
    ),
    "operator": _words(
        "and or not in is if then else from of matches contains starts ends with under like runs one none has missing "
        "absent any length multiple ignoring case after before just between derived exceeds at on nfkc count sum max "
        "distinct"
    ),
    "subject": _words("tenant agent user role via behalf session principal claim time mail https untrusted"),
    "event": _words("requested refused released succeeded failed"),
    "type": _words("text number integer boolean list object"),
    "unit": _words(
        "second seconds minute minutes hour hours day days week weeks month year "
        "monday tuesday wednesday thursday friday saturday sunday"
    ),
    "constant": _words("true false null beta eprocess pending active contested dormant retired"),
}
"""Every word of the language under one role; a word that plays two parts stands under the first that reads well."""

WORD_END: Final = r"(?![A-Za-z0-9_-])"
WORD_START: Final = r"(?<![A-Za-z0-9_.*-])"

_STRING: Final = r'"(?:[^"\\\n]|\\.)*"'
_PATTERN: Final = (
    r"(?<=matches )/(?:[^/\\\n]|\\.)+/|(?<=contains )/(?:[^/\\\n]|\\.)+/|(?<=matching )/(?:[^/\\\n]|\\.)+/"
)
_NUMBER: Final = r"(?<![A-Za-z0-9_-])-?[0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?![A-Za-z0-9_])"
_CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}"
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*"
_TOOL: Final = r"[A-Za-z0-9_*][A-Za-z0-9_*.-]*(?:/[A-Za-z0-9_*][A-Za-z0-9_*.-]*)?"
_GRANT: Final = rf"{WORD_START}(allow|ask|learnable)(\s+)({_TOOL})(\s*)(\()"
_WITHHOLD: Final = rf"{WORD_START}(forbid|limit|rewrite|hide|approval for)(\s+)(?!message\b|intent\b)({_TOOL})"
_CALL: Final = rf"{WORD_START}(call|requested|refused|released|succeeded|failed)(\s+)(?!intent\b)({_TOOL})"
_SIGNS: Final = r"=>|==|!=|<=|>=|<|>|\.\.\.|\.\.|[=+*?-]"


class PolicyLexer(RegexLexer):  # type: ignore[misc]  # pygments is untyped
    """Policies of leastward (`.lw`)."""

    name = "leastward"
    aliases: ClassVar[list[str]] = ["leastward", "lw"]
    filenames: ClassVar[list[str]] = ["*.lw"]
    version_added = "0.1"

    tokens: ClassVar[dict[str, Any]] = {
        "root": [
            (r"\s+", Text.Whitespace),
            (r"#[^\n]*", Comment.Single),
            (_STRING, String.Double),
            (_PATTERN, String.Regex),
            (_CLOCK, Number),
            (_NUMBER, Number),
            (_GRANT, bygroups(Keyword, Text.Whitespace, Name.Function, Text.Whitespace, Punctuation), "signature"),
            (_WITHHOLD, bygroups(Keyword, Text.Whitespace, Name.Function)),
            (_CALL, bygroups(Keyword, Text.Whitespace, Name.Function)),
            (rf"(\.)({_NAME})", bygroups(Punctuation, Name.Attribute)),
            *((words(ROLES[role], WORD_START, WORD_END), token) for role, token in (
                ("constant", Keyword.Constant),
                ("type", Keyword.Type),
                ("event", Name.Builtin),
                ("unit", Name.Builtin),
                ("operator", Operator.Word),
                ("subject", Name.Builtin.Pseudo),
                ("effect", Keyword),
                ("clause", Keyword),
                ("statement", Keyword.Declaration),
            )),
            (_NAME, Name),
            (_SIGNS, Operator),
            (r"[(){}\[\],:/]", Punctuation),
        ],
        "signature": [
            (r"\s+", Text.Whitespace),
            (r"#[^\n]*", Comment.Single),
            (_STRING, Name.Variable),
            (r"\(", Punctuation, "#push"),
            (r"\)", Punctuation, "#pop"),
            (_NAME, Name.Variable),
            (r"\.\.\.|\?", Operator),
            (r",", Punctuation),
        ],
    }  # fmt: skip


_SCOPES: Final = {
    "effect": "keyword.control.effect",
    "statement": "storage.type",
    "clause": "keyword.control.clause",
    "operator": "keyword.operator.word",
    "subject": "variable.language",
    "event": "support.constant.event",
    "type": "support.type",
    "unit": "support.constant.unit",
    "constant": "constant.language",
}


def textmate() -> dict[str, Any]:
    """The TextMate grammar as its JSON tree."""
    return {
        "name": "leastward",
        "scopeName": "source.leastward",
        "fileTypes": ["lw"],
        "patterns": [{"include": f"#{part}"} for part in _PARTS],
        "repository": {
            "comment": _match(r"#.*$", "comment.line.number-sign"),
            "string": {**_match(_STRING, "string.quoted.double"), "patterns": []},
            "pattern": _match(_PATTERN, "string.regexp"),
            "number": _match(f"{_CLOCK}|{_NUMBER}", "constant.numeric"),
            "grant": {
                "begin": _GRANT,
                "beginCaptures": _captures({1: "keyword.control.effect", 3: "entity.name.function"}),
                "end": r"\)",
                "patterns": [{"include": "#signature"}, {"include": "#comment"}],
            },
            "signature": {
                "patterns": [
                    {"begin": r"\(", "end": r"\)", "patterns": [{"include": "#signature"}, {"include": "#comment"}]},
                    _match(rf"{_STRING}|{_NAME}", "variable.parameter"),
                    _match(r"\.\.\.|\?", "keyword.operator"),
                ]
            },
            "withhold": {
                "match": _WITHHOLD,
                "captures": _captures({1: "keyword.control.effect", 3: "entity.name.function"}),
            },
            "call": {
                "match": _CALL,
                "captures": _captures({1: "support.constant.event", 3: "entity.name.function"}),
            },
            "member": {"match": rf"\.({_NAME})", "captures": _captures({1: "variable.other.member"})},
            "words": {"patterns": [_match(_any(role), scope) for role, scope in _SCOPES.items()]},
            "sign": _match(_SIGNS, "keyword.operator"),
        },
    }


_PARTS: Final = (*("comment", "string", "pattern", "number", "grant", "withhold", "call", "member", "words", "sign"),)


def _match(pattern: str, scope: str) -> dict[str, Any]:
    return {"match": pattern, "name": f"{scope}.leastward"}


def _captures(scopes: dict[int, str]) -> dict[str, Any]:
    return {str(group): {"name": f"{scope}.leastward"} for group, scope in scopes.items()}


def _any(role: str) -> str:
    return rf"{WORD_START}(?:{'|'.join(sorted(ROLES[role]))}){WORD_END}"


if __name__ == "__main__":
    json.dump(textmate(), sys.stdout, indent=2)
    print()
