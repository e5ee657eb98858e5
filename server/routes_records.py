"""Records over HTTP, for people: one Decision by its id. Another tenant's id is answered as an unknown one."""

from __future__ import annotations

import asyncio
import re

from policy_dsl import strict_json

from .edge import EdgeError
from .exchange import Answer, Caller, Scope, Whole
from .intake import Incoming
from .routes import Guarded
from .services import Services

_ID = re.compile(r"dec-[0-9a-z]{26}(?:\.[1-9][0-9]{0,5})?")


async def _decision(services: Services, request: Incoming, caller: Caller) -> Answer:
    record_id = request.path_values.get("id", "")
    found = None
    if _ID.fullmatch(record_id):
        found = await asyncio.to_thread(services.store.decision, record_id, caller.tenant)
    if found is None:
        raise EdgeError(404, "unknown-decision", "there is no such decision")
    return Whole(200, strict_json.encode(found))


ROUTES = (Guarded("GET", "/v1/decisions/{id}", Scope.AUDIT, _decision, "One Decision as it was recorded"),)
