"""Transaction intents: the schemas that ship, what a call spells, and the hash that tells two of them apart.

Names intents/{schema,fields,identity}.py.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import Json, intent_hash, intent_of, parse, parse_json, policy_set
from policy_dsl.intents import named, schema

CALLS = yaml.safe_load((Path(__file__).parent / "calls.yaml").read_text(encoding="utf-8"))


# --- schemas --------------------------------------------------------------------------------------------------------


def test_the_schema_of_a_payment() -> None:
    known = schema("payment", 1)
    assert known is not None
    assert known.required == ("asset", "amount", "to", "rail")
    assert list(known.fields) == ["asset", "amount", "from", "to", "rail", "deadline", "purpose", "simulation"]
    assert named("payment") == (known,)
    assert schema("payment", 2) is None
    assert named("transfer") == ()


def test_a_schema_that_shipped_is_not_edited() -> None:
    """Policies and Records name a version: another meaning is another file."""
    data = (files("policy_dsl.intents") / "payment-1.json").read_bytes()
    known = schema("payment", 1)
    assert known is not None
    assert known.digest == f"sha256:{hashlib.sha256(data).hexdigest()}" == SHIPPED


SHIPPED = "sha256:f4550cf88625fcfa2a91ae35c9e630931bff2073180d74835561485d4231ab62"


def test_every_field_says_what_it_means() -> None:
    for entry in files("policy_dsl.intents").iterdir():
        if entry.name.endswith(".json"):
            written = json.loads(entry.read_text(encoding="utf-8"))
            assert written["additionalProperties"] is False
            assert set(written["required"]) <= set(written["properties"])
            assert all(field["description"] for field in written["properties"].values())


# --- what a call spells ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case["note"])
def test_what_a_call_spells(case: dict[str, Any]) -> None:
    policy = policy_set([parse(f"language 1\n{case['maps']}", "a.lw")])
    arguments = parse_json(case["arguments"])
    assert isinstance(arguments, dict)
    found = intent_of(policy, case.get("tool", "send"), case.get("server"), arguments)
    if case["fields"] is None:
        assert found is None
    else:
        assert found == ("payment", 1, parse_json(case["fields"], numbers="kept"))


def test_what_cannot_be_computed_exactly_is_no_intent() -> None:
    """1,000 digits are what a decision itself computes with."""
    spelled = '{ asset = "EUR", amount = number of a * number of a, to = b, rail = "x" }'
    policy = policy_set([parse(f"language 1\nintent payment 1 from send {spelled}", "a.lw")])
    assert intent_of(policy, "send", None, {"a": "9" * 499, "b": "A"}) is not None
    assert intent_of(policy, "send", None, {"a": "9" * 501, "b": "A"}) is None


# --- the hash -------------------------------------------------------------------------------------------------------


def test_the_hash_is_of_canonical_json() -> None:
    """Anyone can compute it: sorted members, no blanks, one spelling of each number."""
    text = '{"fields":{"amount":12.5,"asset":"EUR","to":"é"},"intent":"payment","version":1}'
    expected = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert intent_hash("payment", 1, {"to": "é", "asset": "EUR", "amount": Decimal("12.50")}) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, Decimal("1.0")),
        (Decimal("1E+3"), 1000),
        (0, Decimal("-0.00")),
        (Decimal("1E-18"), Decimal("0.0" + "0" * 16 + "10")),
    ],
)
def test_one_number_has_one_spelling(one: Json, other: Json) -> None:
    assert intent_hash("payment", 1, {"amount": one}) == intent_hash("payment", 1, {"amount": other})


@pytest.mark.parametrize(
    "other",
    [
        ("payment", 2, {"amount": 1}),
        ("other", 1, {"amount": 1}),
        ("payment", 1, {"amount": "1"}),
        ("payment", 1, {"amount": True}),
        ("payment", 1, {"amount": 10**30}),
        ("payment", 1, {"amount": 1, "to": None}),
        ("payment", 1, {"amount": [1]}),
    ],
)
def test_different_intents_have_different_hashes(other: tuple[str, int, dict[str, Json]]) -> None:
    assert intent_hash(*other) != intent_hash("payment", 1, {"amount": 1})


NUMBERS = st.one_of(st.integers(-(10**40), 10**40), st.decimals(allow_nan=False, allow_infinity=False, places=20))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(st.characters(exclude_categories=("Cs",)), max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("ab\U0001f600￿", max_size=3), inner)),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcé", max_size=3), VALUES, max_size=4), st.randoms())
def test_the_order_of_members_means_nothing(fields: dict[str, Json], random: Any) -> None:
    names = list(fields)
    random.shuffle(names)
    assert intent_hash("payment", 1, {name: fields[name] for name in names}) == intent_hash("payment", 1, fields)


def test_members_are_in_order_of_utf16() -> None:
    """RFC 8785 section 3.2.3: U+1F600 is a pair of surrogates there, and so before U+FFFF."""
    text = '{"fields":{"\U0001f600":1,"￿":2},"intent":"payment","version":1}'
    expected = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert intent_hash("payment", 1, {"￿": 2, "\U0001f600": 1}) == expected
