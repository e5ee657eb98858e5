"""server/identity/tokens.py and issuer.py: tokens of issuers, good and forged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from server.exchange import Caller, Scope
from server.identity import ALGORITHMS, Issuer, KeySet, Tokens

HEAD = b'{"alg":"ES256","kid":"one","typ":"JWT"}'


@pytest.fixture
def verify(issuer: Any, now: float, iss: str) -> Callable[..., Caller | None]:
    def verified(token: str, *, later: float = 0.0, **parts: Any) -> Caller | None:
        named = Issuer(**{"name": "corp", "iss": iss, "audience": "leastward", "tenant": "acme", **parts})
        keys = KeySet.read(issuer.document())
        return Tokens([named], lambda _: keys, lambda: now + later).caller_for(token)

    return verified


def test_a_good_token_is_its_caller(issuer: Any, verify: Any) -> None:
    token = issuer.token(roles=["finance"], scope="openid leastward:call leastward:approve", dept="it")
    caller = verify(token, scopes=frozenset({Scope.CALL, Scope.APPROVE, Scope.RUNS}), claims=("dept", "absent"))
    assert caller is not None
    who = caller.principal
    assert (who.tenant, who.agent, who.user, who.roles, who.claims) == (
        "acme",
        "bot",
        "ann",
        {"finance"},
        {"dept": "it"},
    )
    assert caller.scopes == {Scope.CALL, Scope.APPROVE}
    assert caller.key_id == "corp:ann"
    assert caller.speaks_for_user is False


@pytest.mark.parametrize(
    ("claims", "why"), [({"exp": 1}, "expired"), ({"aud": "other"}, "other-audience"), ({"iss": "x"}, "unknown-issuer")]
)
def test_the_log_says_why_a_token_is_refused(
    issuer: Any, verify: Any, caplog: pytest.LogCaptureFixture, claims: dict[str, Any], why: str
) -> None:
    caplog.set_level("DEBUG", "leastward.identity")
    assert verify(issuer.token(**claims)) is None
    (said,) = caplog.records
    assert (said.getMessage(), said.fields) == ("token-refused", {"why": why})  # type: ignore[attr-defined]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_verified(algorithm: str, issuer_of: Any, now: float, iss: str) -> None:
    issuer = issuer_of(one=algorithm, two=algorithm)
    named = Issuer("corp", iss, "leastward", "acme", algorithms=(algorithm,))
    keys = KeySet.read(issuer.document())
    tokens = Tokens([named], lambda _: keys, lambda: now)
    token = issuer.token()
    assert tokens.caller_for(token) is not None
    signed_by_another = issuer.token("two", header={"kid": "one"})
    assert tokens.caller_for(signed_by_another) is None
    head, body, signature = token.split(".")
    flipped = base64.urlsafe_b64decode(signature + "==")
    flipped = bytes([flipped[0] ^ 1]) + flipped[1:]
    assert tokens.caller_for(f"{head}.{body}.{base64.urlsafe_b64encode(flipped).rstrip(b'=').decode()}") is None


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["other", "leastward2"]},
        {"aud": None},
        {"exp": None},
        {"exp": 1_789_999_900},
        {"exp": "1790000600"},
        {"exp": True},
        {"exp": 2**60},
        {"exp": -1},
        {"nbf": 1_790_000_100},
        {"iat": 1_790_000_100},
        {"azp": None},
        {"azp": ""},
        {"azp": 1},
        {"azp": "a" * 300},
        {"sub": None},
        {"sub": ["ann"]},
        {"roles": {"finance": True}},
        {"roles": ["finance", 1]},
        {"scope": 1},
        {"act": "other"},
        {"act": {"sub": 1}},
    ],
)
def test_a_token_that_says_less_or_other_is_nobody(claims: dict[str, Any], issuer: Any, verify: Any) -> None:
    assert verify(issuer.token()) is not None
    assert verify(issuer.token(**claims)) is None


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "other"},
        {"kid": 1},
        {"typ": "logout+jwt"},
        {"crit": ["exp"], "exp": 1},
        {"b64": True},
        {"alg": "ES384"},
    ],
)
def test_a_header_that_asks_for_more_is_nobody(header: dict[str, Any], issuer: Any, verify: Any, now: float) -> None:
    head = json.dumps({**json.loads(HEAD), **header}).encode()
    body = json.dumps(
        {"iss": "https://issuer.example", "aud": "leastward", "exp": now + 60, "azp": "bot", "sub": "ann"}
    ).encode()
    assert verify(issuer.signed(HEAD, body)) is not None
    assert verify(issuer.signed(head, body)) is None


def test_the_public_key_is_no_shared_secret(issuer: Any, verify: Any, now: float) -> None:
    """RFC 8725 section 2.1: `none`, and a MAC made with the issuer's public key."""
    _, body, _ = issuer.token().split(".")
    for algorithm in ("none", "None", "HS256", "hs256"):
        head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": "one"}).encode()).rstrip(b"=").decode()
        for secret in (b"", issuer.document(), json.dumps(issuer.jwk("one")).encode()):
            mac = hmac.digest(secret, f"{head}.{body}".encode(), hashlib.sha256)
            signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
            assert verify(f"{head}.{body}.{signature}") is None
        assert verify(f"{head}.{body}.") is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"iss":"https://issuer.example","aud":"leastward","exp":1790000600,"azp":"bot","sub":"ann","sub":"root"}',
        b'{"iss":"https://issuer.example","aud":"leastward","exp":1790000600,"azp":"bot","sub":"ann","s\\u0075b":"r"}',
        b'{"iss":"https://issuer.example","aud":"leastward","exp":NaN,"azp":"bot","sub":"ann"}',
        b'\xef\xbb\xbf{"iss":"https://issuer.example","aud":"leastward","exp":1790000600,"azp":"bot","sub":"ann"}',
        b'["iss"]',
        b"",
    ],
)
def test_claims_are_read_strictly(body: bytes, issuer: Any, verify: Any) -> None:
    assert verify(issuer.signed(HEAD, body)) is None


