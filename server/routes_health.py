"""Whether the gate lives, whether it can do its work, and what it counts."""

from __future__ import annotations

from policy_dsl import Json, strict_json

from .auth import Doorkeeper
from .edge import EdgeError
from .exchange import Answer, Scope, Whole
from .intake import Incoming
from .metrics import CONTENT_TYPE
from .routes import Open
from .services import Services
from .store import StoreError

_ALIVE = Whole(200, b'{"alive":true}')


async def _healthz(services: Services, request: Incoming) -> Answer:
    return _ALIVE


async def _readyz(services: Services, request: Incoming) -> Answer:
    """200 while calls can be decided and recorded. A policy that no longer loads keeps the gate ready: the last good
    one decides, and `policy.error` says so."""
    policies, settings = services.policies, services.settings
    trouble = services.store.healthy
    ready = policies.is_loaded and trouble is None
    error = policies.error
    if error is not None and not _may_read_policy(services, request):
        error = "the policy files do not load; the log says why, and this route to a key with the scope `policy`"
    body: dict[str, Json] = {
        "ready": ready,
        "mode": settings.mode,
        "text_calls": "off" if settings.text_calls == "off" else [*settings.text_calls],
        "policy": {
            "hash": policies.current.policy_hash if policies.is_loaded else None,
            "loaded_at": policies.loaded_at.isoformat(timespec="seconds") if policies.loaded_at else None,
            "error": error,
        },
        "records": "ok" if trouble is None else "cannot be written",
    }
    if services.memory is not None:
        body["memory"] = "ok" if services.memory.trouble is None else "stale"
    if services.standings is not None and policies.is_loaded:
        misses = services.standings.misses(policies.current.program.policy)
        body["internalized"] = "policy-in-prompt" if any(misses.values()) else "ok"
        if _may_read_policy(services, request):  # what models there are is not everybody's to know
            body["taught"] = {"/".join(model): miss or "taught" for model, miss in misses.items()}
    services.metrics.ready(ready)
    return Whole(200 if ready else 503, strict_json.encode(body), {"cache-control": "no-store"})


async def _metrics(services: Services, request: Incoming) -> Answer:
    return Whole(200, services.metrics.text(), content_type=CONTENT_TYPE)


def _may_read_policy(services: Services, request: Incoming) -> bool:
    """The rendered error shows lines of the policy: for this machine alone, and for who may read policies."""
    if services.settings.listen.is_loopback:
        return True
    try:
        Doorkeeper(services.store.caller_for).caller(request.headers, Scope.POLICY)
    except (EdgeError, StoreError):
        return False
    return True


ROUTES = (
    Open("GET", "/healthz", _healthz, "Whether the process answers"),
    Open("GET", "/readyz", _readyz, "Whether calls can be decided and recorded"),
    Open("GET", "/metrics", _metrics, "Counters in Prometheus' text format"),
)
