"""What is said to a client while its request is under way, in order, and what it answers.

A client of 2026-07-28 is only told things; one with a session can be asked as well, on the stream of its own request,
and answers with a POST of its own. An answer belongs to one question of one session: nobody else's is taken for it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from .line import PeerError
from .messages import Reply, notification_bytes, request_bytes

MOST_ASKED: Final = 32
"""Questions of one session that are open at a time."""


class Replies:
    """The questions of one session that wait for their answer."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Reply]] = {}

    def wait(self) -> tuple[str, asyncio.Future[Reply]]:
        """The id of a new question, which nobody can guess, and its answer to be."""
        if len(self._waiting) >= MOST_ASKED:
            raise PeerError("server-asks", "too many questions to one client at once")
        name = secrets.token_hex(8)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[name] = future
        future.add_done_callback(lambda _: self._waiting.pop(name, None))
        return name, future

    def came(self, reply: Reply) -> bool:
        """Whether somebody waited for it."""
        future = self._waiting.get(reply.id) if isinstance(reply.id, str) else None
        if future is None or future.done():
            return False
        future.set_result(reply)
        return True

    def close(self) -> None:
        for future in list(self._waiting.values()):
            future.cancel()


class Talk:
    """`say` takes one whole message for the client, at once; `replies` is None for a client that cannot be asked.
    `unread` is how many messages wait for the client to take them."""

    def __init__(
        self, say: Callable[[bytes], None], replies: Replies | None = None, unread: Callable[[], int] = lambda: 0
    ) -> None:
        self._say = say
        self.unread = unread
        self._replies = replies
        self._last: asyncio.Task[None] | None = None

    @property
    def asks(self) -> bool:
        return self._replies is not None

    def tell(self, method: str, params: Mapping[str, Any]) -> None:
        self._say(notification_bytes(method, dict(params)))

    def later(self, saying: Coroutine[Any, Any, None]) -> None:
        """Run `saying` once all that was given here before has run: what is judged first is still said in order."""
        before = self._last

        async def after() -> None:
            if before is not None:
                await before
            await saying

        self._last = asyncio.ensure_future(after())

    async def settled(self) -> None:
        """Everything that was given to `later` has been said. Raises what any of it raised: nothing was said after."""
        if self._last is not None:
            await self._last

    def close(self) -> None:
        if self._last is not None:
            self._last.cancel()

    async def ask(self, method: str, params: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The client's result. Raises PeerError where it gives none."""
        if self._replies is None:
            raise PeerError("server-asks", "this client cannot be asked")
        name, future = self._replies.wait()
        try:
            self._say(request_bytes(name, method, dict(params)))
            async with asyncio.timeout(seconds):
                reply = await future
        except TimeoutError:
            raise PeerError("server-asks", f"the client did not answer within {seconds:g} seconds") from None
        finally:
            future.cancel()
        if reply.error is not None:
            raise PeerError("server-asks", "the client did not answer what it was asked")
        return reply.result
