"""What a request offers the model to use, in whatever protocol it came."""

from __future__ import annotations

from typing import Any, NamedTuple


class Offer(NamedTuple):
    """Something a request offers the model to use.

    `kind` is `function`; `custom` for a tool that the client runs on free text; `member` for a member beside the tools
    that makes the provider act; or the type word of another kind of tool, which runs at the provider. `schema` is the
    JSON Schema of a function's arguments, `declaration` the whole entry. `place` names the member and the position in
    it, such as `tools[2]`.
    """

    kind: str
    name: str
    schema: dict[str, Any]
    place: str
    declaration: dict[str, Any]
