"""A rule on an intent says of a call what it would say of the intent itself, were that a tool (bundles/ has the rest).

Names resolve/{intents,intent_maps,substitution}.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import (
    NOBODY,
    Catalogue,
    IntentMap,
    NamedArgument,
    PolicySet,
    Signature,
    ToolPattern,
    intent_of,
    parse,
    policy_set,
    reference_decide,
)

MAPS = {
    "plain": 'asset = currency, amount = amount, to = payee, rail = "sepa", purpose = memo',
    "computed": 'asset = "EUR", amount = number of cents * 0.01, to = payee, rail = currency, from = account.id',
    "inside": "asset = currency, amount = legs[0].size - fee, to = payee, rail = memo, simulation = account",
}
SIGNATURES = ["asset, amount, to, rail, from?, purpose?, simulation?(id)", "amount, to, ...", "asset, amount, to, rail"]
TESTS = [
    "amount > 5",
    "amount <= 12.5",
    'to in { "a", "b" }',
    'asset == "EUR"',
    'rail != "sepa"',
    "has purpose",
    "missing from",
    "absent simulation",
    '(missing purpose or purpose contains "a")',
    '(has from and from == "a")',
    '(if has simulation then simulation.id == "a" else amount > 5)',
    "length of to > 0",
    'to starts with "a" ignoring case',
    "amount is multiple of 0.5",
]


def _policies(spelled: str, signature: str, effect: str, tests: list[str], joint: str) -> tuple[PolicySet, PolicySet]:
    condition = f" {joint} ".join(tests)
    closed = "" if effect == "forbid" else f"({signature})"
    base = "\nallow { send, payment }(...) as base priority -1" if effect == "forbid" else ""
    written = f"{effect} TARGET{closed} as r when {condition}{base}"
    maps = f"intent payment 1 from send {{ {spelled} }}\n"
    mapped = policy_set([parse(f"language 1\n{maps}{written.replace('TARGET', 'intent payment')}", "a.lw")])
    plain = policy_set([parse(f"language 1\n{written.replace('TARGET', 'payment')}", "a.lw")])
    return mapped, plain


TEXTS = st.sampled_from(["a", "b", "A", "EUR", "sepa", ""])
ACCOUNTS = st.fixed_dictionaries({"id": TEXTS, "success": st.booleans()})
CALLS = {
    "plain": st.fixed_dictionaries(
        {"payee": TEXTS, "currency": TEXTS, "amount": st.integers(0, 20)},
        optional={"memo": TEXTS},
    ),
    "computed": st.fixed_dictionaries(
        {"payee": TEXTS, "currency": TEXTS, "cents": st.sampled_from(["1250", "600", "0", "-5"])},
        optional={"account": st.fixed_dictionaries({"id": TEXTS})},
    ),
    "inside": st.fixed_dictionaries(
        {
            "payee": TEXTS,
            "currency": TEXTS,
            "memo": TEXTS,
            "fee": st.integers(0, 3),
            "legs": st.lists(st.fixed_dictionaries({"size": st.integers(0, 20)}), min_size=1, max_size=2),
        },
        optional={"account": ACCOUNTS},
    ),
}


@settings(max_examples=60)  # each parses two policies
@given(
    st.sampled_from(sorted(MAPS)).flatmap(lambda name: st.tuples(st.just(name), CALLS[name])),
    st.sampled_from(SIGNATURES),
    st.sampled_from(["allow", "ask", "forbid"]),
    st.lists(st.sampled_from(TESTS), min_size=1, max_size=3),
    st.sampled_from(["and", "or"]),
)
def test_a_rule_on_an_intent_is_a_rule_on_its_fields(
    called: tuple[str, dict[str, Any]], signature: str, effect: str, tests: list[str], joint: str
) -> None:
    name, call = called
    mapped, plain = _policies(MAPS[name], signature, effect, tests, joint)
    intent = intent_of(mapped, "send", None, call)
    assert intent is not None
    one = reference_decide(mapped, mapped.catalogue, "send", call, NOBODY)
    other = reference_decide(plain, plain.catalogue, "payment", intent[2], NOBODY)
    assert (one.effect, one.reason) == (other.effect, other.reason)
    assert one.rule == (f"{other.rule}/send" if other.rule == "r" else other.rule)


RULE = "allow intent payment(asset, amount, to, rail, purpose?) as pay when amount <= 5\n"


@pytest.mark.parametrize(
    ("ignoring", "call", "effect"),
    [
        ("", {}, "allow"),
        ("", {"memo": "x"}, "allow"),
        ("", {"memo": None}, "allow"),
        ("", {"bcc": "x"}, "forbid"),
        ("", {"payee": {"id": "a"}}, "allow"),
        ("", {"payee": {"id": "a", "name": "x"}}, "forbid"),
        (" ignoring { payee }", {"payee": {"id": "a", "name": {"first": "x"}}}, "allow"),
        (" ignoring { note }", {"note": {"any": ["thing"]}}, "allow"),
        (" ignoring { note }", {"note": None}, "allow"),
        (" ignoring { note }", {"note": "x", "bcc": "y"}, "forbid"),
    ],
)
def test_what_no_field_reads_and_no_map_ignores_is_not_accepted(
    ignoring: str, call: dict[str, Any], effect: str
) -> None:
    spelled = 'asset = "EUR", amount = amount, to = payee.id, rail = "sepa", purpose = memo'
    policy = policy_set([parse(f"language 1\nintent payment 1 from send {{ {spelled} }}{ignoring}\n{RULE}", "a.lw")])
    arguments = {"amount": 5, "payee": {"id": "a"}, **call}
    assert reference_decide(policy, policy.catalogue, "send", arguments, NOBODY).effect == effect


def test_an_optional_field_that_the_rule_does_not_name_is_not_accepted() -> None:
    spelled = 'asset = "EUR", amount = amount, to = payee, rail = "sepa", purpose = memo'
    policy = policy_set(
        [
            parse(
                f"language 1\nintent payment 1 from send {{ {spelled} }}\n"
                "allow intent payment(asset, amount, to, rail) as pay",
                "a.lw",
            )
        ]
    )
    assert policy.rules["pay/send"].signature == Signature((NamedArgument("amount"), NamedArgument("payee")), False)


def test_maps_are_in_order_of_their_tools_and_fit_what_the_catalogue_says() -> None:
    tools = Catalogue.from_tools(
        [
            {
                "name": name,
                "inputSchema": {
                    "type": "object",
                    "properties": {"sum": {"type": ["string", "number"]}, "who": {"type": "string"}, "x": {}},
                    "additionalProperties": False,
                },
            }
            for name in ("b", "a")
        ]
    )
    maps = "".join(
        f'intent payment 1 from {tool} {{ asset = "EUR", amount = sum, to = who, rail = x.rail }}\n'
        for tool in ("b", "srv/a", "unlisted")
    )
    policy = policy_set([parse(f"language 1\n{maps}", "a.lw")], tools)
    assert all(isinstance(found, IntentMap) for found in policy.intents)
    assert [found.tool for found in policy.intents] == [
        ToolPattern(None, "b"),
        ToolPattern("srv", "a"),
        ToolPattern(None, "unlisted"),
    ]
