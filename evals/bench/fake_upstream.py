"""A model server that costs almost nothing: the fixed end of every gate measurement.

`python -m evals.bench.fake_upstream PORT` answers every POST in its API with the same answer carrying one tool call
(1 KB); a body that asks for a stream gets CHUNKS text events of chat, one every GAP seconds, in a write each.
"""

from __future__ import annotations

import asyncio
import json
import sys

from evals.speech import APIS, Call, Text

from .fake_http import FakeHttp, serve

CHUNKS, GAP = 200, 0.002

_LOOKUP = {"query": "quarterly report", "limit": 10}
_FORMS = {"chat": "tool", "responses": "function_call", "messages": "tool_use"}


def _whole(api: str) -> bytes:
    parts = [Text("I will look that up for you. " * 18), Call(_FORMS[api], "lookup", _LOOKUP)]
    body = json.dumps(APIS[api].whole(parts), separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


_WHOLE = {api.path.encode(): _whole(name) for name, api in APIS.items()}
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _event(choice: bytes) -> bytes:
    data = (
        b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,'
        b'"model":"bench","choices":[' + choice + b"]}\n\n"
    )
    return b"%x\r\n%b\r\n" % (len(data), data)


_TEXT = _event(b'{"index":0,"delta":{"content":" word"},"finish_reason":null}')
_STOP = _event(b'{"index":0,"delta":{},"finish_reason":"stop"}')
_DONE = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class FakeUpstream(FakeHttp):
    def answer(self, head: bytes, body: bytes) -> None:
        if b'"stream":true' in body:
            self._task = asyncio.ensure_future(self._stream())
        else:
            self._transport.write(_WHOLE[head.split(b" ", 2)[1]])

    async def _stream(self) -> None:
        self._transport.write(_HEAD)
        for _ in range(CHUNKS):
            self._transport.write(_TEXT)
            await asyncio.sleep(GAP)
        self._transport.write(_STOP + _DONE)


if __name__ == "__main__":
    serve(FakeUpstream, int(sys.argv[1]))
