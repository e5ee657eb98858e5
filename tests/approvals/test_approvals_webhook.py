"""server/approvals/webhook.py, counting.py, server/store/outbox.py: repeated, against a receiver on sockets."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from guardrail import ToolCall
from server.approvals import Address, Webhook, counting, signature
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


CALL = ToolCall("send_money", {"amount": 5, "note": "\u202e"}, "c")


@dataclass
class Story:
    """A gate and the webhook that tells of its asks, on one store. There are no pauses: the clock stands."""

    gate: Any
    bot: Caller
    make_hook: Callable[[Callable[[str], None]], Webhook]

    async def ask(self) -> Any:
        return await self.gate.call(self.bot, self.gate.run_of(self.bot), CALL)

    async def told(self, most: int) -> list[str]:
        """The first outcomes of deliveries."""
        told: asyncio.Queue[str] = asyncio.Queue()
        async with self.make_hook(told.put_nowait).running():
            return [await asyncio.wait_for(told.get(), 20) for _ in range(most)]


@pytest.fixture
def make_story(make_gate: Any, store: Any, clock: Any, people: dict[str, Caller]) -> Callable[[int], Story]:
    def make(port: int) -> Story:
        address = Address(f"http://127.0.0.1:{port}/hooks/lw", SECRET, 5.0, 0.0, look_seconds=0.01)
        return Story(make_gate(announces=True), people["bot"], lambda told: Webhook(store, address, clock, told))

    return make


def _story(make_story: Callable[[int], Story], says: list[int | None], most: int) -> tuple[Receiver, list[str]]:
    async def run() -> tuple[Receiver, list[str]]:
        async with receiving(says) as receiver:
            story = make_story(receiver.port)
            await story.ask()
            await story.ask()  # the same call of the same run: nobody is told twice
            return receiver, await story.told(most)

    return asyncio.run(run())


def test_an_ask_is_told_once_signed_and_as_approvers_see_it(make_story: Callable[[int], Story], store: Any) -> None:
    receiver, told = _story(make_story, [], 1)
    assert store.announcements(9) == []
    assert told == ["delivered"]
    ((first, headers, body),) = receiver.got
    assert first == "POST /hooks/lw HTTP/1.1"
    assert "authorization" not in headers
    at, code = (part.partition("=")[2] for part in headers["x-leastward-signature"].split(","))
    assert at == "1795348800"
    assert code == hmac.new(SECRET, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    tree = json.loads(body)
    assert (tree["event"], tree["tenant"]) == ("approval.asked", "acme")
    assert tree["approval"]["id"] == headers["x-leastward-id"]
    assert tree["approval"]["call"] == 'send_money(\n  amount = 5\n  note = "\\u202e"\n)'
    assert not {"digest", "principal_key", "sealed"} & tree["approval"].keys()


@pytest.mark.parametrize(
    ("says", "outcomes"),
    [
        ([500, None, 429, 204], ["failed", "failed", "failed", "delivered"]),
        ([403], ["refused"]),
        ([307], ["refused"]),
    ],
)
def test_what_receivers_answer(
    make_story: Callable[[int], Story],
    store: Any,
    caplog: pytest.LogCaptureFixture,
    says: list[int | None],
    outcomes: list[str],
) -> None:
    with caplog.at_level(logging.ERROR):
        receiver, told = _story(make_story, says, len(outcomes))
    assert told == outcomes
    assert len(receiver.got) == len(outcomes)
    assert len({headers["x-leastward-id"] for _, headers, _ in receiver.got}) == 1
    assert store.announcements(9) == []
    ours = [record for record in caplog.records if record.name == "leastward.approvals"]
    assert len(ours) == sum(outcome != "delivered" for outcome in outcomes)
    assert "send_money" not in caplog.text


def test_it_ends_with_the_approval(make_story: Callable[[int], Story], store: Any, clock: Any) -> None:
    async def run() -> list[str]:
        story = make_story(1)  # nobody listens
        assert (await story.ask()).said == "needs-approval", "the ask stands whoever hears of it"
        assert set(await story.told(2)) == {"failed"}
        clock.go(3_601)
        return await story.told(1)

    assert asyncio.run(run()) == ["over"]
    assert store.announcements(9) == []


def test_without_a_webhook_nothing_stands_in_the_outbox(make_gate: Any, people: dict[str, Caller], store: Any) -> None:
    gate, bot = make_gate(), people["bot"]
    assert asyncio.run(gate.call(bot, gate.run_of(bot), CALL)).said == "needs-approval"
    assert store.announcements(9) == []


def test_one_of_two_who_deliver_takes_a_row(make_story: Callable[[int], Story], store: Any) -> None:
    asyncio.run(make_story(1).ask())
    (found,) = store.announcements(9)
    assert store.take_announcement(found, "2026-11-22T12:01:00.000000Z").id == found.approval
    assert store.take_announcement(found, "2026-11-22T12:01:00.000000Z") is None
    assert store.announcements(9) == [], "it is somebody's for a while"


def test_pauses_grow_and_differ(store: Any, clock: Any) -> None:
    hook = Webhook(store, Address("http://127.0.0.1:1/x", SECRET, pause_seconds=1.0, most_seconds=300.0), clock)
    for attempts, longest in ((0, 1), (3, 8), (9, 300), (10_000, 300)):
        drawn = [hook._pause(attempts) for _ in range(50)]
        assert longest / 2 <= min(drawn) < max(drawn) <= longest


_SERVING = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from guardrail import Guard, Principal, Session, ToolCall, new_id
from policy_dsl import compile_policy, parse, policy_set
from server.approvals import Address, Approvals, Webhook
from server.exchange import Caller
from server.store import Store

async def main(path, port, asks):
    clock = lambda: datetime.now(UTC)
    with Store.open(Path(path), clock=clock) as store:
        address = Address(f"http://127.0.0.1:{port}/x", b"s" * 32, 0.5, 0.01, look_seconds=0.05)
        hook = Webhook(store, address, clock)
        approvals = Approvals(store, clock, None, hook.look, announces=True)
        if asks == "ask":
            who = Caller(Principal("acme", "bot"), frozenset(), "key")
            guard = Guard(compile_policy(policy_set([parse("language 1\\nask pay(x)")])))
            call = ToolCall("pay", {"x": 1}, "c")
            decision = guard.decide(call, Session(who.principal, "run"), "dec-x")
            name = new_id("dec", 1, bytes(10)) + ".1"
            holding = await approvals.held(who, store.default_run(who.principal).id, "chat", call, decision, name)
            await store.commit([], (), [holding.change])
        async with hook.running():
            await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


def test_an_ask_is_told_after_a_kill(tmp_path: Path) -> None:
    """Killed while the receiver has the ask and has not answered; the next process tells it again, by the same id."""

    async def run() -> list[str]:
        waiting, ids = asyncio.Event(), []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            ids.append(head.partition("x-leastward-id: ")[2].partition("\r\n")[0])
            waiting.set()
            if len(ids) > 1:
                writer.write(b"HTTP/1.1 204 Taken\r\n\r\n")
                await writer.drain()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = str(server.sockets[0].getsockname()[1])
        for asks in ("ask", "restart"):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _SERVING, str(tmp_path / "gate.db"), port, asks
            )
            await asyncio.wait_for(waiting.wait(), 60)
            waiting.clear()
            process.kill()
            await process.wait()
        server.close()
        return ids

    first, second = asyncio.run(run())
    assert first == second
    assert first.startswith("apr-")


@pytest.mark.parametrize(
    "url",
    ["ftp://a/x", "http://a", "http://a/", "http://u:p@a/x", "http://a/x?y", "http://a/x#y", "http://a/x y", "a/x"],
)
def test_an_address_is_plain(store: Any, clock: Any, url: str) -> None:
    with pytest.raises(ValueError):
        Webhook(store, Address(url, SECRET), clock)


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


def test_the_queue_is_counted(make_gate: Any, people: dict[str, Caller], store: Any, clock: Any) -> None:
    async def run() -> tuple[Any, float]:
        gate, bot = make_gate(), people["bot"]
        await gate.call(bot, gate.run_of(bot), CALL)
        clock.go(30)
        told: asyncio.Queue[tuple[Any, float]] = asyncio.Queue()
        task = asyncio.create_task(counting(store, clock, lambda *said: told.put_nowait(said)))
        found = await told.get()
        task.cancel()
        return found

    assert asyncio.run(run()) == ({"pending": 1}, 30.0)
