"""memory/context: what a call's attributes are (reader.py, kinds.py, vocabulary.py, places.py, target.py), what is left
out of them, and their bytes (encoding.py); conditions.py and read_back.py where they refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from memory import Condition, Context
from memory.context import (
    MOST_ATTRIBUTES,
    MOST_TEXT,
    MOST_WORDS,
    OutsideVocabulary,
    Reader,
    Unreadable,
    condition_of,
    decode,
    encode,
    place_of_attribute,
    read_back,
    spelled_target,
    target_of,
)
from policy_dsl import NOBODY, Facts, parse, parse_json, policy_set

CORPUS = yaml.safe_load((Path(__file__).parent / "contexts.yaml").read_text(encoding="utf-8"))
POLICY = policy_set([parse(CORPUS["policy"], "policy.lw")])
READER = Reader(POLICY)


def read(arguments: Mapping[str, Any], facts: Facts = NOBODY, reader: Reader = READER) -> dict[str, str]:
    return dict(reader.read("send", None, arguments, facts).attributes)


@pytest.mark.parametrize("case", CORPUS["cases"], ids=lambda case: case["title"])
def test_the_attributes_are_as_the_corpus_has_them(case: dict[str, Any]) -> None:
    who = case.get("facts", {})
    facts = Facts(
        agent=who.get("agent"), user=who.get("user"), roles=frozenset(who.get("roles", ())),
        user_words=tuple(who.get("said", ())),
    )  # fmt: skip
    context = READER.read(case.get("tool", "send"), case.get("server"), parse_json(case["call"].encode()), facts)  # type: ignore[arg-type]  # an object
    assert context.tool == case.get("named", "send")
    shown = {name: value for name, value in context.attributes if name not in case.get("besides", CORPUS["besides"])}
    assert shown == case["attributes"]
    assert context.words == case.get("words", "")


def redact(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """As the server's rules do: by name, and by the shape of a text, at any depth."""

    def clean(name: str, value: Any) -> Any:
        if name in ("password", "token"):
            return "[redacted]"
        if isinstance(value, dict):
            return {member.replace("lw-key", "[redacted]"): clean(member, one) for member, one in value.items()}
        if isinstance(value, list):
            return [clean("", one) for one in value]
        return value.replace("lw-key", "[redacted]") if isinstance(value, str) else value

    cleaned: Mapping[str, Any] = clean("", dict(arguments))
    return arguments if cleaned == arguments else cleaned


@pytest.mark.parametrize(
    "call",
    [
        {"password": "hunter2"},
        {"token": 1234567},
        {"to": "lw-key"},
        {"to": f"{'a ' * 40} lw-key"},
        {"deep": {"token": {"x": "hunter2"}, "lw-key": "hunter2"}},
        {"list": ["lw-key", "hunter2"]},
    ],
    ids=str,
)
def test_secrets_are_in_no_attribute_and_no_word(call: dict[str, Any]) -> None:
    context = Reader(POLICY, redact).read("send", None, {**call, "cc": "ann"}, NOBODY)
    written = encode(context).decode()
    assert not any(secret in written for secret in ("hunter2", "1234567", "lw-key"))
    assert ("arg cc", '"ann"') in context.attributes


LARGE = [
    {f"a{n}": "x" for n in range(10_000)},
    {"a": {"b": {"c": {"d": {"e": "deep"}}}}},
    {"a": ["x"] * 100_000},
    {"n" * 10_000: "x", "ok": "y"},
    {"a": "x" * 1_000_000},
    {"a": 10**5_000, "b": Decimal("1E+5000"), "c": Decimal("1E-5000")},
    {"\ud800": "x", "ok": "\ud800", "nul": "\x00"},
    {f"t{n}": "long words " * 50 for n in range(100)},
]


@pytest.mark.parametrize("call", LARGE, ids=range(len(LARGE)))
def test_whatever_a_model_sends_is_bounded(call: dict[str, Any]) -> None:
    context = READER.read("send", None, call, Facts(roles=frozenset(f"r{n}" for n in range(100))))
    assert len(context.attributes) <= MOST_ATTRIBUTES
    assert len(context.words) <= MOST_WORDS
    assert all(len(value) <= 7 * MOST_TEXT for _, value in context.attributes)
    assert decode(encode(context)) == context
    for name, value in context.attributes:
        condition_of(Condition("send", ((name, (value,)),)), READER.vocabulary)


def test_padding_makes_no_test_pass_that_did_not() -> None:
    """What is cut off fails: a call can be made to match less by being large, and never more."""
    call = {"zz": "ann"}
    padded = {**{f"a{n}": "x" for n in range(200)}, **call}
    assert "arg zz" in read(call)
    assert "arg zz" not in read(padded)


