"""`/v1/models`: what the upstreams say they serve, read strictly, as one list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from policy_dsl import StrictJsonError, encode_json, parse_json

from .exchange import Caller, Whole
from .upstream import Upstream, UpstreamError
from .wire import openai_error

LIMIT: Final = 1 << 20
SECONDS: Final = 10.0


class ModelList:
    """Asks every upstream at once. One that does not answer is left out; if none does the answer is 502."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams

    async def __call__(self, caller: Caller) -> Whole:
        answers = await asyncio.gather(*(_models_of(upstream) for upstream in self._upstreams.values()))
        heard = [models for models in answers if models is not None]
        if not heard:
            return Whole(502, openai_error(502, "no upstream could be asked for its models", code="upstream-error"))
        return Whole(200, encode_json({"object": "list", "data": [model for models in heard for model in models]}))


async def _models_of(upstream: Upstream) -> list[dict[str, Any]] | None:
    deadline = time.monotonic() + SECONDS
    try:
        reply = await upstream.get("/models", deadline=deadline)
        tree: Any = parse_json(await reply.read(LIMIT), numbers="kept")
    except (UpstreamError, StrictJsonError):
        return None
    data = tree.get("data") if isinstance(tree, dict) else None
    if reply.status != 200 or not isinstance(data, list):
        return None
    # A model is named and nothing else of it is passed on: what upstreams add differs, and agents read only this.
    named = [model for model in data if isinstance(model, dict) and isinstance(model.get("id"), str)]
    return [
        {"id": model["id"], "object": "model", "created": _created(model), "owned_by": upstream.name} for model in named
    ]


def _created(model: dict[str, Any]) -> int:
    created = model.get("created")
    return created if type(created) is int else 0
