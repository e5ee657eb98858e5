"""server/identity/watch.py and sources.py: key sets over real HTTP, and what becomes of them when that fails."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from server.identity import BadKeySet, KeyWatch, discovered, from_file, from_url


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def ran(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return ran


@asynccontextmanager
async def serving(answers: Callable[[str], tuple[int, bytes]]) -> AsyncIterator[str]:
    """An HTTP server that answers each path as told; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        status, body = answers(head.split(b" ")[1].decode())
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@in_a_loop
async def test_keys_are_read_at_their_address_and_by_discovery(issuer: Any, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(issuer.document())
    answered = {"/keys": issuer.document()}
    async with serving(lambda path: (200, answered[path]) if path in answered else (404, b"")) as address:
        about = {"issuer": address, "jwks_uri": address + "/keys"}
        answered["/.well-known/openid-configuration"] = json.dumps(about).encode()
        for read in (
            from_url("i", address + "/keys"),
            discovered("i", address),
            from_file(tmp_path / "keys.json"),
        ):
            assert await read() == issuer.document()
        with pytest.raises(BadKeySet):
            await from_url("i", address + "/other")()


@pytest.mark.parametrize("about", [b"{}", b"[]", b'{"issuer":"https://other.example","jwks_uri":"/keys"}', b"\xff"])
@in_a_loop
async def test_metadata_that_is_not_the_issuers_own(about: bytes) -> None:
    async with serving(lambda _: (200, about)) as address:
        with pytest.raises(BadKeySet):
            await discovered("i", address)()


@pytest.mark.parametrize("url", ["", "http://", "ftp://a/keys", "https://a", "https://u@a/keys", "https://a/k?x=1"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        from_url("i", url)


class Watched:
    """A KeyWatch with a clock of the test's, on a source that can fail."""

    def __init__(self, document: bytes) -> None:
        self.now, self.reads = 0.0, 0
        self.document: bytes | Exception = document
        self.watch = KeyWatch({"corp": self._read}, lambda: self.now)

    async def _read(self) -> bytes:
        self.reads += 1
        if isinstance(self.document, Exception):
            raise self.document
        return self.document


@in_a_loop
async def test_the_last_good_set_serves_until_it_is_stale(issuer: Any, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(issuer.document())
    assert watched.watch.keys("corp") is None
    await watched.watch.look()
    good = watched.watch.keys("corp")
    assert good is not None
    with caplog.at_level(logging.ERROR):
        for fault in (OSError("secret detail"), b"[]"):
            watched.document = fault
            watched.now += 400
            await watched.watch.look()
            assert watched.watch.keys("corp") is good
    assert [record.message for record in caplog.records] == ["key-set-unread", "key-set-refused"]
    assert "secret detail" not in caplog.text
    watched.now += 3601
    assert watched.watch.keys("corp") is None


@in_a_loop
async def test_unknown_keys_make_it_look_soon_and_not_often(issuer: Any) -> None:
    watched = Watched(issuer.document())
    await watched.watch.look()
    await watched.watch.look()
    assert watched.reads == 1
    watched.now += 11
    for _ in range(100):
        watched.watch.unknown("corp")
        await watched.watch.look()
    assert watched.reads == 2
    assert watched.watch.keys("corp") is not None


@in_a_loop
async def test_a_set_that_was_never_read_has_no_keys_whoever_asks_for_one(issuer: Any) -> None:
    watched = Watched(issuer.document())
    watched.document, watched.now = OSError("not there yet"), 20.0  # of a machine that started just now
    await watched.watch.look()
    watched.watch.unknown("corp")
    assert watched.watch.keys("corp") is None
    watched.document, watched.now = issuer.document(), 40.0
    await watched.watch.look()
    assert watched.watch.keys("corp") is not None