@pytest.mark.parametrize(
    ("tool", "server", "text"),
    [
        ("send", None, "send"),
        ("send", "mail", "mail/send"),
        ("mail/send", None, '"mail/send"'),
        ("odd tool", "a/b", '"a/b"/"odd tool"'),
        ('"', None, '"\\""'),
        ("intent", None, '"intent"'),
        ("\u202e", None, '"\\u202e"'),
    ],
)
def test_no_two_tools_have_one_name(tool: str, server: str | None, text: str) -> None:
    assert spelled_target(tool, server) == text
    assert target_of(text) == (server, tool)


@given(st.text(max_size=6), st.one_of(st.none(), st.text(min_size=1, max_size=6)))
def test_a_tool_reads_back_or_is_refused(tool: str, server: str | None) -> None:
    try:
        assert target_of(spelled_target(tool, server)) == (server, tool)
    except OutsideVocabulary:
        assert not tool or "*" in tool or "*" in (server or "")


@pytest.mark.parametrize("text", ["", "*", "get_*", "a b", "a/b/c", '"a', '"a" ', '"send"', "/send", 'x*/"b"'])
def test_what_is_no_tool_is_refused(text: str) -> None:
    with pytest.raises(OutsideVocabulary):
        target_of(text)


@pytest.mark.parametrize(
    "test",
    [
        ("arg", ('"x"',)), ("arg to", ()), ("arg to", ("x",)), ("arg to", ("[1]",)), ("arg .to", ('"x"',)),
        ("arg to or 1 == 1", ('"x"',)), ("what to", ("x",)), ("in nothing to", ("true",)), ("in own to", ("yes",)),
        ("in own body", ("false",)), ("has stranger", ("false",)), ("label nothing", ("true",)), ("role x", ("false",)),
        ("range amount", ("1..11",)), ('arg "to"', ('"x"',)), ("agent x", ("y",)), ("user to", ("maybe",)),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_attribute_is_no_condition(test: tuple[str, tuple[str, ...]]) -> None:
    with pytest.raises(OutsideVocabulary):
        condition_of(Condition("send", (test,)), READER.vocabulary)


@pytest.mark.parametrize(
    "text",
    [
        "amount > 10", "amount >= 11", "amount >= to", "length of to >= 1", "length of tags >= 1", 'to != "x"',
        'to == "x" ignoring case', "to like \"*\"", 'to matches /x/', 'tags[0] == "x"', "absent to", "missing stranger",
        'body not in own', 'to in mail under { "x.example" }', 'path under "/a/b"', 'path under "/"', "known",
        'to == "x" or body == "x"', 'principal has role "a" or principal has role "b"', "to is text",
        "time on { friday } in \"UTC\"", "session has nothing", 'not (to == "x")', 'principal tenant == "t"',
        "to == \"" + "x" * 65 + "\"", "amount >= 10 and amount < 10",
        "amount == 1 and amount == 2", "each of to in own",
    ],
)  # fmt: skip
def test_what_memory_does_not_look_at_is_refused_with_a_sentence(text: str) -> None:
    [rule] = parse(f"language 1\nforbid send when {text}").statements
    with pytest.raises(OutsideVocabulary) as refused:
        read_back(rule.when, "send", READER.vocabulary)  # type: ignore[union-attr]  # a rule
    assert not refused.value.message.endswith(".")
    assert refused.value.message[0].islower() or refused.value.message[0] == "`"


@pytest.mark.parametrize(
    ("attribute", "place"),
    [
        ("arg to", ("to",)), ('has a."b c"', ("a", "b c")), ("in own a.b", ("a", "b")), ("agent", None), ("user", None),
        ("user a", ("a",)), ("label x", None), ("role x y", None), ("arg a..b", None), ('arg "a', None),
    ],
)  # fmt: skip
def test_the_place_of_an_attribute(attribute: str, place: tuple[str, ...] | None) -> None:
    assert place_of_attribute(attribute) == place


WRITTEN = encode(Context("send", (("agent", "bot"), ("arg to", '"x"')), "words"))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"\xff", b"[" * 10_000, WRITTEN[:-1], WRITTEN + b"x", b" " * 70_000,
        WRITTEN.replace(b'"v":1', b'"v":2'),
        WRITTEN.replace(b'"v":1', b'"v":1,"x":1'),
        WRITTEN.replace(b'"agent"', b'"b"'),
        WRITTEN.replace(b'"agent"', b'"arg to"'),
        WRITTEN.replace(b'"bot"', b"1"),
        json.dumps({"tool": "t", "attributes": [[f"a{n:03}", ""] for n in range(300)], "words": "", "v": 1}).encode(),
    ],
    ids=range(14),
)  # fmt: skip
def test_bytes_that_are_no_context_are_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data)


@given(st.binary(max_size=40))
def test_bytes_are_a_context_or_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data)
