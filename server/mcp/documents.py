"""Resources, prompts and completion of a server: each is decided as the call of a tool that stands for it.

A policy allows them by name, `server/resources.read(uri)` for example; without such a rule none of them is there. What
comes back is judged like the result of any tool: it is text that a server puts before a model.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from guardrail import ToolCall
from policy_dsl import Catalogue, Tool

from ..store import Run
from ..tool_gate import Released, ToolAnswer, ToolGate
from .asking import Asking
from .conversing import DOOR, AnswerWithheld, Conversing, Required
from .eras import complete, is_modern, listed
from .line import PeerError
from .messages import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, REFUSED, RpcError
from .offering import Offering
from .peer import ServerError
from .results import Judged, ResultError, read_block, read_contents
from .returning import MOST_LOOKS, OF_A_RETURN, Returning
from .servers import MOST_PAGES, Server

LOG = logging.getLogger("leastward.mcp")

MOST_LISTED: Final = 5_000
"""Entries of a list; what a server has beyond them, or beyond MOST_PAGES pages, is left out."""


def _object(**properties: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": [name for name in properties if name != "arguments"],
        "additionalProperties": False,
    }


class _Document(NamedTuple):
    """One method that reads: the tool that it is decided as, and how its result is read. `capability` is the server's
    word for having it."""

    capability: str
    tool: str
    schema: dict[str, Any]
    needed: Mapping[str, type]
    optional: Mapping[str, type]
    read: Callable[[Mapping[str, Any]], dict[str, Any]]


class _List(NamedTuple):
    """One method that lists what a `_Document` reads: the member that holds the entries, and their known members."""

    method: str
    member: str
    kept: frozenset[str]


def _contents(tree: Mapping[str, Any]) -> dict[str, Any]:
    found = tree.get("contents")
    if not isinstance(found, list):
        raise ResultError("`contents` is a list")
    return {"contents": [read_contents(one) for one in found]}


def _messages(tree: Mapping[str, Any]) -> dict[str, Any]:
    found = tree.get("messages")
    if not isinstance(found, list):
        raise ResultError("`messages` is a list")
    kept: dict[str, Any] = {"messages": []}
    if isinstance(tree.get("description"), str):
        kept["description"] = tree["description"]
    for message in found:
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("user", "assistant"):
            raise ResultError("a message of a role that the gate does not know")
        kept["messages"].append({"role": role, "content": read_block(message.get("content"))})
    return kept


def _completion(tree: Mapping[str, Any]) -> dict[str, Any]:
    found = tree.get("completion")
    values = found.get("values") if isinstance(found, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ResultError("`values` of a completion is a list of texts")
    assert isinstance(found, dict)
    more = {name: found[name] for name in ("total", "hasMore") if isinstance(found.get(name), int)}
    return {"completion": {"values": values, **more}}


READS: Final[Mapping[str, _Document]] = {
    "resources/read": _Document("resources", "resources.read", _object(uri="string"), {"uri": str}, {}, _contents),
    "prompts/get": _Document(
        "prompts",
        "prompts.get",
        _object(name="string", arguments="object"),
        {"name": str},
        {"arguments": dict},
        _messages,
    ),
    "completion/complete": _Document(
        "completions",
        "completion.complete",
        _object(ref="object", argument="object"),
        {"ref": dict, "argument": dict},
        {},
        _completion,
    ),
}

_RESOURCE: Final = frozenset(
    {"uri", "uriTemplate", "name", "title", "description", "mimeType", "size", "annotations", "icons"}
)
LISTS: Final[Mapping[str, tuple[_List, str]]] = {
    "resources/list": (_List("resources/list", "resources", _RESOURCE), "resources/read"),
    "resources/templates/list": (_List("resources/templates/list", "resourceTemplates", _RESOURCE), "resources/read"),
    "prompts/list": (
        _List("prompts/list", "prompts", frozenset({"name", "title", "description", "arguments", "icons"})),
        "prompts/get",
    ),
}


class Documents:
    """Only at the address of one server: what a resource or a prompt is called says nothing of where it is."""

    def __init__(self, offering: Offering, gate: ToolGate, conversing: Conversing, returning: Returning) -> None:
        self._offering = offering
        self._gate = gate
        self._conversing = conversing
        self._returning = returning

    async def capabilities(self, asking: Asking) -> dict[str, Any]:
        """Those that the server has and this caller could be granted a reading of, and `tools`. Where changes are
        passed on, every list can change: the policy decides what is in it."""
        found: dict[str, Any] = {}
        if asking.server is None:
            tells = is_modern(asking.version) and any(one.passes.subscriptions for one in self._offering.of(None))
            return {"tools": {"listChanged": True}} if tells else found
        server = self._offering.of(asking.server)[0]
        try:
            has = await server.capabilities(asking.run.id, self._conversing.own(asking, server))
        except (PeerError, ServerError):
            return found
        passes = server.passes.subscriptions
        if passes:
            found["tools"] = {"listChanged": True}
        for document in READS.values():
            if document.capability in has and await self._may(asking, server, document):
                found[document.capability] = _changes(has[document.capability]) if passes else {}
        if server.passes.logging and "logging" in has:
            found["logging"] = {}
        return found

    async def lists(self, asking: Asking) -> dict[str, Any]:
        """Raises RpcError, StoreError."""
        one, reading = LISTS[asking.request.method]
        server, document = await self._server(asking, reading)
        asking.params({}, {"cursor": str})
        if not await self._may(asking, server, document):
            return listed(asking.version, {one.member: []})
        entries = await self._listed(asking, server, one)
        # Nobody pinned these words of the server's, as those of tools are pinned: they are judged like a result.
        told = ToolCall(one.method.replace("/", "."), {}, "", server.name)
        words = await self._gate.answered(asking.caller, asking.run, DOOR, told, ToolAnswer(entries))
        return listed(asking.version, {one.member: words.content})

    async def _listed(self, asking: Asking, server: Server, one: _List) -> list[dict[str, Any]]:
        """Every page: a cursor of the client's would be a text to the server that nobody judged."""
        own = self._conversing.own(asking, server)
        kept: list[dict[str, Any]] = []
        cursor: Any = None
        for _ in range(MOST_PAGES):
            params = {} if cursor is None else {"cursor": cursor}
            page = await _told(server, one.method, params, server.ask(asking.run.id, one.method, params, own=own))
            entries, cursor = page.get(one.member), page.get("nextCursor")
            if not isinstance(entries, list) or not isinstance(cursor, str | None):
                raise RpcError(INTERNAL_ERROR, "the server's list cannot be read", {"code": "server-unreadable"})
            kept += [_kept(entry, one.kept) for entry in entries if isinstance(entry, dict)]
            if cursor is None or len(kept) > MOST_LISTED:
                break
        if cursor is not None or len(kept) > MOST_LISTED:
            LOG.warning("a list of server `%s` is longer than the gate reads: `%s`", server.name, one.method)
        return kept[:MOST_LISTED]

    async def reads(self, asking: Asking) -> dict[str, Any]:
        """Raises RpcError, StoreError."""
        method = asking.request.method
        server, document = await self._server(asking, method)
        may_return = is_modern(asking.version) and method != "completion/complete"
        given = asking.params(document.needed, {**document.optional, **(OF_A_RETURN if may_return else {})})
        params = {name: value for name, value in given.items() if name not in OF_A_RETURN}
        judged = Judged({})
        required: Required | None = None

        async def reach(arguments: dict[str, Any]) -> ToolAnswer:
            nonlocal judged, required
            asks = self._conversing.exchanged(asking, server, method, arguments)
            result = await _told(server, method, arguments, asks)
            if isinstance(result, Required):
                required = result
                return ToolAnswer(result.words, "error")
            judged = Judged(document.read(result))
            return judged.answer

        asked = ToolCall(document.tool, params, "", server.name)
        await self._returning.resumed(asking, asked, given)
        of: str | None = None
        try:
            for _ in range(MOST_LOOKS):
                outcome = await self._gate.call(asking.caller, asking.run, DOOR, asked, reach)
                waits = None if isinstance(outcome, Released) else outcome.approval
                if waits is None or not await self._returning.looked(asking, asked, waits):
                    break
            if isinstance(outcome, Released):
                asking.decisions.append(outcome.decision)
                if required is not None:
                    settled = required.settled(outcome.answer.content, self._conversing.claims(asking, server))
                    return self._returning.required(asking, asked, settled)
                kept = judged.settled(outcome.answer.content)
                fresh = method == "resources/read"
                return listed(asking.version, kept) if fresh else complete(asking.version, kept)
        except ResultError as error:
            raise RpcError(INTERNAL_ERROR, error.message, {"code": "server-unreadable"}) from error
        except AnswerWithheld as withheld:
            outcome, of = withheld.outcome, withheld.key
        asking.decisions.append(outcome.decision)
        if outcome.approval is not None and may_return:
            waiting = await self._returning.waiting(asking, asked, outcome.approval, of)
            if waiting is not None:
                return waiting
        data = {"code": outcome.refusal.code, "decision": outcome.decision}
        if outcome.approval is not None:
            data["approval"] = outcome.approval
        raise RpcError(REFUSED, outcome.refusal.message or "the gate does not allow it", data)

    async def _server(self, asking: Asking, method: str) -> tuple[Server, _Document]:
        if asking.server is None:
            raise RpcError(METHOD_NOT_FOUND, "only at the address of one server", status=404)
        return self._offering.of(asking.server)[0], READS[method]

    async def _may(self, asking: Asking, server: Server, document: _Document) -> bool:
        run: Run = asking.run
        return bool(await self._gate.offered(asking.caller, run, server.name, [_tool(document, server.name)]))


ResultT = TypeVar("ResultT")


async def _told(server: Server, method: str, params: Mapping[str, Any], asks: Awaitable[ResultT]) -> ResultT:
    """What the server said. Raises RpcError where it said nothing that can be used."""
    try:
        return await asks
    except ServerError as error:
        code = error.code if error.code in (INVALID_PARAMS, METHOD_NOT_FOUND, -32002) else INTERNAL_ERROR
        named = {"uri": params["uri"]} if "uri" in params else {}
        raise RpcError(code, "the server answered with an error", {"code": "server-error", **named}) from error
    except PeerError as error:
        LOG.warning("server `%s` failed on `%s`: %s", server.name, method, error.message)
        raise RpcError(INTERNAL_ERROR, error.message, {"code": error.code}) from error


def _changes(has: Any) -> dict[str, bool]:
    subscribes = isinstance(has, dict) and has.get("subscribe") is True
    return {"listChanged": True, **({"subscribe": True} if subscribes else {})}


def _tool(document: _Document, server: str) -> Tool:
    declared = {"name": document.tool, "description": "", "inputSchema": document.schema}
    (tool,) = Catalogue.from_tools([declared], server).tools
    return tool


def _kept(entry: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name in names}
