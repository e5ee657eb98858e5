"""Words and signs with a standing of their own: those that name nothing, and those of other languages.

The second kind is what people type who come from elsewhere; mistakes.py tells them what it is called here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NOT_NAMES: Final = frozenset(
    [
        "and",
        "or",
        "not",
        "in",
        "is",
        "matches",
        "contains",
        "when",
        "unless",
        "allow",
        "ask",
        "forbid",
        "require",
        "otherwise",
        "has",
        "missing",
        "absent",
        "each",
        "any",
        "length",
        "true",
        "false",
        "null",
        "mail",
        "https",
        "counter",
        "session",
        "time",
        "after",
        "before",
        "since",
        "judge",
        "claim",
        "principal",
        "label",
        "True",
        "False",
        "None",
    ]
)
"""Words that begin a condition or a set, now or in a later version: no rule, set, group or element takes such a name.
In a condition an argument of such a name is written with a dot before it."""


@dataclass(frozen=True, slots=True)
class Other:
    """What to write in place of a word that other languages use; it is said only where one of `fits` can stand."""

    write: str
    fits: tuple[str, ...]


def _instead(words: str, write: str, *fits: str) -> dict[str, Other]:
    return {word: Other(write, fits) for word in words.split()}


OTHER_WORDS: Final[dict[str, Other]] = {
    **_instead("deny block reject prohibit disallow refuse never", "`forbid`", "_FORBID"),
    **_instead("permit grant accept authorize enable", "`allow`", "_ALLOW"),
    **_instead("confirm review escalate", "`ask` or `require approval for`", "_ASK"),
    **_instead("if where provided given", "`when`", "_WHEN"),
    **_instead("except but", "`unless`", "_UNLESS"),
    **_instead("else default", "`otherwise forbid`", "_OTHERWISE"),
    **_instead("let define var const", "`set name = ...`", "_SET"),
    **_instead("rule policy", "`allow`, `ask`, `forbid` or `require approval for`", "_ALLOW"),
    **_instead("include import", '`use tools "..."`', "_USE"),
    **_instead("says reason because", "`message`", "_MESSAGE"),
    **_instead("like regex match matching", "`matches /.../`", "_MATCHES"),
    **_instead("equals equal eq", "`==`", "COMPARE"),
    **_instead("startswith beginswith begins", "`starts with`", "STARTS"),
    **_instead("endswith", "`ends with`", "ENDS"),
    **_instead("includes", "`contains`", "CONTAINS"),
    **_instead("inside within below", "`under` for paths, `in` for sets", "UNDER"),
    **_instead("between", "`in low .. high`", "_IN"),
    **_instead("isnt isn't", "`is not`", "_IS"),
    **_instead("string str", "`text`", "TYPE"),
    **_instead("int", "`integer`", "TYPE"),
    **_instead("float decimal double", "`number`", "TYPE"),
    **_instead("bool", "`boolean`", "TYPE"),
    **_instead("array", "`list`", "TYPE"),
    **_instead("dict map struct", "`object`", "TYPE"),
    **_instead("none nil undefined", "`null`", "TYPE", "NULL"),
    **_instead("deny denied blocked", "`forbid`", "EFFECT", "_FORBID"),
    **_instead("permit allowed", "`allow`", "EFFECT", "_ALLOW"),
}

SIGNS: Final[dict[str, str]] = {
    "&&": "and",
    "||": "or",
    "&": "and",
    "|": "or",
    "!": "not",
    "===": "==",
    "!==": "!=",
    "<>": "!=",
    "=<": "<=",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "=~": "matches",
    "~": "matches",
    "∈": "in",
    ":=": "=",
    "->": "=>",
    "→": "=>",
    "×": "*",
    "–": "-",
    "—": "-",
    ";": "",
    "//": "",
    "/*": "",
    "/": "",
    "%": "",
    "^": "",
}
SIGN_HELP: Final[dict[str, str]] = {
    "!": "write `not (...)`, or `not in`, `not matches`, `!=`",
    ";": "nothing ends a rule: the next one simply begins",
    "//": "a comment begins with `#`",
    "/*": "a comment begins with `#`",
    "/": "numbers are added, subtracted and multiplied only",
    "%": "numbers are added, subtracted and multiplied only",
    "^": "numbers are added, subtracted and multiplied only",
}
PRESENCE: Final[dict[str, str]] = {
    "missing": "missing",
    "absent": "absent",
    "present": "has",
    "exists": "has",
    "empty": "missing",
    "set": "has",
    "given": "has",
    "has": "has",
}
