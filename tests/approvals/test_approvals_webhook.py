"""server/approvals/webhook.py: signed, repeated, bounded, against a receiver on a socket."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from guardrail import ToolCall
from server.approvals import Address, Webhook, signature, webhook
from server.exchange import Caller

SECRET = b"a secret of thirty-two characters"


@dataclass
class Receiver:
    """Answers with the next of `says` (a status, or None to hang up), 204 when there are none left."""

    says: list[int | None]
    port: int = 0
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                self.got.append((first, headers, body))
                status = self.says.pop(0) if self.says else 204
                if status is None:
                    break
                location = "location: http://127.0.0.1:1/elsewhere\r\n" if status == 307 else ""
                length = "" if status == 204 else "content-length: 0\r\n"
                writer.write(f"HTTP/1.1 {status} Said\r\n{location}{length}\r\n".encode())
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(says: list[int | None]) -> AsyncIterator[Receiver]:
    receiver = Receiver(says)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def _story(
    make_gate: Any, people: dict[str, Caller], says: list[int | None], attempts: int = 4
) -> tuple[Receiver, list[str]]:
    async def run() -> tuple[Receiver, list[str]]:
        told: list[str] = []
        done = asyncio.Event()

        def tell(outcome: str) -> None:
            told.append(outcome)
            done.set()

        async with receiving(says) as receiver:
            address = Address(f"http://127.0.0.1:{receiver.port}/hooks/lw", SECRET, 5.0, attempts, 0.001)
            hook = Webhook(address, tell, lambda: 1_763_812_800.5)
            gate = make_gate(announce=hook.announce)
            bot = people["bot"]
            async with hook.running():
                await gate.call(bot, gate.run_of(bot), ToolCall("send_money", {"amount": 5, "note": "\u202e"}, "c"))
                await asyncio.wait_for(done.wait(), 20)
                await gate.call(bot, gate.run_of(bot), ToolCall("send_money", {"amount": 5, "note": "\u202e"}, "c"))
            return receiver, told

    return asyncio.run(run())


def test_an_ask_is_told_once_signed_and_as_approvers_see_it(make_gate: Any, people: dict[str, Caller]) -> None:
    receiver, told = _story(make_gate, people, [])
    assert told == ["delivered"]
    ((first, headers, body),) = receiver.got
    assert first == "POST /hooks/lw HTTP/1.1"
    assert "authorization" not in headers
    at, code = (part.partition("=")[2] for part in headers["x-leastward-signature"].split(","))
    assert at == "1763812800"
    assert code == hmac.new(SECRET, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    tree = json.loads(body)
    assert (tree["event"], tree["tenant"]) == ("approval.asked", "acme")
    assert tree["approval"]["id"] == headers["x-leastward-id"]
    assert tree["approval"]["call"] == 'send_money(\n  amount = 5\n  note = "\\u202e"\n)'
    assert not {"digest", "principal_key", "sealed"} & tree["approval"].keys()


@pytest.mark.parametrize(
    ("says", "outcome", "attempts"),
    [
        ([500, None, 429, 204], "delivered", 4),
        ([503, 503, 503, 503, 204], "failed", 4),
        ([403], "refused", 1),
        ([307], "refused", 1),
    ],
)
def test_what_receivers_answer(
    make_gate: Any,
    people: dict[str, Caller],
    caplog: pytest.LogCaptureFixture,
    says: list[int | None],
    outcome: str,
    attempts: int,
) -> None:
    with caplog.at_level(logging.ERROR):
        receiver, told = _story(make_gate, people, says)
    assert told == [outcome]
    assert len(receiver.got) == attempts
    assert len({headers["x-leastward-id"] for _, headers, _ in receiver.got}) == 1
    ours = [record for record in caplog.records if record.name == "leastward.approvals"]
    assert (not ours) == (outcome == "delivered")
    assert "send_money" not in caplog.text


def test_nobody_listens(make_gate: Any, people: dict[str, Caller]) -> None:
    async def run() -> str:
        told: asyncio.Queue[str] = asyncio.Queue()
        hook = Webhook(Address("http://127.0.0.1:1/x", SECRET, 5.0, 2, 0.001), told.put_nowait)
        gate = make_gate(announce=hook.announce)
        bot = people["bot"]
        async with hook.running():
            came = await gate.call(bot, gate.run_of(bot), ToolCall("send_money", {"amount": 5}, "c"))
            assert came.said == "needs-approval", "the ask stands whoever hears of it"
            return await told.get()

    assert asyncio.run(run()) == "failed"


def test_a_queue_that_is_full_drops_and_says_so(
    make_gate: Any, people: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "MOST_QUEUED", 1)

    async def run() -> list[str]:
        told: list[str] = []
        hook = Webhook(Address("http://127.0.0.1:1/x", SECRET), told.append)
        gate = make_gate(announce=hook.announce)
        bot = people["bot"]
        for amount in range(3):
            await gate.call(bot, gate.run_of(bot), ToolCall("send_money", {"amount": amount}, "c"))
        return told

    assert asyncio.run(run()) == ["dropped", "dropped"]


@pytest.mark.parametrize(
    "url",
    ["ftp://a/x", "http://a", "http://a/", "http://u:p@a/x", "http://a/x?y", "http://a/x#y", "http://a/x y", "a/x"],
)
def test_an_address_is_plain(url: str) -> None:
    with pytest.raises(ValueError):
        Webhook(Address(url, SECRET))


def test_the_signature_is_over_time_and_body() -> None:
    assert (
        len(
            {
                signature(SECRET, 1, b"a"),
                signature(SECRET, 2, b"a"),
                signature(SECRET, 1, b"b"),
                signature(b"k", 1, b"a"),
            }
        )
        == 4
    )
