"""An issuer of tokens, and how its claims are read as a Principal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from guardrail import Principal
from server.exchange import Caller, Scope

ALGORITHMS: Final = ("ES256", "ES384", "EdDSA", "PS256", "RS256", "RS384", "RS512")
"""Signatures by a key that only the issuer has. No algorithm with a shared secret is ever taken: a verifier that knows
the key could be made to take the issuer's public key for one (RFC 8725 section 3.1)."""

MOST_DELEGATIONS: Final = 16


class BadToken(Exception):
    """A token that makes nobody. `code` is stable; nothing of the token is repeated."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Issuer:
    """`tenant` is fixed for all its tokens unless `tenant_claim` names where it stands. Claims are named by paths with
    dots (`realm_access.roles`). `scopes` bounds what its tokens may ever do; `scope_prefix` marks ours in `scope`."""

    name: str
    iss: str
    audience: str
    tenant: str | None
    tenant_claim: str | None = None
    agent_claim: str = "azp"
    user_claim: str | None = "sub"
    roles_claim: str | None = "roles"
    scopes: frozenset[Scope] = frozenset({Scope.CALL})
    scope_prefix: str = "leastward:"
    claims: tuple[str, ...] = ()
    speaks_for_user: bool = False
    algorithms: tuple[str, ...] = field(default=("ES256", "RS256"))

    def caller(self, claims: Mapping[str, Any]) -> Caller:
        """Who verified `claims` are. Raises BadToken where they do not say it as they must."""
        tenant = self.tenant if self.tenant_claim is None else _text(claims, self.tenant_claim)
        agent = _text(claims, self.agent_claim)
        user = None if self.user_claim is None else _text(claims, self.user_claim)
        principal = Principal(
            tenant,
            agent,
            user,
            frozenset(self._roles(claims)),
            {name: found for name in self.claims if (found := _at(claims, name)) is not None},
            _delegation(claims),
        )
        return Caller(principal, self._scopes(claims), f"{self.name}:{user or agent}", self.speaks_for_user)

    def _roles(self, claims: Mapping[str, Any]) -> list[str]:
        found = None if self.roles_claim is None else _at(claims, self.roles_claim)
        if found is None:
            return []
        roles = found.split() if isinstance(found, str) else found
        if not isinstance(roles, list) or not all(isinstance(role, str) and role for role in roles):
            raise BadToken("bad-roles")
        return roles

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[Scope]:
        """Those that the token asks for and its issuer may give; without a `scope` of ours, `call` alone."""
        said = claims.get("scope", "")
        words = said.split() if isinstance(said, str) else said
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise BadToken("bad-scope")
        ours = {word.removeprefix(self.scope_prefix) for word in words if word.startswith(self.scope_prefix)}
        return frozenset(scope for scope in self.scopes if scope.value in (ours or {Scope.CALL.value}))


def _delegation(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The chain of `act` claims (RFC 8693 section 4.1), outermost first: who acts for whom in this token."""
    chain: list[str] = []
    actor = claims.get("act")
    while actor is not None:
        if not isinstance(actor, dict) or not isinstance(actor.get("sub"), str) or len(chain) >= MOST_DELEGATIONS:
            raise BadToken("bad-delegation")
        chain.append(actor["sub"])
        actor = actor.get("act")
    return tuple(chain)


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its whole name first: names that are URLs hold dots."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _text(claims: Mapping[str, Any], path: str) -> str:
    found = _at(claims, path)
    if not isinstance(found, str) or not 0 < len(found) <= 256:
        raise BadToken("missing-claim")
    return found
