"""Where clients find out whose tokens this gate takes (RFC 9728, as MCP clients ask it)."""

from __future__ import annotations

from policy_dsl import Json, encode_json

from .edge import EdgeError
from .exchange import Answer, Scope, Whole
from .intake import Incoming
from .routes import Open
from .services import Services

PATH = "/.well-known/oauth-protected-resource"


async def _resource(services: Services, request: Incoming) -> Answer:
    identity = services.settings.identity
    if identity.resource is None or not identity.issuers:
        raise EdgeError(404, "unknown-route", "this gate takes no signed tokens")
    prefixes = sorted({issuer.scope_prefix for issuer in identity.issuers.values()})
    granted = {scope for issuer in identity.issuers.values() for scope in issuer.granted}
    scopes: list[Json] = [f"{prefix}{scope.value}" for prefix in prefixes for scope in Scope if scope in granted]
    body: dict[str, Json] = {
        "resource": identity.resource,
        "authorization_servers": [issuer.issuer for issuer in identity.issuers.values()],
        "bearer_methods_supported": ["header"],
        "scopes_supported": scopes,
    }
    return Whole(200, encode_json(body), {"cache-control": "max-age=300"})


ROUTES = (Open("GET", PATH, _resource, "Whose tokens this gate takes (RFC 9728)"),)
