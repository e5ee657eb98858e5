"""One request of one client, in whichever version, as the methods of the door see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..exchange import Caller
from ..store import Run
from .clients import ClientSession
from .headers import Headers
from .messages import INVALID_PARAMS, Request, RpcError
from .peer import Progressed
from .rounds import Round
from .talking import Talk


@dataclass(slots=True)
class Asking:
    """`server` is None where all servers are behind one address. `headers` is None where there is no HTTP; `decisions`
    collects the ids of Decisions taken for the request. `progressed` is None where the client wants no progress, and
    `talk` where it hears nothing before the result. `session` is None in 2026-07-28; there `round` and `answers` are
    what a request came back with. `admitted` is whether the caller would be let in at the moment."""

    caller: Caller
    run: Run
    server: str | None
    version: str
    request: Request
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    headers: Headers | None = None
    progressed: Progressed | None = None
    decisions: list[str] = field(default_factory=list)
    session: ClientSession | None = None
    talk: Talk | None = None
    round: Round | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    admitted: Callable[[], bool] = lambda: True

    def params(self, needed: Mapping[str, type], optional: Mapping[str, type]) -> dict[str, Any]:
        """The parameters, each known and of its kind, without `_meta`. Raises RpcError -32602."""
        given = {name: value for name, value in self.request.params.items() if name != "_meta"}
        for name in given:
            if name not in needed and name not in optional:
                raise RpcError(INVALID_PARAMS, f"this method takes {_names(needed, optional)}", status=400)
        for name, kind in needed.items():
            if not isinstance(given.get(name), kind):
                raise RpcError(INVALID_PARAMS, f"`{name}` is missing or not what it should be", status=400)
        for name, kind in optional.items():
            if name in given and not isinstance(given[name], kind):
                raise RpcError(INVALID_PARAMS, f"`{name}` is not what it should be", status=400)
        return given


def progress_token(request: Request) -> str | int | None:
    """What the client wants to hear progress under."""
    meta = request.params.get("_meta")
    token = meta.get("progressToken") if isinstance(meta, dict) else None
    return token if isinstance(token, str) or type(token) is int else None


def progress_params(token: str | int, params: Mapping[str, Any]) -> dict[str, Any]:
    """Progress as the client is told it: numbers, and never the words of the server, which nobody has judged."""
    told: dict[str, Any] = {"progressToken": token}
    for name in ("progress", "total"):
        value = params.get(name)
        if value is not None and not isinstance(value, str | bool | list | dict):
            told[name] = value
    return told


def _names(*groups: Mapping[str, type]) -> str:
    return ", ".join(f"`{name}`" for group in groups for name in group) or "no parameters"
