"""The gate inside the agent's own process: the same choke point, store and sessions, without a socket.

`open_gate` builds what `leastward serve` builds and listens nowhere. A Door is that gate for one principal and run; the
adapters for agent frameworks (server/adapters) are thin layers over `Door.call`. One process writes a database at a
time: an agent that shares its gate with others asks it over HTTP instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

from guardrail import NotJson, Principal, ToolCall, as_json

from .exchange import Caller, Scope
from .settings import load_settings
from .store import Run
from .tool_gate import Reach, Released, ToolGate, Withheld
from .wiring import build

DOOR: Final = "in-process"


class Door:
    """Calls of one agent. `principal` is what the program that hosts the agent knows it to be: nothing that the agent
    or its model says may go into it."""

    def __init__(self, gate: ToolGate, caller: Caller, run: Run) -> None:
        self._gate = gate
        self._caller = caller
        self._run = run

    async def call(
        self, tool: str, arguments: Mapping[str, Any], reach: Reach, *, call_id: str = "", server: str | None = None
    ) -> Released | Withheld:
        """Decide a call, and run it through `reach` where it is allowed, with the arguments that were judged.

        The arguments are written as JSON and read back strictly: what cannot stand in JSON is refused, not passed by.
        Raises StoreError where no Record can be made durable, and what `reach` raises.
        """
        try:
            read, problem = cast("dict[str, Any]", as_json(dict(arguments))), None
        except NotJson:
            read, problem = {}, "bad-json-arguments"
        asked = ToolCall(tool, read, call_id, server)
        return await self._gate.call(self._caller, self._run, DOOR, asked, reach, problem=problem)

    async def user_said(self, words: Iterable[str]) -> None:
        """What the user of the agent said, for `from user`: words that the host saw typed, none of a model's."""
        await self._gate.user_said(self._caller, self._run, words)


@asynccontextmanager
async def open_gate(config: str | Path, principal: Principal, *, new_run: bool = True) -> AsyncIterator[Door]:
    """The gate that `config` (`leastward.yaml`) describes, for one principal. `new_run` begins a run of its own;
    without it the principal's standing run goes on, over restarts too.

    Raises SettingsError, PoliciesError and StoreError, the last where another process has the database.
    """
    path = Path(config)
    house = build(load_settings(path), path.parent)
    async with house.running():
        run = await house.store.mint_run(principal) if new_run else house.store.default_run(principal)
        yield Door(house.tools, Caller(principal, frozenset({Scope.CALL}), DOOR), run)
