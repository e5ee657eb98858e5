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
        "if",
        "call",
        "result",
        "True",
        "False",
        "None",
    ]
)
"""Words that begin a condition or a set, now or in a later version: no rule, set, group or element takes such a name.
In a condition an argument of such a name is written with a dot before it."""


PLACEHOLDERS: Final = frozenset({"tool", "reason", "decision", "task"})
"""What a message may name in braces. A prompt may name the arguments of the call, too."""

LIMIT_PLACEHOLDERS: Final = PLACEHOLDERS | {"remaining"}
"""What the message of a limit may name: it alone knows what is left."""


@dataclass(frozen=True, slots=True)
class Other:
    """What to write in place of a word that other languages use; it is said only where one of `fits` can stand."""

    write: str
    fits: tuple[str, ...]


_OTHERS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("deny block reject prohibit disallow refuse never", "`forbid`", ("_FORBID",)),
    ("permit grant accept authorize enable", "`allow`", ("_ALLOW",)),
    ("confirm review escalate", "`ask` or `require approval for`", ("_ASK",)),
    ("observe monitor audit", "`shadow` before the rule", ("SHADOW",)),
    ("teach learn ceiling", "`learnable`", ("_LEARNABLE",)),
    ("quota budget cap throttle rate", "`limit`", ("_LIMIT",)),
    ("count total", "`counter name = count of ...`", ("_COUNTER",)),
    ("transform modify replace change", "`rewrite`", ("_REWRITE",)),
    ("mask scrub censor sanitize", "`redact results of`", ("_REDACT",)),
    ("taint classify tag mark", "`label results of`", ("_LABEL",)),
    ("trusted endorse", "`trust results of`", ("_TRUST",)),
    ("if where provided given", "`when`", ("_WHEN",)),
    ("except but", "`unless`", ("_UNLESS",)),
    ("else default", "`otherwise forbid`", ("_OTHERWISE",)),
    ("let var const", "`set name = ...` or `define name = ...`", ("_SET",)),
    ("macro function def predicate", "`define name = ...`", ("_DEFINE",)),
    ("rule policy", "`allow`, `ask`, `forbid` or `require approval for`", ("_ALLOW",)),
    ("include require_file load", '`import "..."`, or `use tools "..."` for the tools', ("_IMPORT",)),
    ("says error", "`message`", ("_MESSAGE",)),
    ("reason rationale why", "`because`, or `message` for what the model is told", ("_BECAUSE",)),
    ("expires expiry until", '`valid until "..."`', ("_VALID",)),
    ("terminate abort stop kill", "`end session`", ("_END",)),
    ("regex match matching", "`matches /.../`", ("_MATCHES",)),
    ("glob ilike", "`like`", ("_LIKE",)),
    ("equals equal eq", "`==`", ("COMPARE",)),
    ("startswith beginswith begins", "`starts with`", ("STARTS",)),
    ("endswith", "`ends with`", ("ENDS",)),
    ("includes", "`contains`", ("CONTAINS",)),
    ("inside within below", "`under` for paths, `in` for sets", ("UNDER",)),
    ("between", "`in low .. high`", ("_IN",)),
    ("isnt isn't", "`is not`", ("_IS",)),
    ("divisible", "`is multiple of`", ("_IS", "_MULTIPLE")),
    ("string str", "`text`", ("TYPE",)),
    ("int", "`integer`", ("TYPE",)),
    ("float decimal double", "`number`", ("TYPE",)),
    ("bool", "`boolean`", ("TYPE",)),
    ("array", "`list`", ("TYPE",)),
    ("dict map struct", "`object`", ("TYPE",)),
    ("none nil undefined", "`null`", ("TYPE", "NULL")),
    ("called executed sent ran", "`released`", ("EVENT",)),
    ("denied blocked forbidden", "`refused`", ("EVENT",)),
    ("completed finished returned", "`succeeded`", ("EVENT",)),
    ("errored crashed", "`failed`", ("EVENT",)),
    ("attempted tried asked", "`requested`", ("EVENT",)),
    ("average avg mean min", "`count`, `sum`, `max` or `distinct`", ("MEASURE",)),
    ("unique", "`distinct`", ("MEASURE",)),
    ("total", "`sum`", ("MEASURE",)),
    ("daily every", '`each day in "UTC"`', ("EVER",)),
    ("forever always", "`ever`", ("EVER",)),
    ("deny denied blocked", "`forbid`", ("EFFECT",)),
    ("permit allowed", "`allow`", ("EFFECT",)),
)


def _others() -> dict[str, tuple[Other, ...]]:
    found: dict[str, tuple[Other, ...]] = {}
    for words, write, fits in _OTHERS:
        for word in words.split():
            found[word] = (*found.get(word, ()), Other(write, fits))
    return found


OTHER_WORDS: Final[dict[str, tuple[Other, ...]]] = _others()

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
