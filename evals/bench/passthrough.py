"""The usual way to write a proxy: FastAPI in front, one shared httpx client behind. A peer for the gate's measurements.

`python -m evals.bench.passthrough PORT UPSTREAM_URL`
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse


def app(upstream: str) -> FastAPI:
    @asynccontextmanager
    async def life(application: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient(base_url=upstream, timeout=60) as client:
            application.state.client = client
            yield

    proxy = FastAPI(lifespan=life)

    @proxy.post("/v1/chat/completions")
    @proxy.post("/v1/responses")
    @proxy.post("/v1/messages")
    async def passed(request: Request) -> Response:
        client: httpx.AsyncClient = request.app.state.client
        body = await request.body()
        outgoing = client.build_request(
            "POST", request.url.path, content=body, headers={"content-type": "application/json"}
        )
        if b'"stream":true' in body:
            answer = await client.send(outgoing, stream=True)
            return StreamingResponse(answer.aiter_raw(), media_type="text/event-stream")
        answer = await client.send(outgoing)
        return Response(answer.content, answer.status_code, media_type="application/json")

    return proxy


if __name__ == "__main__":
    uvicorn.run(app(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
