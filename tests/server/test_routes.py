"""server/routes.py: the table of routes as a whole."""

from __future__ import annotations

from server.app import ROUTES
from server.exchange import Scope
from server.routes import Guarded, Open

# A new route without a line here fails: whoever adds one says who may use it (knowledge: coverage gaps between routes
# are the commonest real failure of gateways).
EXPECTED = {
    ("POST", "/v1/chat/completions"): "call",
    ("POST", "/v1/responses"): "call",
    ("POST", "/v1/messages"): "call",
    ("POST", "/v1/messages/count_tokens"): "call",
    ("GET", "/v1/models"): "call",
    **{(method, path): "call" for method in ("GET", "POST", "DELETE") for path in ("/mcp", "/mcp/{server}")},
    ("GET", "/tools"): "call",
    ("POST", "/tools/{tool}"): "call",
    ("POST", "/tools/{server}/{tool}"): "call",
    **{(m, "/proxy/{server}/{rest:path}"): "call" for m in ("GET", "POST", "PUT", "PATCH", "DELETE")},
    ("GET", "/v1/approvals"): "approve",
    ("GET", "/v1/approvals/{id}"): "approve",
    ("POST", "/v1/approvals/{id}"): "approve",
    ("GET", "/v1/memory/quarantine"): "approve",
    ("POST", "/v1/memory/release"): "approve",
    ("POST", "/v1/decide"): "decide",
    ("POST", "/v1/runs"): "runs",
    ("POST", "/v1/runs/{id}/acts"): "approve",
    ("GET", "/v1/decisions/{id}"): "audit",
    ("POST", "/v1/reports"): "report",
    ("GET", "/v1/audits"): "approve",
    ("POST", "/v1/audits/{id}"): "approve",
    ("GET", "/v1/abstractions"): "approve",
    ("GET", "/v1/abstractions/{id}"): "approve",
    ("POST", "/v1/abstractions/{id}/approve"): "approve",
    ("POST", "/v1/abstractions/{id}/reject"): "approve",
    ("POST", "/v1/abstractions/{id}/edit"): "approve",
    ("POST", "/v1/refresh"): "approve",
    ("POST", "/v1/memory/rollback"): "approve",
    ("POST", "/v1/memory/retract"): "admin",
    ("GET", "/v1/policies"): "policy",
    ("POST", "/v1/policies"): "admin",
    ("GET", "/v1/policies/{id}"): "policy",
    ("GET", "/v1/policies/{id}/diff"): "policy",
    ("POST", "/v1/policies/{id}/activate"): "admin",
    ("POST", "/v1/policies/{id}/rollback"): "admin",
    **{("GET", path): None for path in ("/", "/console/approvals.js", "/console/console.css")},
    ("GET", "/healthz"): None,
    ("GET", "/readyz"): None,
    ("GET", "/metrics"): None,
    ("GET", "/.well-known/oauth-protected-resource"): None,
}


def test_every_route_has_a_known_keeper() -> None:
    found = {(route.method, route.path): route.scope.value if isinstance(route, Guarded) else None for route in ROUTES}
    assert found == EXPECTED


def test_which_routes_take_other_scopes_too() -> None:
    """An agent's report is taken, and weighs as an agent's (server/reporting.py); an agent sees how its ask stands."""
    guarded = [route for route in ROUTES if isinstance(route, Guarded)]
    assert {(route.method, route.path): set(route.also) for route in guarded if route.also} == {
        ("POST", "/v1/reports"): {Scope.CALL, Scope.APPROVE, Scope.ADMIN},
        ("GET", "/v1/approvals/{id}"): {Scope.CALL},
        **{("GET", f"/v1/policies{rest}"): {Scope.ADMIN} for rest in ("", "/{id}", "/{id}/diff")},
    }


def test_no_route_stands_twice() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_open_routes_stand_outside_the_api() -> None:
    assert all(not route.path.startswith("/v1") for route in ROUTES if isinstance(route, Open))
