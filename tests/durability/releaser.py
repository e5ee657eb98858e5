"""A small server: producers commit records and, once each is durable, write its id to a socket, as the gate does calls.

    python releaser.py DATABASE PRODUCERS TOTAL EARLY DESCRIPTOR

TOTAL records are committed by PRODUCERS tasks; 0 goes on for ever. DESCRIPTOR is a connected stream socket. With EARLY
1 it writes each id without waiting for the commit: the wrong server that the checker must catch.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run by path, so the checkout is not on it

from guardrail import Record, new_id
from server.store import Store, sealed


def make_record(number: int) -> Record:
    digest, _, payload = sealed({"to": "alice", "amount": number})
    return Record(
        kind="decision",
        id=new_id("dec", int(time.time() * 1000), os.urandom(10)),
        at="2026-11-22T12:00:00.000000Z",
        tenant="acme",
        agent="billing-bot",
        user=None,
        roles=(),
        run="run-00000000000000000000000000",
        door="chat",
        tool="send_money",
        call_id=f"call_{number}",
        arguments=digest,
        effect="allow",
        rule="pay",
        reason="rule",
        errors=(),
        policy_hash="f" * 64,
        memory_version=0,
        mode="enforce",
        text_calls="all",
        upstream="primary",
        model="gpt-4o",
        payload=payload,
    )


async def serve(store: Store, producers: int, total: int, early: bool, out: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    made = 0

    async def produce() -> None:
        nonlocal made
        while not total or made < total:
            made += 1
            record = make_record(made)
            committing = asyncio.ensure_future(store.commit([record]))
            if not early:
                await committing
            await loop.sock_sendall(out, record.id.encode() + b"\n")
            await committing

    await asyncio.gather(*[produce() for _ in range(producers)])


def main() -> None:
    path, producers, total, early, descriptor = sys.argv[1], *map(int, sys.argv[2:])
    with socket.socket(fileno=descriptor) as out, Store.open(path) as store:
        out.setblocking(False)
        asyncio.run(serve(store, producers, total, bool(early), out))


if __name__ == "__main__":
    main()
