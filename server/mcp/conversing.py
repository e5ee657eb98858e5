"""One request on its way to a server that may ask something back, until there is a result.

    server with a session  -> asks while the request is under way -> the client is asked on the stream of its request
    server of 2026-07-28   -> answers with questions              -> a client with a session is asked the same way, and
                                                                     the request sent again with its answers;
                                                                     any other gets them sealed (rounds), and comes back
What the client answers is decided, as the tool that stands for the kind of question (inquiries), before the server has
it. A question that no rule could grant an answer to is not asked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from guardrail import ToolCall
from policy_dsl import Catalogue, Tool

from ..exchange import Caller
from ..store import Run
from ..tool_gate import Reach, Released, ToolAnswer, Withheld
from .asking import Asking
from .eras import LOG_LEVEL_META_KEY
from .inquiries import KINDS, Inquiry, answer_call, claims, method_of, read_inquiries, read_inquiry, shown
from .line import NO_HEADERS, Asked, PeerError
from .logged import LEVELS, MOST_LOGGED, is_wanted, read_logged
from .messages import INVALID_PARAMS, METHOD_NOT_FOUND, REFUSED, Request, RpcError, error_bytes, result_bytes
from .peer import INPUT_REQUIRED, Listening, Progressed
from .results import ResultError
from .rounds import MOST_ROUNDS, Round
from .servers import Own, Server

LOG = logging.getLogger("leastward.mcp")

DOOR: Final = "mcp"
LOGGED: Final = "logging.message"
"""What a log message is told to the Session as."""

UNANSWERED: Final = -1
"""What a server is told where its question has no answer (2025-11-25, Sampling, Error Handling)."""


class Decides(Protocol):
    """The choke point (server/tool_gate.py)."""

    async def call(
        self, caller: Caller, run: Run, door: str, asked: ToolCall, reach: Reach, *, problem: str | None = None
    ) -> Released | Withheld: ...

    async def answered(
        self, caller: Caller, run: Run, door: str, call: ToolCall, answer: ToolAnswer, *, observed: bool = True
    ) -> ToolAnswer: ...

    async def offered(self, caller: Caller, run: Run, server: str | None, tools: Sequence[Tool]) -> list[Tool]: ...


class AnswerWithheld(Exception):
    """A client's answer does not go to the server. `key` is the server's name for its question."""

    def __init__(self, outcome: Withheld, key: str) -> None:
        super().__init__(outcome.refusal.code)
        self.outcome = outcome
        self.key = key


class Required(NamedTuple):
    """What a server asks before it answers; `state` is its own."""

    inquiries: list[Inquiry]
    state: str | None

    @property
    def words(self) -> list[dict[str, Any]]:
        """The questions, as the Session is told them."""
        return [inquiry.tree for inquiry in self.inquiries]

    def settled(self, trees: Any, claimed: Mapping[str, Any]) -> Required:
        """The same with its words as they came back from the choke point. Raises ResultError."""
        if not isinstance(trees, list) or len(trees) != len(self.inquiries):
            raise ResultError("a redaction changed the shape of a question")
        again = [
            read_inquiry(one.key, one.method, tree.get("params"), claimed)
            for one, tree in zip(self.inquiries, trees, strict=True)
        ]
        return self._replace(inquiries=again)


class Conversing:
    """One for all requests; it keeps nothing of any. `seals` is whether a client without a session can be asked."""

    def __init__(self, gate: Decides, *, seals: bool) -> None:
        self._gate = gate
        self._seals = seals

    def claims(self, asking: Asking, server: Server) -> dict[str, Any]:
        """The capabilities that this client can be asked by, as far as the server's settings pass it on."""
        if not (self._seals if asking.session is None else asking.talk is not None and asking.talk.asks):
            return {}
        return claims(server.passes.questions, asking.capabilities)

    def own(self, asking: Asking, server: Server) -> Own | None:
        """What of the server is for this client alone; None where there is nothing to keep apart."""
        if asking.session is None or asking.talk is None:
            return None
        claimed = self.claims(asking, server)
        if not claimed and not server.passes.logging and not server.passes.subscriptions:
            return None
        return Own(asking.session.id, claimed)

    async def exchanged(
        self,
        asking: Asking,
        server: Server,
        method: str,
        params: Mapping[str, Any],
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> dict[str, Any] | Required:
        """The server's result, or what it asks of a client that comes back with its answers.

        Raises ServerError, PeerError; ResultError for a question or an answer that the gate does not pass on;
        AnswerWithheld.
        """
        claimed, own = self.claims(asking, server), self.own(asking, server)
        sent = {**params, **(await self._brought(asking, server) if claimed else {})}
        listening = self._listening(asking, server, claimed)
        for _ in range(MOST_ROUNDS):
            result = await server.ask(asking.run.id, method, sent, listening, headers, own)
            if result.get("resultType", "complete") != INPUT_REQUIRED:
                return result
            required = _required(result, claimed)
            for inquiry in required.inquiries:
                await self._check_askable(asking, server, inquiry.method)
            if asking.talk is None or not asking.talk.asks:
                return required
            answers = {one.key: await self._put(asking, server, one, claimed) for one in required.inquiries}
            sent = {**params, "inputResponses": answers}
            if required.state is not None:
                sent["requestState"] = required.state
        raise PeerError("server-asks", f"the server asked more than {MOST_ROUNDS} times")

    # --- questions ---

    async def _brought(self, asking: Asking, server: Server) -> dict[str, Any]:
        """What a client of 2026-07-28 came back with, each answer decided. An answer to a question that was not asked
        with the state is dropped; without a state, as by a client that knows what it will be asked, each is decided by
        what it is."""
        round, answers = asking.round or Round(0, {}, None), asking.answers
        sent: dict[str, Any] = {}
        for key, answer in answers.items():
            if asking.round is not None and key not in round.asked:
                continue
            method, said = round.asked[key] if key in round.asked else (method_of(answer), {})
            sent[key] = await self._decided(asking, server, Inquiry(key, method, {}), said, answer)
        brought: dict[str, Any] = {"inputResponses": sent} if sent else {}
        return brought if round.state is None else {**brought, "requestState": round.state}

    async def _put(
        self, asking: Asking, server: Server, inquiry: Inquiry, claimed: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Ask a client with a session; its answer, decided."""
        assert asking.talk is not None
        kind = KINDS[inquiry.method]
        told = ToolCall(kind.tool, {}, "", server.name)
        words = await self._gate.answered(asking.caller, asking.run, DOOR, told, ToolAnswer(inquiry.params))
        inquiry = read_inquiry(inquiry.key, inquiry.method, words.content, claimed)
        answer = await asking.talk.ask(inquiry.method, shown(server.name, inquiry)["params"], server.seconds)
        return await self._decided(asking, server, inquiry, kind.said(inquiry.params), answer)

    async def _decided(
        self, asking: Asking, server: Server, inquiry: Inquiry, said: Mapping[str, str], answer: Any
    ) -> dict[str, Any]:
        passed: dict[str, Any] = {}

        async def reach(arguments: dict[str, Any]) -> ToolAnswer:
            passed.update(arguments)
            return ToolAnswer(None)

        asked = answer_call(server.name, inquiry.method, said, answer)
        outcome = await self._gate.call(asking.caller, asking.run, DOOR, asked, reach)
        asking.decisions.append(outcome.decision)
        if isinstance(outcome, Withheld):
            raise AnswerWithheld(outcome, inquiry.key)
        return {name: value for name, value in passed.items() if name not in said}

    async def _check_askable(self, asking: Asking, server: Server, method: str) -> None:
        if not await self._gate.offered(asking.caller, asking.run, server.name, [_tool(server.name, method)]):
            raise ResultError("the policy grants no answer to what the server asks")

    # --- what is heard meanwhile ---

    def _listening(self, asking: Asking, server: Server, claimed: Mapping[str, Any]) -> Listening:
        level = self._level(asking, server)
        logged = None if level is None else self._logged(asking, server, level)
        asked = self._asked(asking, server, claimed) if asking.session is not None and claimed else None
        return Listening(claimed, asking.progressed, asked, logged, level)

    def _asked(self, asking: Asking, server: Server, claimed: Mapping[str, Any]) -> Asked:
        async def asked(request: Request) -> bytes:
            """Whatever goes wrong is an answer too: a server that gets none waits."""
            try:
                inquiry = read_inquiry("", request.method, request.params, claimed)
                await self._check_askable(asking, server, inquiry.method)
                return result_bytes(request.id, await self._put(asking, server, inquiry, claimed))
            except ResultError as error:
                code = INVALID_PARAMS if request.method in KINDS else METHOD_NOT_FOUND
                return error_bytes(request.id, RpcError(code, error.message))
            except AnswerWithheld:
                return error_bytes(request.id, RpcError(REFUSED, "the gate does not allow the answer"))
            except PeerError as error:
                return error_bytes(request.id, RpcError(UNANSWERED, error.message))
            except Exception:
                LOG.exception("a question of server `%s` failed", server.name)
                return error_bytes(request.id, RpcError(UNANSWERED, "the gate failed"))

        return asked

    def _level(self, asking: Asking, server: Server) -> str | None:
        """From which level on this client wants to hear what the server logs; None where it does not."""
        if not server.passes.logging or asking.talk is None:
            return None
        if asking.session is not None:
            return asking.session.level
        meta = asking.request.params.get("_meta")
        level = meta.get(LOG_LEVEL_META_KEY) if isinstance(meta, dict) else None
        return level if isinstance(level, str) and level in LEVELS else None

    def _logged(self, asking: Asking, server: Server, level: str) -> Progressed:
        left = MOST_LOGGED

        def logged(params: dict[str, Any]) -> None:
            nonlocal left
            if left > 0 and asking.talk is not None and is_wanted(params, level):
                left -= 1
                asking.talk.later(self._told(asking, server, params))

        return logged

    async def _told(self, asking: Asking, server: Server, params: Mapping[str, Any]) -> None:
        """A log message is a server's text as any result is. One that cannot be read is left out."""
        try:
            kept = read_logged(params)
        except ResultError as error:
            LOG.warning("a log message of server `%s` is left out: %s", server.name, error.message)
            return
        told = ToolCall(LOGGED, {}, "", server.name)
        words = await self._gate.answered(asking.caller, asking.run, DOOR, told, ToolAnswer(kept))
        if asking.talk is not None and isinstance(words.content, dict):
            asking.talk.tell("notifications/message", {**words.content, "level": kept["level"]})


def _required(result: Mapping[str, Any], claimed: Mapping[str, Any]) -> Required:
    state = result.get("requestState")
    if not isinstance(state, str | None):
        raise ResultError("`requestState` is a text")
    inquiries = read_inquiries(result.get("inputRequests"), claimed)
    if not inquiries and state is None:
        raise ResultError("a result that asks for nothing")
    return Required(inquiries, state)


def _tool(server: str, method: str) -> Tool:
    declared = {"name": KINDS[method].tool, "description": "", "inputSchema": {"type": "object"}}
    (tool,) = Catalogue.from_tools([declared], server).tools
    return tool
