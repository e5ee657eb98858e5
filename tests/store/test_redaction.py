"""server/store/redaction.py and payload.py: what of a call's arguments reaches the disk."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail import arguments_digest
from policy_dsl import strict_json
from server.store import sealed
from server.store.redaction import REDACTED, redacted

SECRET = "c4n4ry-value"


@pytest.mark.parametrize(
    "name",
    [
        "password", "Password", "db_password", "userPassword", "PASSWORD", "passwd", "token", "access_token",
        "accessToken", "refresh-token", "api_key", "apiKey", "X-Api-Key", "APIKEY", "authorization", "Authorization",
        "Proxy-Authorization", "client_secret", "secret", "aws_secret_access_key", "cookie", "Set-Cookie", "pin",
        "cardPin", "cvv", "otp", "private_key", "credentials", "passphrase", "pwd",
    ],
)  # fmt: skip
def test_values_of_secret_names_are_replaced_at_any_depth(name: str) -> None:
    for value in (SECRET, [SECRET], {"a": SECRET}):
        _, kept = redacted({"outer": [{name: value}], "plain": "seen"})
        assert json.loads(kept) == {"outer": [{name: REDACTED}], "plain": "seen"}


@pytest.mark.parametrize("name", ["shipping", "footpath", "opinion", "tokenizer", "author", "key", "spin", "passenger"])
def test_names_that_only_look_alike_are_kept(name: str) -> None:
    _, kept = redacted({name: SECRET})
    assert json.loads(kept) == {name: SECRET}


@pytest.mark.parametrize(
    "text",
    [
        "lw-" + "A" * 43,
        "Bearer abcdefgh12345678",
        "basic dXNlcjpwYXNzd29yZA==",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIB",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_shapes_of_secrets_are_replaced_wherever_they_stand(text: str) -> None:
    _, kept = redacted({"headers": [f"before {text}"], text: 1})
    members = json.loads(kept)
    assert members.pop("headers") == [f"before {REDACTED}"]
    assert list(members) == [REDACTED]


def test_ordinary_text_is_kept() -> None:
    text = "basic economics for the bearer of bearer instruments, lw-short and -----BEGIN CERTIFICATE-----"
    assert json.loads(redacted({"subject": text})[1]) == {"subject": text}


def test_the_digest_is_over_the_arguments_as_they_were() -> None:
    arguments: dict[str, Any] = {"password": SECRET, "amount": Decimal("1.50")}
    digest, _, payload = sealed(arguments, salt=b"s" * 16)
    assert digest == arguments_digest(b"s" * 16, b'{"password":"c4n4ry-value","amount":1.50}')
    assert payload.arguments == b'{"password":"[redacted]","amount":1.50}'
    assert sealed(arguments)[0] != sealed(arguments)[0], "every record has a salt of its own"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text('ab\u00e9"\\ -\U0001f600', max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "token", "x_y"]), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "password", "d"]), _JSON))
@settings(print_blob=True)
def test_redaction_replaces_and_never_adds_or_drops(arguments: dict[str, Any]) -> None:
    encoded, kept = redacted(arguments)
    assert strict_json.parse(encoded) == arguments
    again = strict_json.parse_object(kept)
    assert list(again) == list(arguments)
    assert redacted(again)[1] == kept
    assert "password" not in arguments or again["password"] == REDACTED
