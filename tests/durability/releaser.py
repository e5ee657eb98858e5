"""A small server: producers commit records and, once each is durable, write its id to a socket, as the gate does calls.

    python releaser.py DATABASE PRODUCERS TOTAL EARLY DESCRIPTOR

TOTAL records are committed by PRODUCERS tasks; 0 goes on for ever. DESCRIPTOR is a connected stream socket. With EARLY
1 it writes each id without waiting for the commit: the wrong server that the checker must catch.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run by path, so the checkout is not on it

from evals.bench.records import record
from server.store import Store


async def serve(store: Store, producers: int, total: int, early: bool, out: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    made = 0

    async def produce() -> None:
        nonlocal made
        while not total or made < total:
            made += 1
            one = record(made)
            committing = asyncio.ensure_future(store.commit([one]))
            if not early:
                await committing
            await loop.sock_sendall(out, one.id.encode() + b"\n")
            await committing

    await asyncio.gather(*[produce() for _ in range(producers)])


def main() -> None:
    path, producers, total, early, descriptor = sys.argv[1], *map(int, sys.argv[2:])
    with socket.socket(fileno=descriptor) as out, Store.open(path) as store:
        out.setblocking(False)
        asyncio.run(serve(store, producers, total, bool(early), out))


if __name__ == "__main__":
    main()
