"""One `tools/call`: who is called, the choke point, and the result, judged on its way back.

Whatever is wrong with the call itself is answered with HTTP 200 and a CallToolResult with `isError`: clients take an
error of HTTP or JSON-RPC for a broken server and drop it (peers: agentgateway #758, PR #2331). The code stands in
`_meta` under `leastward/refusal`, and in `structuredContent` where the tool promised no shape of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from mcp.shared.inbound import mcp_param_headers

from guardrail import ToolCall

from ..edge import EdgeError
from ..exchange import Caller
from ..reporting import REPORT_DECISION
from ..tool_gate import ToolAnswer, Withheld, decision_of
from ..wire import Refusal, refusal_text
from .asking import Asking
from .conversing import DOOR, AnswerWithheld, Conversing, Decides, Required
from .eras import complete, is_modern
from .headers import plain_numbers
from .line import PeerError
from .messages import MISSING_REQUIRED_CLIENT_CAPABILITY, RpcError
from .offering import Offering, known
from .peer import ServerError
from .results import Judged, ResultError, read_call_result
from .returning import MOST_LOOKS, OF_A_RETURN, Returning
from .servers import Listed, Server

LOG = logging.getLogger("leastward.mcp")

REFUSAL_KEY: Final = "leastward/refusal"
DECISION_KEY: Final = "leastward/decision"
NOWHERE: Final = "-"
"""The server of a call that names none: no policy can name it, and the Record shows it."""

TakesReport = Callable[[Caller, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Calling:
    """`reports` takes reports of agents."""

    def __init__(
        self,
        offering: Offering,
        gate: Decides,
        conversing: Conversing,
        returning: Returning,
        reports: TakesReport | None = None,
    ) -> None:
        self._offering = offering
        self._gate = gate
        self._conversing = conversing
        self._returning = returning
        self._reports = reports

    async def call(self, asking: Asking) -> dict[str, Any]:
        """A CallToolResult or an InputRequiredResult. Raises RpcError for a request that cannot be read, StoreError."""
        optional: dict[str, type] = {"arguments": dict}
        if is_modern(asking.version):
            optional |= OF_A_RETURN
        params = asking.params({"name": str}, optional)
        name, arguments = params["name"], params.get("arguments", {})
        if self._reports is not None and name == REPORT_DECISION["name"]:
            return await self._reported(asking, arguments)
        resolved = self._offering.resolved(asking.server, name)
        if resolved is None:
            asked = ToolCall(name, arguments, "", NOWHERE)
            return await self._judged(asking, asked, None, None, "unknown-tool")
        server, tool = resolved
        asked = ToolCall(tool, arguments, "", server.name)
        await self._returning.resumed(asking, asked, params)
        try:
            listed, problem = known(await server.listing(asking.run.id, self._conversing.own(asking, server)), tool)
        except (PeerError, ServerError) as error:
            LOG.warning("server `%s` cannot be asked for its tools: %s", server.name, error.message)
            listed, problem = None, "server-unavailable"
        if listed is not None and asking.headers is not None and is_modern(asking.version):
            asking.headers.check_mirrored(_schema(listed), listed.mirrored, arguments)
        return await self._judged(asking, asked, server, listed, problem)

    async def _judged(
        self, asking: Asking, asked: ToolCall, server: Server | None, listed: Listed | None, problem: str | None
    ) -> dict[str, Any]:
        reach = _Reach(self._conversing, asking, asked.tool, server, listed)
        of: str | None = None
        for _ in range(MOST_LOOKS):
            try:
                outcome = await self._gate.call(asking.caller, asking.run, DOOR, asked, reach, problem=problem)
            except (PeerError, ResultError) as error:
                code = error.code if isinstance(error, PeerError) else "server-unreadable"
                LOG.warning("server `%s` failed on a call of `%s`: %s", asked.server, asked.tool, error.message)
                failed = Refusal(code, error.message, decision_of(error) or "")
                return _said(asking.version, failed, asked.tool, structured=_is_free(listed))
            except AnswerWithheld as withheld:
                outcome, of = withheld.outcome, withheld.key
                break
            asking.decisions.append(outcome.decision)
            waits = outcome.approval if isinstance(outcome, Withheld) else None
            if waits is None or not await self._returning.looked(asking, asked, waits):
                break
        if isinstance(outcome, Withheld):
            return await self._withheld(asking, asked, outcome, listed, of)
        try:
            if reach.required is not None and server is not None:
                claimed = self._conversing.claims(asking, server)
                required = reach.required.settled(outcome.answer.content, claimed)
                return self._returning.required(asking, asked, required)
            result = reach.judged.settled(outcome.answer.content)
        except ResultError as error:
            failed = Refusal("server-unreadable", error.message, outcome.decision)
            return _said(asking.version, failed, asked.tool, structured=_is_free(listed))
        return complete(asking.version, {**result, "_meta": {DECISION_KEY: outcome.decision}})

    async def _withheld(
        self, asking: Asking, asked: ToolCall, outcome: Withheld, listed: Listed | None, of: str | None
    ) -> dict[str, Any]:
        if outcome.approval is not None:
            waiting = await self._returning.waiting(asking, asked, outcome.approval, of)
            if waiting is not None:
                return waiting
        return _said(
            asking.version, outcome.refusal, asked.tool, approval=outcome.approval, structured=_is_free(listed)
        )

    async def _reported(self, asking: Asking, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert self._reports is not None
        try:
            taken = await self._reports(asking.caller, arguments)
        except EdgeError as error:
            refusal = Refusal(error.code, error.message, "")
            return _said(asking.version, refusal, str(REPORT_DECISION["name"]), structured=True)
        text = "the report was taken"
        return complete(asking.version, {"content": [{"type": "text", "text": text}], "structuredContent": taken})


class _Reach:
    """Runs a released call. What it gave stays here in full; ToolGate is told the words of it. A call that the server
    answers with questions has failed so far: the one that brings the result is the one that counts."""

    def __init__(
        self, conversing: Conversing, asking: Asking, tool: str, server: Server | None, listed: Listed | None
    ) -> None:
        self._conversing = conversing
        self._asking = asking
        self._tool = tool
        self._server = server
        self._listed = listed
        self.judged = Judged({"content": []})
        self.required: Required | None = None

    async def __call__(self, arguments: dict[str, Any]) -> ToolAnswer:
        if self._server is None:
            raise PeerError("server-unavailable", "there is no such server")
        headers: dict[str, str] = {}
        if self._listed is not None and self._listed.mirrored:
            headers = mcp_param_headers(self._listed.mirrored, plain_numbers(arguments))
        params = {"name": self._tool, "arguments": arguments}
        try:
            result = await self._conversing.exchanged(self._asking, self._server, "tools/call", params, headers)
        except ServerError as error:
            self._check_lacking(error.lacking)
            # Its message is the server's text like any other: judged, labelled, and an error of the tool to the model.
            result = {"content": [{"type": "text", "text": error.message or "error"}], "isError": True}
        if isinstance(result, Required):
            self.required = result
            return ToolAnswer(result.words, "error")
        self.judged = Judged(read_call_result(result))
        return self.judged.answer

    def _check_lacking(self, lacking: frozenset[str]) -> None:
        """Raises RpcError -32021 where the server misses what the client has not either. To a client that has it the
        call is one that failed: the gate claims nothing, so asking again would not help."""
        missing = lacking - self._asking.capabilities.keys()
        if missing and is_modern(self._asking.version):
            needed: dict[str, Any] = {name: {} for name in sorted(missing)}
            message = "the server wants a client that can do more"
            data = {"requiredCapabilities": needed}
            raise RpcError(MISSING_REQUIRED_CLIENT_CAPABILITY, message, data, status=400)


def _schema(listed: Listed) -> Mapping[str, Any]:
    schema = listed.declared.get("inputSchema")
    return schema if isinstance(schema, dict) else {}


def _is_free(listed: Listed | None) -> bool:
    return listed is None or "outputSchema" not in listed.declared


def _said(
    version: str, refusal: Refusal, tool: str, *, approval: str | None = None, structured: bool
) -> dict[str, Any]:
    told: dict[str, Any] = {"code": refusal.code}
    if refusal.message:
        told["message"] = refusal.message
    if refusal.decision:
        told["decision"] = refusal.decision
    if approval is not None:
        told["approval"] = approval
    result: dict[str, Any] = {
        "content": [{"type": "text", "text": refusal_text(refusal, tool)}],
        "isError": True,
        "_meta": {REFUSAL_KEY: told},
    }
    if structured:
        result["structuredContent"] = {"leastward": told}
    return complete(version, result)
