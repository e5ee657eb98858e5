"""What a client says that a tool answered, in whatever protocol it came."""

from __future__ import annotations

from typing import NamedTuple


class ToolResult(NamedTuple):
    """`place` is the message's position. `tool` is `""` where the history has no call that the result could answer."""

    place: int
    call_id: str
    tool: str
    text: str
