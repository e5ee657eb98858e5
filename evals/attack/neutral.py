"""The corpus states its rules in a neutral form; this writes them as a policy file of ours.

A permit becomes an `allow`, a forbid a `forbid`. The neutral rules are open unless they say `closed`, so the signature
is `...` or the exact list of names the rule tests. The neutral operators are defined in the corpus's README; each has
one line in the table below. Two are no tests of a call: `judge_safe` makes an allow subject to the judge, and
`approval_valid` makes it an ask, for the calls that no other rule of the tool permits without one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True)


def _values(values: Sequence[Any]) -> str:
    return "{ " + ", ".join(_text(v) for v in values) + " }"


def _path(dotted: str) -> str:
    return "".join("." + (part if _NAME.match(part) else _text(part)) for part in dotted.split("."))


def _pattern(value: str) -> str:
    return "/" + re.sub(r"(?<!\\)/", r"\/", value) + "/"


_JSON_TYPES = {
    "string": "text",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}

_OPERATORS: Mapping[str, Callable[[str, Any], str]] = {
    "eq": lambda x, v: f"{x} == {_text(v)}",
    "in": lambda x, v: f"{x} in {_values(v)}",
    "le": lambda x, v: f"{x} <= {_text(v)}",
    "gt": lambda x, v: f"{x} > {_text(v)}",
    "int_between": lambda x, v: f"({x} is integer and {x} in {v[0]} .. {v[1]})",
    "type": lambda x, v: f"{x} is {_JSON_TYPES[v]}",
    # The last part keeps null out: `missing` would take it for absent.
    "type_or_absent": lambda x, v: f"(missing {x} or {x} is {_JSON_TYPES[v]}) and (absent {x} or has {x})",
    "absent": lambda x, v: f"absent {x}",
    "regex": lambda x, v: f"{x} matches {_pattern(v)}",
    "email_domain_in": lambda x, v: f"{x} in mail at {_values(v)}",
    "all_email_domain_in": lambda x, v: f"each of {x} in mail at {_values(v)}",
    "path_under": lambda x, v: f"{x} under {_text(v)}",
    "url_host_in": lambda x, v: f"{x} in https at {_values(v)}",
    "url_host_under": lambda x, v: f"{x} in https under {_values(v)}",
    "shell_simple": lambda x, v: f"{x} runs one of {_values(v)}",
    "shell_without": lambda x, v: f"{x} runs none of {_values(v)}",
}


_SOMEBODY = frozenset({"approval_valid", "judge_safe"})


def policy_text(rules: Sequence[Mapping[str, Any]]) -> str:
    """The policy file that says what `rules` say. Raises KeyError for an operator that the language does not have."""
    return "language 1\n" + "".join(_sentence(rule, rules) for rule in rules)


def _sentence(rule: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> str:
    tests, needed = _tests(rule), _needed(rule)
    if "approval_valid" in needed:
        permits = [one for one in rules if one["tool"] == rule["tool"] and one["effect"] == "permit"]
        free = [" and ".join(_tests(one)) for one in permits if not _needed(one)]
        tests += [f"not ({one})" for one in free]
    when = f" when {' and '.join(tests)}" if tests else ""
    tool = _text(rule["tool"])
    if rule["effect"] == "forbid":
        return f"forbid {tool}{when}\n"
    judged = " subject to judge" if "judge_safe" in needed else ""
    return f"{'ask' if 'approval_valid' in needed else 'allow'} {tool}({_signature(rule)}){judged}{when}\n"


def _needed(rule: Mapping[str, Any]) -> set[str]:
    return {test["operator"] for test in rule["when"]} & _SOMEBODY


def _tests(rule: Mapping[str, Any]) -> list[str]:
    tests = (test for test in rule["when"] if test["operator"] not in _SOMEBODY)
    return [_OPERATORS[test["operator"]](_path(test["arg"]), test["value"]) for test in tests]


def _signature(rule: Mapping[str, Any]) -> str:
    if not rule["closed"]:
        return "..."
    names = {}
    for test in rule["when"]:
        name = test["arg"].split(".")[0]
        optional = test["operator"] in ("type_or_absent", "absent")
        names[name if _NAME.match(name) else _text(name)] = "?" if optional else ""
    return ", ".join(name + mark for name, mark in names.items())
