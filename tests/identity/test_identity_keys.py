"""server/identity/keys.py: JWKS documents, and which key may have signed what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from server.identity import BadKeySet, KeySet


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b'{"keys":{}}', b'{"keys":[1]}', b'{"keys":[],"keys":[]}', b"\xff", b'{"keys":null}'],
)
def test_what_is_no_key_set(document: bytes) -> None:
    with pytest.raises(BadKeySet):
        KeySet.read(document)


def test_too_many_keys(issuer: Any) -> None:
    with pytest.raises(BadKeySet):
        KeySet.read(json.dumps({"keys": [issuer.jwk("one")] * 65}).encode())


def read(*keys: dict[str, Any]) -> KeySet:
    return KeySet.read(json.dumps({"keys": keys}).encode())


def test_a_key_serves_its_own_kind_alone(issuer_of: Any) -> None:
    issuer = issuer_of(ec="ES256", rsa="RS256", ed="EdDSA")
    keys = read(*(issuer.jwk(kid) for kid in ("ec", "rsa", "ed")))
    served = {
        (kid, algorithm)
        for kid in ("ec", "rsa", "ed")
        for algorithm in ("ES256", "ES384", "RS256", "PS256", "EdDSA")
        if keys.key_for(kid, algorithm) is not None
    }
    assert served == {("ec", "ES256"), ("rsa", "RS256"), ("ed", "EdDSA")}


def test_keys_that_are_not_for_signatures_or_have_no_name(issuer: Any) -> None:
    key = issuer.jwk("one")
    nameless = {name: value for name, value in key.items() if name != "kid"}
    assert len(read({**key, "use": "enc"}, nameless, {**key, "d": "x"}, {"kty": "oct", "k": "aa", "kid": "s"})) == 0
    assert len(read(key)) == 1


def test_two_keys_of_one_name_are_none(issuer: Any) -> None:
    key = issuer.jwk("one")
    assert read(key).key_for("one", "ES256") is not None
    assert read(key, key).key_for("one", "ES256") is None


def test_a_broken_or_short_key_is_none(issuer: Any) -> None:
    assert read({**issuer.jwk("one"), "x": "AA"}).key_for("one", "ES256") is None
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    key = {**json.loads(RSAAlgorithm.to_jwk(short.public_key())), "kid": "short"}
    assert read(key).key_for("short", "RS256") is None
