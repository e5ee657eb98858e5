"""Records over HTTP, for people: Decisions by their own id or their exchange's. Another tenant's are unknown ones."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from policy_dsl import strict_json

from .edge import EdgeError
from .exchange import Answer, Caller, Scope, Whole
from .intake import Incoming
from .routes import Guarded
from .services import Services

_EXCHANGE = re.compile(r"dec-[0-9a-z]{26}")
_DECISION = re.compile(r"dec-[0-9a-z]{26}\.[1-9][0-9]{0,5}")


async def _decision(services: Services, request: Incoming, caller: Caller) -> Answer:
    """One Decision, or all of an exchange: `x-leastward-decision` carries either (docs/adr/0005-decision-ids.md)."""
    name = request.path_values.get("id", "")
    found: Any = None
    if _DECISION.fullmatch(name):
        found = await asyncio.to_thread(services.store.decision, name, caller.tenant)
    elif _EXCHANGE.fullmatch(name):
        taken = await asyncio.to_thread(services.store.decisions, name, caller.tenant)
        found = {"id": name, "decisions": taken} if taken else None
    if found is None:
        raise EdgeError(404, "unknown-decision", "there is no such decision")
    return Whole(200, strict_json.encode(found))


ROUTES = (
    Guarded("GET", "/v1/decisions/{id}", Scope.AUDIT, _decision, "One Decision as it was recorded, or an exchange's"),
)
