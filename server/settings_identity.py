"""The settings of identity: whose signed tokens are taken beside the gate's own API keys."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .exchange import Scope
from .settings_part import CaFile, FoundFile, Part

Algorithm = Literal["ES256", "ES384", "EdDSA", "PS256", "RS256", "RS384", "RS512"]
GrantedScope = Literal["call", "runs", "report", "approve", "decide", "policy", "audit", "admin"]


class IssuerSettings(Part):
    """One issuer of JWTs (docs/identity.md)."""

    issuer: str = Field(description="What its tokens say in `iss`, exactly.")
    audience: str = Field(min_length=1, description="What its tokens for this gate say in `aud`.")
    jwks: str | None = Field(default=None, description="Address of its keys; without it the issuer's metadata says.")
    jwks_file: FoundFile | None = Field(default=None, description="File with its keys, in place of an address.")
    ca_file: CaFile | None = Field(default=None, description="Certificates to trust in place of the system's.")
    algorithms: list[Algorithm] = Field(
        default=["ES256", "RS256"], min_length=1, description="Signatures that are taken; never one by a shared secret."
    )
    tenant: str | None = Field(default=None, description="Tenant of everyone who comes with its tokens.")
    tenant_claim: str | None = Field(default=None, description="Claim that names the tenant, in place of `tenant`.")
    agent_claim: str = Field(default="azp", description="Claim that names the agent: the client that the token is for.")
    user_claim: str | None = Field(default="sub", description="Claim that names the user; null for tokens of machines.")
    roles_claim: str | None = Field(default="roles", description="Claim with the roles: a list, or words in a text.")
    claims: list[str] = Field(default=[], description="Claims that policies may ask about (`principal claim`).")
    scopes: list[GrantedScope] = Field(
        default=["call"], description="The most that its tokens may do; a token asks for less in `scope`."
    )
    scope_prefix: str = Field(default="leastward:", description="What marks the gate's scopes in `scope`.")
    speaks_for_user: bool = Field(
        default=False, description="Whether user messages sent with its tokens are the user's own words."
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.tenant is None) == (self.tenant_claim is None):
            raise ValueError("either `tenant` or `tenant_claim` is named")
        if self.jwks is not None and self.jwks_file is not None:
            raise ValueError("either `jwks` or `jwks_file` is named, not both")
        return self

    @property
    def granted(self) -> frozenset[Scope]:
        return frozenset(map(Scope, self.scopes))


class IdentitySettings(Part):
    """Who is taken for whom by signed tokens. Without issuers there are API keys alone."""

    resource: str | None = Field(
        default=None, description="The gate's own public address, for clients that look for its issuers (RFC 9728)."
    )
    issuers: dict[str, IssuerSettings] = Field(default={}, description=(IssuerSettings.__doc__ or ""))

    @model_validator(mode="after")
    def _issuers_are_told_apart(self) -> Self:
        named = [issuer.issuer for issuer in self.issuers.values()]
        if len(set(named)) < len(named):
            raise ValueError("two issuers have the same name in `iss`")
        return self
