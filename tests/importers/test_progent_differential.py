"""policy_dsl/importers (progent.py, progent_states.py, schema.py, typed.py, python_pattern.py) against an oracle.

The oracle is Progent's engine written down again from its semantics: rules in order of (priority, forbid first), the
first match decides, absent arguments are skipped, any exception is no match, the last rule's fallback for the rest. Its
JSON Schema is a second reading of the specification, itself compared with jsonschema-rs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail import ANYONE, Guard, Session, ToolCall
from policy_dsl import compile_policy, parse, policy_set
from policy_dsl.importers import import_progent

TYPES = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "number": lambda v: is_number(v),
    "integer": lambda v: is_number(v) and v == int(v),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return (type(one) is type(other) and one == other) or (is_number(one) and is_number(other) and one == other)


def valid(value: Any, schema: Any) -> bool:
    """JSON Schema 2020-12, as the `jsonschema` library reads it (no formats; `pattern` is re.search)."""
    if isinstance(schema, bool):
        return schema
    return all(KEYWORDS[word](value, held, schema) for word, held in schema.items() if word in KEYWORDS)


def of(kind: type | tuple[type, ...], test: Any) -> Any:
    return lambda v, k, s: not isinstance(v, kind) or isinstance(v, bool) or test(v, k, s)


def condition(value: Any, branch: Any, schema: Mapping[str, Any]) -> bool:
    return valid(value, schema.get("then" if valid(value, branch) else "else", True))


KEYWORDS: dict[str, Any] = {
    "type": lambda v, k, s: any(TYPES[name](v) for name in ([k] if isinstance(k, str) else k)),
    "enum": lambda v, k, s: any(same(v, item) for item in k),
    "const": lambda v, k, s: same(v, k),
    "pattern": of(str, lambda v, k, s: re.search(k, v) is not None),
    "minLength": of(str, lambda v, k, s: len(v) >= k),
    "maxLength": of(str, lambda v, k, s: len(v) <= k),
    "minimum": of((int, Decimal), lambda v, k, s: v >= k),
    "maximum": of((int, Decimal), lambda v, k, s: v <= k),
    "exclusiveMinimum": of((int, Decimal), lambda v, k, s: v > k),
    "exclusiveMaximum": of((int, Decimal), lambda v, k, s: v < k),
    "multipleOf": of((int, Decimal), lambda v, k, s: v % k == 0),
    "items": of(list, lambda v, k, s: all(valid(item, k) for item in v[len(s.get("prefixItems", ())) :])),
    "prefixItems": of(list, lambda v, k, s: all(map(valid, v, k))),
    "contains": of(list, lambda v, k, s: s.get("minContains") == 0 or any(valid(item, k) for item in v)),
    "minItems": of(list, lambda v, k, s: len(v) >= k),
    "maxItems": of(list, lambda v, k, s: len(v) <= k),
    "properties": of(dict, lambda v, k, s: all(valid(v[name], inner) for name, inner in k.items() if name in v)),
    "required": of(dict, lambda v, k, s: all(name in v for name in k)),
    "dependentRequired": of(dict, lambda v, k, s: all(n in v for name, ns in k.items() if name in v for n in ns)),
    "additionalProperties": of(dict, lambda v, k, s: k is not False or v.keys() <= s.get("properties", {}).keys()),
    "minProperties": of(dict, lambda v, k, s: len(v) >= k),
    "maxProperties": of(dict, lambda v, k, s: len(v) <= k),
    "allOf": lambda v, k, s: all(valid(v, branch) for branch in k),
    "anyOf": lambda v, k, s: any(valid(v, branch) for branch in k),
    "oneOf": lambda v, k, s: sum(valid(v, branch) for branch in k) == 1,
    "not": lambda v, k, s: not valid(v, k),
    "if": condition,
}


def progent(rules: list[list[Any]], arguments: Mapping[str, Any]) -> str:
    """allow, forbid, end or ask: what the engine does with one call of a tool that has these rules."""
    ordered = sorted(rules, key=lambda rule: (rule[0], -rule[1]))
    fallback = 0
    for priority, effect, restrictions, fallback, *_ in ordered:
        if all(matches(arguments[name], held) for name, held in restrictions.items() if name in arguments):
            return "allow" if effect == 0 else ("forbid", "end", "ask")[fallback]
        if effect == 0 and priority == 100 and fallback == 0:
            return "forbid"
    return ("forbid", "end", "ask")[fallback]


def matches(value: Any, restriction: Any) -> bool:
    if isinstance(restriction, str):
        return isinstance(value, str) and re.match(restriction, value) is not None
    return valid(value, restriction)


# --- what is drawn --------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from(["", "a", "ab", "b\n", "a@corp.com", "a@corp.com.evil", "7", "é", "\u0661", "B"])
NUMBERS = st.sampled_from([0, 1, 2, -1, 3, 10, Decimal("0.5"), Decimal("1.0"), Decimal("2.50")])
SCALARS = st.one_of(st.none(), st.booleans(), TEXTS, NUMBERS)
NAMES = st.sampled_from(["a", "b", "recipient", "to-do", "time"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=2)),
    max_leaves=5,
)
PATTERNS = st.sampled_from(
    ["a", "^a", "a$", ".*@corp\\.com", "^(a|b)$", "\\d", "\\w+$", "(?i)b", "a|b$", "[^a]", "^.{1,2}$"]
)
COUNTS = st.integers(0, 3)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "type": st.one_of(
        st.sampled_from(sorted(TYPES)), st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=3, unique=True)
    ),
    "enum": st.lists(st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), min_size=1, max_size=5),
    "const": SCALARS,
    "minLength": COUNTS,
    "maxLength": COUNTS,
    "minimum": NUMBERS,
    "maximum": NUMBERS,
    "exclusiveMinimum": NUMBERS,
    "exclusiveMaximum": NUMBERS,
    "multipleOf": st.sampled_from([1, 2, Decimal("0.5")]),
    "minItems": COUNTS,
    "maxItems": COUNTS,
    "required": st.lists(NAMES, max_size=2, unique=True),
    "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
    "minProperties": COUNTS,
    "maxProperties": COUNTS,
    "format": st.just("email"),
    "title": st.just("t"),
}


def schemas(with_patterns: bool) -> st.SearchStrategy[Any]:
    words = {**PLAIN, "pattern": PATTERNS} if with_patterns else PLAIN
    leaf = st.dictionaries(st.sampled_from(sorted(words)), st.none(), min_size=0, max_size=2).flatmap(
        lambda chosen: st.fixed_dictionaries({word: words[word] for word in chosen})
    )
    return st.recursive(st.one_of(leaf, leaf, st.booleans()), nested, max_leaves=5)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    words = {
        "items": inner,
        "prefixItems": several,
        "contains": inner,
        "properties": st.dictionaries(NAMES, inner, max_size=2),
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": inner,
    }
    one = st.sampled_from(sorted(words)).flatmap(lambda word: st.fixed_dictionaries({word: words[word]}))
    return st.one_of(one, st.fixed_dictionaries({"if": inner, "then": inner}, optional={"else": inner}))


RESTRICTIONS = st.dictionaries(
    st.sampled_from(["a", "recipient", "time"]), st.one_of(schemas(True), PATTERNS), max_size=2
)
RULES = st.lists(
    st.tuples(st.sampled_from([1, 2, 100]), st.integers(0, 1), RESTRICTIONS, st.integers(0, 2)).map(list),
    min_size=1,
    max_size=4,
)
CALLS = st.lists(st.dictionaries(st.sampled_from(["a", "recipient", "time", "extra"]), VALUES, max_size=3), max_size=8)


def dumped(value: Any) -> str:
    return json.dumps(value, default=lambda number: float(number), allow_nan=False)


# --- the comparison -------------------------------------------------------------------------------------------------


@given(st.data())
def test_the_oracle_reads_schemas_as_jsonschema_rs_does(data: st.DataObject) -> None:
    rs = pytest.importorskip("jsonschema_rs")
    schema, value = data.draw(schemas(False)), data.draw(VALUES)
    document = json.loads(dumped(schema))
    assert valid(value, schema) == rs.Draft202012Validator(document).is_valid(json.loads(dumped(value)))


@settings(max_examples=50)
@given(RULES, CALLS)
def test_the_imported_policy_decides_as_progent_does(rules: list[list[Any]], calls: list[dict[str, Any]]) -> None:
    decides_alike(rules, calls)


@pytest.mark.long
@pytest.mark.timeout(1_200)
@settings(max_examples=3_000)
@given(RULES, CALLS)
def test_the_same_at_length(rules: list[list[Any]], calls: list[dict[str, Any]]) -> None:
    decides_alike(rules, calls)


def decides_alike(rules: list[list[Any]], calls: list[dict[str, Any]]) -> None:
    text = import_progent([("p.json", dumped({"act": rules}))])
    loaded = policy_set([parse(text, "p.lw")])
    guard = Guard(compile_policy(loaded))
    for arguments in [{}, *calls]:
        decided = guard.decide(ToolCall("act", arguments, "c"), Session(ANYONE))
        wanted = progent(rules, arguments)
        effect = "forbid" if wanted == "end" else wanted
        assert decided.effect == effect, f"{text}\n{arguments}"
        if decided.rule is not None:
            ends = loaded.rules[decided.rule].ends_session
            assert ends == (wanted == "end"), f"{text}\n{arguments}"
            assert decided.errors == (), f"{text}\n{arguments}"
        else:
            assert wanted == "forbid"


@settings(max_examples=50)
@given(RULES, CALLS)
def test_the_strict_policy_allows_nothing_that_progent_does_not(
    rules: list[list[Any]], calls: list[dict[str, Any]]
) -> None:
    text = import_progent([("p.json", dumped({"act": rules}))], strict=True)
    guard = Guard(compile_policy(policy_set([parse(text, "p.lw")])))
    for arguments in [{}, *calls]:
        if guard.decide(ToolCall("act", arguments, "c"), Session(ANYONE)).effect == "allow":
            assert progent(rules, arguments) == "allow", f"{text}\n{arguments}"


def test_the_oracle_is_right_about_what_progent_is_known_to_do() -> None:
    """knowledge of Progent measured on its own code: pitfalls that the comparison must contain to be worth anything."""
    assert (
        progent([[1, 0, {"to": {"pattern": ".*@corp\\.internal"}}, 0]], {"to": "x@corp.internal.evil.com"}) == "allow"
    )
    assert progent([[1, 0, {"to": {"pattern": "@corp\\.com$"}}, 0]], {"to": "a@corp.com\n"}) == "allow"
    assert progent([[1, 0, {"to": "a@corp\\.com"}, 0]], {"to": "a@corp.community.evil"}) == "allow"
    assert progent([[1, 0, {"to": {"enum": ["a"]}}, 0]], {}) == "allow"
    assert progent([[1, 1, {"to": {"enum": ["a"]}}, 0], [2, 0, {}, 0]], {}) == "forbid"
    assert progent([[1, 0, {"to": {"items": {"enum": ["a"]}}}, 0]], {"to": "mallory"}) == "allow"
    assert progent([[100, 0, {"a": {"const": 1}}, 0], [100, 0, {"a": {"const": 2}}, 0]], {"a": 2}) == "forbid"
    assert progent([[99, 0, {"a": {"const": 1}}, 0], [99, 0, {"a": {"const": 2}}, 0]], {"a": 2}) == "allow"
    assert progent([[1, 0, {"a": {"const": 1}}, 1]], {"a": 2}) == "end"
