"""The door of HTTP tools: a call comes in, is decided and recorded by the ToolGate, and only then is a request written.

A redirect is an answer like any other: it is the end of one call, and where it leads is a new one, decided by the same
policy with what the session knows by then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from guardrail import ToolCall
from policy_dsl import StrictJsonError, Tool, strict_json

from ..edge import EdgeError
from ..exchange import Caller, Whole
from ..store import Run
from ..tool_gate import Reach, Released, ToolAnswer, Withheld
from ..wire import openai_error, refusal_text
from .answers import Form, read_answer, written
from .client import Response
from .faults import ToolFault
from .operations import Asked
from .servers import HttpServer, known

DOOR: Final = "http"
MAX_ARGUMENTS: Final = 256 * 1024
"""Bytes of arguments, as for a call in a model's answer."""

_HEADERS: Final[Mapping[str, str]] = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Choke(Protocol):
    """The choke point; server/tool_gate.py keeps this promise."""

    def call(
        self, caller: Caller, run: Run, door: str, asked: ToolCall, reach: Reach, *, problem: str | None = None
    ) -> Awaitable[Released | Withheld]: ...
    def offered(self, caller: Caller, run: Run, server: str | None, tools: Sequence[Tool]) -> Awaitable[list[Tool]]: ...


@dataclass(slots=True)
class _Reached:
    """What happened to one released call, beside what its ToolAnswer says."""

    response: Response | None = None
    form: Form = "empty"
    onward: tuple[str, dict[str, Any]] | None = None
    fault: ToolFault | None = field(default=None)


class HttpTools:
    """What `/tools` and `/proxy` do. One event loop."""

    def __init__(self, gate: Choke, servers: Mapping[str, HttpServer]) -> None:
        self._gate = gate
        self._servers = servers

    async def call(self, caller: Caller, run: Run, server: str | None, tool: str, body: bytes) -> Whole:
        """Run a tool with the arguments that `body` is. Raises EdgeError for a tool that there is not, StoreError."""
        chosen = self._server(server, tool)
        if len(body) > MAX_ARGUMENTS:
            return await self._run(caller, run, chosen, tool, {}, "call-too-large")
        try:
            arguments = strict_json.parse_object(body) if body else {}
        except StrictJsonError as error:
            problem = "arguments-not-object" if error.code == "not-an-object" else "bad-json-arguments"
            return await self._run(caller, run, chosen, tool, {}, problem)
        return await self._run(caller, run, chosen, tool, arguments)

    async def proxied(self, caller: Caller, run: Run, server: str, asked: Asked) -> Whole:
        """Run the operation that a request is one of. Raises EdgeError for a request to no operation, StoreError."""
        chosen = self._servers.get(server)
        try:
            found = None if chosen is None else chosen.placed(asked)
        except ToolFault as fault:
            raise EdgeError(400, fault.code, fault.message) from fault
        if chosen is None or found is None:
            raise EdgeError(404, "unknown-operation", "no operation of a tool's server stands there")
        tool, arguments = found
        return await self._run(caller, run, chosen, tool, arguments)

    async def listed(self, caller: Caller, run: Run) -> Whole:
        """The tools that this caller could be granted, with their schemas, each with its server."""
        tools: list[dict[str, Any]] = []
        for name, server in self._servers.items():
            granted = await self._gate.offered(caller, run, name, list(server.catalogue))
            tools += [{"server": name, **server.tools[tool.name].described} for tool in granted]
        listing: dict[str, Any] = {"tools": tools}
        return Whole(200, strict_json.encode(listing), {**_HEADERS, "x-leastward-run": run.id})

    def close(self) -> None:
        for server in self._servers.values():
            server.client.close()

    def _server(self, name: str | None, tool: str) -> HttpServer:
        if name is None:
            having = known(tool, self._servers)
            if len(having) > 1:
                raise EdgeError(404, "ambiguous-tool", "several servers have a tool of that name: name the server")
            name = having[0] if having else None
        server = None if name is None else self._servers.get(name)
        if server is None or tool not in server.tools:
            raise EdgeError(404, "unknown-tool", "there is no such tool behind the gate")
        return server

    async def _run(
        self,
        caller: Caller,
        run: Run,
        server: HttpServer,
        tool: str,
        arguments: dict[str, Any],
        problem: str | None = None,
    ) -> Whole:
        decisions: list[str] = []
        for _ in range(server.redirects + 1):
            reached = _Reached()
            asked = ToolCall(tool, arguments, server=server.name)
            outcome = await self._gate.call(caller, run, DOOR, asked, _reach(server, tool, reached), problem=problem)
            decisions.append(outcome.decision)
            headers = {**_HEADERS, "x-leastward-decision": ", ".join(decisions), "x-leastward-run": run.id}
            if isinstance(outcome, Withheld):
                return _withheld(outcome, tool, headers)
            if reached.fault is not None or reached.response is None:
                return _failed(reached.fault or ToolFault("tool-unreachable", "the tool was not reached"), headers)
            if reached.onward is None:
                return _released(outcome, reached.response, reached.form, headers)
            tool, arguments = reached.onward
        message = "the tool's server redirects more often than the settings allow"
        return _failed(ToolFault("too-many-redirects", message), headers)


def _reach(server: HttpServer, tool: str, reached: _Reached) -> Reach:
    """Sends the released call. A fault is kept rather than raised, so that its answer still names the Decision."""

    async def reach(arguments: dict[str, Any]) -> ToolAnswer:
        try:
            request, reached.response = await server.send(tool, arguments)
            reached.onward = server.next(request, reached.response)
            reached.form, content = read_answer(reached.response)
        except ToolFault as fault:
            reached.fault = fault
            return ToolAnswer(None, "error")
        if reached.onward is not None:
            # The session must know where an address comes from that the next call will carry.
            content = {"location": reached.response.location}
        return ToolAnswer(content, "ok" if reached.response.status < 400 else "error")

    return reach


def _released(outcome: Released, response: Response, form: Form, headers: dict[str, str]) -> Whole:
    """The tool's own answer under its own status. What it says of the gate's credentials is not for the agent."""
    if response.status in (401, 407):
        body = openai_error(502, "the tool's server refused the gate's credentials", code="tool-credentials")
        return Whole(502, body, headers)
    body, content_type = written(form, outcome.answer.content)
    return Whole(response.status, body, {**headers, "x-leastward-tool": outcome.answer.status}, content_type)


def _failed(fault: ToolFault, headers: dict[str, str]) -> Whole:
    return Whole(fault.status, openai_error(fault.status, fault.message, code=fault.code), headers)


def _withheld(outcome: Withheld, tool: str, headers: dict[str, str]) -> Whole:
    """403, also for a call that waits for a person: nothing was run, and no client takes that for an answer."""
    if outcome.approval is not None:
        headers = {**headers, "x-leastward-approval": outcome.approval}
    message = refusal_text(outcome.refusal, tool)
    return Whole(403, openai_error(403, message, code=outcome.refusal.code), headers)