@pytest.mark.parametrize("token", ["", ".", "..", "a.b", "a.b.c.d", "a.b.c", "lw-x", "é.b.c", "a b.c.d", "a.b.c=" * 99])
def test_other_texts_are_nobody(token: str, verify: Any) -> None:
    assert verify(token) is None


def test_clocks_may_differ_by_thirty_seconds(issuer: Any, verify: Any) -> None:
    assert verify(issuer.token(), later=629) is not None
    assert verify(issuer.token(), later=631) is None


def test_delegation_is_the_principals_via(issuer: Any, verify: Any) -> None:
    """RFC 8693 section 4.1: the outermost `act` is who acts now."""
    caller = verify(issuer.token(act={"sub": "outer", "act": {"sub": "inner"}}))
    assert caller is not None
    assert caller.principal.via == ("outer", "inner")
    deep: dict[str, Any] = {"sub": "x"}
    for _ in range(20):
        deep = {"sub": "x", "act": deep}
    assert verify(issuer.token(act=deep)) is None


def test_a_token_may_not_do_more_than_its_issuer_grants(issuer: Any, verify: Any) -> None:
    everything = " ".join(f"leastward:{scope.value}" for scope in Scope)
    caller = verify(issuer.token(scope=everything), scopes=frozenset({Scope.CALL, Scope.REPORT}))
    assert caller is not None
    assert caller.scopes == {Scope.CALL, Scope.REPORT}
    other = verify(issuer.token(scope="leastward:admin"))
    assert other is not None
    assert other.scopes == frozenset()


def test_claims_are_named_whole_or_by_path(issuer: Any, verify: Any) -> None:
    token = issuer.token(realm_access={"roles": ["ops"]}, **{"https://corp.example/tenant": "acme2"})
    caller = verify(token, tenant=None, tenant_claim="https://corp.example/tenant", roles_claim="realm_access.roles")
    assert caller is not None
    assert (caller.principal.tenant, caller.principal.roles) == ("acme2", {"ops"})


def test_what_was_verified_is_forgotten_when_it_expires_or_its_keys_change(issuer: Any, now: float, iss: str) -> None:
    named = Issuer("corp", iss, "leastward", "acme")
    moment, keys, unknown = [now], [KeySet.read(issuer.document())], []
    tokens = Tokens([named], lambda _: keys[0], lambda: moment[0], unknown.append)
    token = issuer.token()
    first = tokens.caller_for(token)
    assert first is not None
    assert tokens.caller_for(token) is first
    issuer.private.clear()
    issuer.add("two")
    keys[0] = KeySet.read(issuer.document())
    assert tokens.caller_for(token) is None
    assert unknown == ["corp"]
    fresh = issuer.token("two")
    assert tokens.caller_for(fresh) is not None
    moment[0] += 10_000
    assert tokens.caller_for(fresh) is None
