"""What a request offers the model to use, in whatever protocol it came."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class Offer(NamedTuple):
    """Something a request offers the model to use.

    `kind` is `function`; `custom` for a tool that the client runs on free text; `member` for a member beside the tools
    that makes the provider act; or the type word of another kind of tool, which runs at the provider. `schema` is the
    JSON Schema of a function's arguments, `declaration` the whole entry. `place` names the member and the position in
    it, such as `tools[2]`. Where a policy can keep a tool that runs at the provider, `provided` is its name there and
    `settings` what the client declares for it (provided.py).
    """

    kind: str
    name: str
    schema: dict[str, Any]
    place: str
    declaration: dict[str, Any]
    provided: str = ""
    settings: Mapping[str, Any] = _NONE
