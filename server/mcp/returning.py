"""A request that comes back: with a state that says what was asked in between, by a server or by the gate itself.

The gate asks its client to wait for an approval (held), a server asks for input (rounds), and one call may meet both:
then the approval's state stands in the round's, together with the answers that the client gave to the server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from guardrail import ToolCall

from ..edge import EdgeError
from .asking import Asking
from .conversing import Required
from .eras import is_modern
from .held import MOST_STATE, Held, Waiting, can_wait, elicited, input_required
from .inquiries import MOST_AT_ONCE, answer_call, method_of, read_answer, shown
from .line import PeerError
from .messages import INVALID_PARAMS, RpcError
from .pins import digest
from .results import ResultError
from .rounds import MOST_ROUNDS, PREFIX, Asked, Round, Rounds, asked_of, bad_state

MOST_LOOKS: Final = 3
"""How often a client with a session is asked to look after one approval."""

PERSON_SECONDS: Final = 300.0
"""How long a client with a session may take to say that its user has looked."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Of an answer that no state knows a question for: it goes to the server, and no rule looks at it."""

OF_A_RETURN: Final[Mapping[str, type]] = {"inputResponses": dict, "requestState": str}
"""The parameters of a request that comes back (2026-07-28)."""


class Returning:
    """`held` is how clients wait for approvals; `rounds` seals what servers ask. None where there is no such thing."""

    def __init__(self, held: Held | None, rounds: Rounds | None) -> None:
        self._held = held
        self._rounds = rounds

    async def resumed(self, asking: Asking, asked: ToolCall, params: Mapping[str, Any]) -> None:
        """Put what the request came back with into `asking`. Raises RpcError 400 `bad-state`."""
        state = params.get("requestState")
        asking.answers = params.get("inputResponses", {})
        if state is not None:
            await self._opened(asking, asked, state)
        _check_answers(asking)

    async def _opened(self, asking: Asking, asked: ToolCall, state: str) -> None:
        held: str | None = state
        try:
            if state.startswith(PREFIX) and self._rounds is not None:
                asking.round = self._rounds.opened(state, asking.caller.principal.key, _call(asking, asked))
                held = asking.round.held
                if held is not None:
                    asking.answers = asking.round.answers or {}
            else:
                asking.answers = {}  # to the gate's own question, which no server asked
            if held is not None:
                if self._held is None or len(held) > MOST_STATE:
                    raise bad_state()
                await self._held.resumed(asking.caller, _waits(asking.round, asked), held)
        except EdgeError as error:
            raise RpcError(INVALID_PARAMS, error.message, {"code": error.code}, status=400) from error

    def required(self, asking: Asking, asked: ToolCall, required: Required) -> dict[str, Any]:
        """The InputRequiredResult with a server's questions. Raises ResultError."""
        number = 1 if asking.round is None else asking.round.number + 1
        if self._rounds is None or number > MOST_ROUNDS:
            raise ResultError(f"the server asked more than {MOST_ROUNDS} times")
        round = Round(number, asked_of(required.inquiries), required.state)
        state = self._rounds.seal(asking.caller.principal.key, _call(asking, asked), round)
        requests = {one.key: shown(asked.server or "", one) for one in required.inquiries}
        return {"resultType": "input_required", "inputRequests": requests, "requestState": state}

    async def waiting(
        self, asking: Asking, asked: ToolCall, approval: str, of: str | None = None
    ) -> dict[str, Any] | None:
        """The InputRequiredResult for a call that waits for an approval, or whose answer to the question `of` does;
        None for a client that has to be content with the refusal. What the client answered so far is sealed with it:
        what a person looks at is what goes to the server."""
        if self._held is None or not is_modern(asking.version):
            return None
        waiting = await self._held.waiting(asking.caller, approval)
        url = None if waiting is None else _way(waiting, asking.capabilities)
        if waiting is None or url is None:
            return None
        round = asking.round
        if round is None and asking.answers:
            known = {key: Asked(method_of(answer), {}) for key, answer in asking.answers.items()}
            round = Round(0, known, None)
        if round is not None and self._rounds is not None:
            round = round._replace(held=waiting.state, answers=asking.answers, of=of)
            try:
                state = self._rounds.seal(asking.caller.principal.key, _call(asking, asked), round)
            except ResultError:  # answers too long to be carried: it is told the approval, and calls again later
                return None
            waiting = waiting._replace(state=state)
        return input_required(waiting, approval, url)

    async def looked(self, asking: Asking, asked: ToolCall, approval: str) -> bool:
        """Whether the user of a client with a session was asked to look after an approval, and says that they did. The
        call is to be decided again then."""
        if self._held is None or asking.session is None or asking.talk is None:
            return False
        waiting = await self._held.waiting(asking.caller, approval)
        url = None if waiting is None else _way(waiting, asking.capabilities)
        if waiting is None or url is None:
            return False
        try:
            params = elicited(waiting, approval, url)
            answer = await asking.talk.ask("elicitation/create", params, PERSON_SECONDS)
            if answer.get("action") != "accept":
                return False
            await self._held.resumed(asking.caller, asked, waiting.state)
        except (PeerError, EdgeError):
            return False
        return True


def _waits(round: Round | None, asked: ToolCall) -> ToolCall:
    """What an approval is for that a request comes back with: its call, or an answer in it."""
    if round is None or round.of is None:
        return asked
    known = round.asked[round.of]
    return answer_call(asked.server or "", known.method, known.said, (round.answers or {})[round.of])


def _check_answers(asking: Asking) -> None:
    """Raises RpcError for an answer that is none, before anything is decided."""
    if asking.round is None and not (len(asking.answers) <= MOST_AT_ONCE and all(map(_NAME.fullmatch, asking.answers))):
        message = f"`inputResponses` without a state has at most {MOST_AT_ONCE} answers, each under a plain name"
        raise RpcError(INVALID_PARAMS, message, status=400)
    try:
        for key, answer in asking.answers.items():
            if asking.round is None:
                read_answer(method_of(answer), answer)
            elif key in asking.round.asked:
                read_answer(asking.round.asked[key].method, answer)
    except ResultError as error:
        raise RpcError(INVALID_PARAMS, f"`inputResponses`: {error.message}", status=400) from error


def _way(waiting: Waiting, capabilities: Mapping[str, Any]) -> bool | None:
    """Whether by an address (True) or by a form; None where the client can be asked by neither."""
    if waiting.url is not None and can_wait(capabilities, True):
        return True
    return False if can_wait(capabilities, False) else None


def _call(asking: Asking, asked: ToolCall) -> str:
    """What a state is good for: one method with one set of parameters, of one server."""
    of = {"method": asking.request.method, "server": asked.server, "tool": asked.tool, "arguments": asked.arguments}
    return digest(of)
