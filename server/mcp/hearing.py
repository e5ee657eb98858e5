"""What the servers behind one stream of changes say (subscribing.py): of one server, or of all behind one address.

At the address of one server its end is the stream's. Behind the address of all, one that breaks off is heard again
after AGAIN_SECONDS, as a list there leaves out those that cannot be asked; when it is back the client is told that the
list is another, since nobody heard what the server said meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from .following import LISTS_CHANGED
from .line import PeerError
from .messages import METHOD_NOT_FOUND, Notification
from .peer import ServerError
from .servers import Server
from .told import Told

LOG = logging.getLogger("leastward.mcp")

AGAIN_SECONDS: Final = 5.0


async def heard_of_one(stream: Told, server: Server) -> None:
    """Until the server ends it. One that knows no such method tells of nothing, and the policy still does. Raises
    ServerError, PeerError."""
    try:
        await server.hear(stream.asking.run.id, stream.wanted.tree, stream.heard, stream.acknowledged)
    except ServerError as error:
        if error.code != METHOD_NOT_FOUND:
            raise
        stream.acknowledged(None)
        await asyncio.Event().wait()


async def heard_of_all(stream: Told, servers: Sequence[Server]) -> None:
    """For ever."""
    stream.acknowledged(None)
    await asyncio.gather(*(_heard_again(stream, server) for server in servers))
    await asyncio.Event().wait()


async def _heard_again(stream: Told, server: Server) -> None:
    missed = False

    def back(_: Any) -> None:
        if missed:
            stream.heard(Notification(LISTS_CHANGED["tools"], {}))

    while await _heard_out(server, stream, back):
        if not missed:
            LOG.warning("server `%s` broke off a stream of changes", server.name)
        missed = True
        await asyncio.sleep(AGAIN_SECONDS)


async def _heard_out(server: Server, stream: Told, acknowledged: Callable[[Any], None]) -> bool:
    """Hear it to its end, which is no end of the stream; False where it has nothing to tell at all."""
    try:
        await server.hear(stream.asking.run.id, stream.wanted.tree, stream.heard, acknowledged)
    except ServerError as error:
        return error.code != METHOD_NOT_FOUND
    except PeerError:
        return True
    return True
