"""The routes of model servers, on which calls travel in answers, and the dry run of a decision."""

from __future__ import annotations

from .edge import EdgeError
from .exchange import Answer, Caller, Scope
from .intake import Incoming
from .routes import Guarded, Handler
from .services import Services
from .store import Run
from .wire import CHAT, Dialect
from .wire.messages import COUNT_TOKENS_PATH, MESSAGES, read_token_count
from .wire.responses import RESPONSES


def _asking(dialect: Dialect) -> Handler:
    async def asked(services: Services, request: Incoming, caller: Caller) -> Answer:
        run = run_of(services, request, caller)
        return await services.ask(dialect, caller, run, await request.json_body())

    return asked


async def _count_tokens(services: Services, request: Incoming, caller: Caller) -> Answer:
    run = run_of(services, request, caller)
    body = await request.json_body()
    return await services.aside(MESSAGES, COUNT_TOKENS_PATH, read_token_count, caller, run, body)


async def _models(services: Services, request: Incoming, caller: Caller) -> Answer:
    request.run_id()
    return await services.models(caller)


async def _decide(services: Services, request: Incoming, caller: Caller) -> Answer:
    request.run_id()
    return await services.decide(caller, await request.json_body())


def run_of(services: Services, request: Incoming, caller: Caller) -> Run:
    """The run that the client names if it is the caller's own, else the caller's standing one."""
    run_id = request.run_id()
    if run_id is None:
        return services.store.default_run(caller.principal)
    run = services.store.run_for(run_id, caller.principal)
    if run is None:
        raise EdgeError(404, "unknown-run", "there is no such run of this key's principal")
    return run


ROUTES = (
    Guarded("POST", "/v1/chat/completions", Scope.CALL, _asking(CHAT), "Ask a model; its calls are decided"),
    Guarded(
        "POST",
        "/v1/responses",
        Scope.CALL,
        _asking(RESPONSES),
        "The same in OpenAI's Responses API",
        error=RESPONSES.error,
    ),
    Guarded(
        "POST",
        "/v1/messages",
        Scope.CALL,
        _asking(MESSAGES),
        "The same in Anthropic's Messages API",
        error=MESSAGES.error,
    ),
    Guarded(
        "POST",
        "/v1/messages/count_tokens",
        Scope.CALL,
        _count_tokens,
        "How many tokens a request has",
        error=MESSAGES.error,
    ),
    Guarded("GET", "/v1/models", Scope.CALL, _models, "The models that can be asked"),
    Guarded("POST", "/v1/decide", Scope.DECIDE, _decide, "What would be decided, without recording or releasing"),
)
