"""The routes on which calls travel: chat completions, models, and the dry run of a decision."""

from __future__ import annotations

from .edge import EdgeError
from .exchange import Answer, Caller, Scope
from .intake import Incoming
from .routes import Guarded
from .services import Services
from .store import Run


async def _chat(services: Services, request: Incoming, caller: Caller) -> Answer:
    run = _run(services, request, caller)
    return await services.chat(caller, run, await request.json_body())


async def _models(services: Services, request: Incoming, caller: Caller) -> Answer:
    request.run_id()
    return await services.models(caller)


async def _decide(services: Services, request: Incoming, caller: Caller) -> Answer:
    request.run_id()
    return await services.decide(caller, await request.json_body())


def _run(services: Services, request: Incoming, caller: Caller) -> Run:
    """The run that the client names if it is the caller's own, else the caller's standing one."""
    run_id = request.run_id()
    if run_id is None:
        return services.store.default_run(caller.principal)
    run = services.store.run_for(run_id, caller.principal)
    if run is None:
        raise EdgeError(404, "unknown-run", "there is no such run of this key's principal")
    return run


ROUTES = (
    Guarded("POST", "/v1/chat/completions", Scope.CALL, _chat, "Ask a model; the calls in its answer are decided"),
    Guarded("GET", "/v1/models", Scope.CALL, _models, "The models that can be asked"),
    Guarded("POST", "/v1/decide", Scope.DECIDE, _decide, "What would be decided, without recording or releasing"),
)
