"""Whom a case tells of beside client and model server: a judge that answers so, and a person who approved before.

The judge is a model server on a socket of its own, asked by the gate through litellm; what it says is the case's word
for it. The person approves over HTTP, with a key of their own, a call that the same agent's model made before: the
call whose digest stands in the case.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from .cases import Case
from .clients import CLIENTS
from .listening import Listening

APPROVED: Final[Mapping[str, Any]] = {"amount": 500, "iban": "DE11"}
"""The arguments that every approval of the corpus is about; a case has their digest."""

JUDGE_SECONDS: Final = 1.0
"""What the gate waits for its judge; `timeout` says nothing for twice as long."""

_SAFE: Final = '{"concerns": [], "effect": "allow"}'
_UNSAFE: Final = '{"concerns": ["other"], "effect": "forbid"}'
SAID: Final[Mapping[str, tuple[int, str]]] = {
    "safe": (200, _SAFE),
    "unsafe": (200, _UNSAFE),
    "safe then unsafe": (200, _SAFE + _UNSAFE),
    "http_500": (500, ""),
    "timeout": (200, _SAFE),
}
"""By a case's word: the status and the text of the judge's answer."""

EXPIRED: Final = "\n  valid 1 seconds"
"""On the rule that asks, where the case's approval is over: it is given, and then the case waits that long."""


def prior(case: Case) -> Case | None:
    """What the model said before the case, so that a person could approve it; None where nobody approved anything."""
    if not case.context.get("approvals"):
        return None
    told = case.context["approvals"][0]
    digest = sha256(json.dumps(APPROVED, separators=(",", ":")).encode()).hexdigest()
    assert told["args_sha256"] == digest, f"{case.id}: an approval of a call that nobody here knows"
    tree = json.loads(b"".join(case.wire))
    [block] = [block for block in tree["content"] if block["type"] == "tool_use"]
    block |= {"name": told["tool"], "input": dict(APPROVED)}
    return replace(case, id=f"{case.id}-prior", wire=(json.dumps(tree).encode(),))


class Judge(Listening):
    """A model server that says of every call what `word` stands for."""

    def __init__(self) -> None:
        self.word = "safe"
        self.asked = 0
        super().__init__()

    def _answer(self, line: socket.socket) -> None:
        with line.makefile("rb") as lines:
            length = 0
            while (row := lines.readline().lower()).strip():
                if row.startswith(b"content-length:"):
                    length = int(row.split(b":")[1])
            lines.read(length)
            self.asked += 1
            status, text = SAID[self.word]
            if self.word == "timeout":
                time.sleep(2 * JUDGE_SECONDS)
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            tree = {"id": "j", "object": "chat.completion", "created": 1, "model": "judge", "choices": [choice]}
            body = json.dumps(tree).encode()
            head = f"HTTP/1.1 {status} S\r\ncontent-type: application/json\r\nconnection: close\r\n"
            line.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)


class Person:
    """Approves what waits. `key` has the scope `approve`, and is no agent's of the corpus."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key

    def plays(self, case: Case, earlier: Case, agent_key: str) -> None:
        """Everything that happened before the case: the call, the approval, and its use or its end."""
        told = case.context["approvals"][0]
        self._tell(earlier, agent_key)
        waiting = self._ask("GET", "/v1/approvals")["pending"]
        [one] = [one for one in waiting if one["agent"] == case.id]
        answered = self._ask("POST", f"/v1/approvals/{one['id']}", {"approve": True})
        assert answered["state"] == "approved", answered
        if told["used"]:
            assert b'"tool_use"' in self._tell(earlier, agent_key), "an approved call was not released"
        if told["expires_at"] < case.context["now"]:
            time.sleep(1.2)

    def _tell(self, earlier: Case, agent_key: str) -> bytes:
        client = CLIENTS[earlier.protocol]
        status, body = _http(self._port, agent_key, "POST", client.path, client.body(earlier.id, False))
        assert status == 200, body
        return body

    def _ask(self, method: str, path: str, tree: Any = None) -> Any:
        status, body = _http(self._port, self._key, method, path, tree)
        assert status == 200, body
        return json.loads(body)


def _http(port: int, key: str, method: str, path: str, tree: Any = None) -> tuple[int, bytes]:
    sent = {"authorization": f"Bearer {key}", **({} if tree is None else {"content-type": "application/json"})}
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(line):
        line.request(method, path, None if tree is None else json.dumps(tree), sent)
        answer = line.getresponse()
        return answer.status, answer.read()
