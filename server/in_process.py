"""The gate inside the agent's own process: the same choke point, store and sessions, without a socket.

`open_gate` builds what `leastward serve` builds and listens nowhere. A Door is that gate for one principal and run; the
adapters for agent frameworks (server/adapters) are thin layers over it. One process writes a database at a
time: an agent that shares its gate with others asks it over HTTP instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from guardrail import NotJson, Principal, ToolCall, as_json
from policy_dsl import StrictJsonError, strict_json

from .exchange import Caller, Scope
from .hook import Hook
from .settings import load_settings
from .store import Run
from .tool_gate import Cleared, Reach, Released, ToolAnswer, ToolGate, Withheld
from .wiring import House, build

if TYPE_CHECKING:
    from .approvals import Approvals

DOOR: Final = "in-process"

Arguments = Mapping[str, Any] | str
"""Of a call: values by name, or the JSON text of them."""


class Door:
    """Calls of one agent. `principal` is what the program that hosts the agent knows it to be: nothing that the agent
    or its model says may go into it."""

    def __init__(self, gate: ToolGate, caller: Caller, run: Run, approvals: Approvals) -> None:
        self._approvals = approvals
        self._gate = gate
        self._caller = caller
        self._run = run

    async def call(
        self, tool: str, arguments: Arguments, reach: Reach, *, call_id: str = "", server: str | None = None
    ) -> Released | Withheld:
        """Decide a call, and run it through `reach` where it is allowed, with the arguments that were judged.

        The arguments are written as JSON and read back strictly, or are a JSON text that is read strictly: what cannot
        stand in JSON is refused, not passed by. Raises StoreError where no Record can be made durable, and what `reach`
        raises.
        """
        asked, problem = _asked(tool, arguments, call_id, server)
        return await self._gate.call(self._caller, self._run, DOOR, asked, reach, problem=problem)

    async def decide(
        self, tool: str, arguments: Arguments, *, call_id: str = "", server: str | None = None
    ) -> Cleared | Withheld:
        """As `call` as far as the Decision, for hosts that run the call themselves and tell of it with `answered`."""
        asked, problem = _asked(tool, arguments, call_id, server)
        return await self._gate.decide(self._caller, self._run, DOOR, asked, problem=problem)

    async def answered(self, call: ToolCall, answer: ToolAnswer, *, observed: bool = True) -> ToolAnswer:
        """What came back of a call that `decide` cleared, without what the policy redacts. Not `observed` is what a
        client of the host says came back."""
        return await self._gate.answered(self._caller, self._run, DOOR, call, answer, observed=observed)

    async def pending(self) -> list[dict[str, Any]]:
        """The calls of this tenant that wait for a person, as `GET /v1/approvals` gives them. For the host to show to
        people, never to its agent."""
        from .approvals import shown

        found, _ = await self._approvals.listed(self._caller.tenant)
        return list(map(shown, found))

    async def answer(self, approval: str, who: Principal, *, approve: bool, because: str = "") -> None:
        """A person's answer, durable and recorded when this returns; a call that waits for it goes on. `who` is whom
        the host knows to have answered, with the roles that it knows them to have.

        Raises EdgeError as `POST /v1/approvals/{id}` answers, as nobody approves a call of their own, and StoreError.
        """
        await self._approvals.decide(approval, Caller(who, frozenset({Scope.APPROVE}), DOOR), approve, because)

    def hook(self, *, allows: bool = False) -> Hook:
        """This door for the events of a coding agent."""
        return Hook(self._gate, self._caller, self._run, allows=allows)

    async def user_said(self, words: Iterable[str]) -> None:
        """What the user of the agent said, for `from user`: words that the host saw typed, none of a model's."""
        await self._gate.user_said(self._caller, self._run, words)


def _asked(tool: str, arguments: Arguments, call_id: str, server: str | None) -> tuple[ToolCall, str | None]:
    """The call, and why its arguments cannot be read where they cannot."""
    try:
        read = strict_json.parse_object(arguments) if isinstance(arguments, str) else as_json(dict(arguments))
    except (NotJson, StrictJsonError):
        return ToolCall(tool, {}, call_id, server), "bad-json-arguments"
    return ToolCall(tool, cast("dict[str, Any]", read), call_id, server), None


@asynccontextmanager
async def open_gate(config: str | Path, principal: Principal, *, new_run: bool = True) -> AsyncIterator[Door]:
    """The gate that `config` (`leastward.yaml`) describes, for one principal. `new_run` begins a run of its own;
    without it the principal's standing run goes on, over restarts too.

    Raises SettingsError, PoliciesError and StoreError, the last where another process has the database.
    """
    async with _opened(config) as house:
        run = await house.store.mint_run(principal) if new_run else house.store.default_run(principal)
        yield _door(house, principal, run)


@asynccontextmanager
async def open_doors(config: str | Path) -> AsyncIterator[Callable[[Principal], Door]]:
    """As `open_gate`, for a host that serves many principals: each has its standing run."""
    async with _opened(config) as house:
        yield lambda principal: _door(house, principal, house.store.default_run(principal))


@asynccontextmanager
async def _opened(config: str | Path) -> AsyncIterator[House]:
    path = Path(config)
    house = build(load_settings(path), path.parent)
    async with house.running():
        yield house


def _door(house: House, principal: Principal, run: Run) -> Door:
    return Door(house.tools, Caller(principal, frozenset({Scope.CALL}), DOOR), run, house.approvals)
