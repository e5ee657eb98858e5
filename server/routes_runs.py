"""Runs: a new one sheds what a Session has gathered, so minting one needs a scope of its own."""

from __future__ import annotations

from policy_dsl import strict_json

from .exchange import Answer, Caller, Scope, Whole
from .intake import Incoming
from .routes import Guarded
from .services import Services


async def _mint(services: Services, request: Incoming, caller: Caller) -> Answer:
    run = await services.store.mint_run(caller.principal)
    return Whole(200, strict_json.encode({"id": run.id}), {"x-leastward-run": run.id})


async def _act(services: Services, request: Incoming, caller: Caller) -> Answer:
    return await services.acts(caller, request.path_values.get("id", ""), await request.json_body())


ROUTES = (
    Guarded("POST", "/v1/runs", Scope.RUNS, _mint, "A new run of the caller's principal"),
    Guarded("POST", "/v1/runs/{id}/acts", Scope.APPROVE, _act, "Endorse or declassify what a session carries"),
)
