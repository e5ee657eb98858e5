"""Opens what the settings of identity name: issuers, the watch over their keys, and the tokens that they verify."""

from __future__ import annotations

import time
from pathlib import Path

from server.settings_identity import IdentitySettings, IssuerSettings

from .issuer import Issuer
from .sources import discovered, from_file, from_url
from .tokens import Tokens
from .watch import KeyWatch, Read


def open_tokens(settings: IdentitySettings, folder: Path) -> tuple[Tokens, KeyWatch]:
    """Tokens, and what keeps their keys fresh. Relative paths are relative to `folder`. Raises ValueError for an
    address that cannot be used."""
    watch = KeyWatch({name: source(name, issuer, folder) for name, issuer in settings.issuers.items()})
    issuers = [_issuer(name, issuer) for name, issuer in settings.issuers.items()]
    return Tokens(issuers, watch.keys, time.time, watch.unknown), watch


def source(name: str, issuer: IssuerSettings, folder: Path) -> Read:
    """Where the keys of one issuer are read. Raises ValueError for an address that cannot be used."""
    if issuer.jwks_file is not None:
        return from_file(folder / issuer.jwks_file)
    if issuer.jwks is not None:
        return from_url(name, issuer.jwks, issuer.ca_file)
    return discovered(name, issuer.issuer, issuer.ca_file)


def _issuer(name: str, issuer: IssuerSettings) -> Issuer:
    return Issuer(
        name=name,
        iss=issuer.issuer,
        audience=issuer.audience,
        tenant=issuer.tenant,
        tenant_claim=issuer.tenant_claim,
        agent_claim=issuer.agent_claim,
        user_claim=issuer.user_claim,
        roles_claim=issuer.roles_claim,
        scopes=issuer.granted,
        scope_prefix=issuer.scope_prefix,
        claims=tuple(issuer.claims),
        speaks_for_user=issuer.speaks_for_user,
        algorithms=tuple(issuer.algorithms),
    )
