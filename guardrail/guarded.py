"""Python functions as guarded tools: the Guard in the agent's own process, without a gate.

The function's parameters are the arguments that a policy names. What runs is the function with the arguments that were
judged: they are printed as JSON and read back strictly before anything is decided, so that no object of the caller's
can look one way to the Guard and another to the function.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, Protocol, TypeVar, cast

from .decision import Decision
from .guard import Guard
from .model import ToolCall
from .python_values import NotJson, as_json, with_floats
from .session import Session

P = ParamSpec("P")
R = TypeVar("R")

_UNREADABLE: Final = "bad-json-arguments"


class Refused(Exception):
    """A guarded function was not run. `decision` says why; an ask is refused too, its `effect` tells them apart."""

    def __init__(self, tool: str, decision: Decision) -> None:
        self.tool = tool
        self.decision = decision
        said = f"`{tool}` was not run: {decision.reason}"
        super().__init__(f"{said}. {decision.message}" if decision.message else said)


class Recorder(Protocol):
    """Keeps what was decided. Called before the function runs; what it raises keeps the function from running."""

    def __call__(self, call: ToolCall, decision: Decision, /) -> None: ...


def guarded(
    guard: Guard,
    session: Session,
    *,
    tool: str | None = None,
    server: str | None = None,
    record: Recorder = lambda call, decision: None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function, or a coroutine function, as the tool `tool` (its own name if None).

    Every parameter is an argument by its name; `**kwargs` are arguments too, positional-only parameters and `*args` are
    refused when decorating (TypeError). The Session learns of the call, and of what came back: the Guard sees the
    answer itself here, so rules on `succeeded` and `failed` hold. Calling raises Refused instead of running the
    function; what the function raises is raised as it is.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        door = _Door(guard, session, tool or function.__name__, server, record, _signature(function))
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def asynchronous(*args: P.args, **kwargs: P.kwargs) -> Any:
                call, bound = door.entered(args, kwargs)
                try:
                    answer = await function(*bound.args, **bound.kwargs)
                except BaseException:
                    door.answered(call, None, failed=True)
                    raise
                door.answered(call, answer)
                return answer

            return cast("Callable[P, R]", asynchronous)

        @functools.wraps(function)
        def synchronous(*args: P.args, **kwargs: P.kwargs) -> R:
            call, bound = door.entered(args, kwargs)
            try:
                answer = function(*bound.args, **bound.kwargs)
            except BaseException:
                door.answered(call, None, failed=True)
                raise
            door.answered(call, answer)
            return answer

        return synchronous

    return decorate


@dataclass(frozen=True, slots=True)
class _Door:
    guard: Guard
    session: Session
    tool: str
    server: str | None
    record: Recorder
    signature: inspect.Signature

    def entered(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[ToolCall, inspect.BoundArguments]:
        """The call that may run, and the arguments to run it with. Raises Refused."""
        bound = self.signature.bind(*args, **kwargs)  # defaults are the tool's own, and no part of the call
        call_id = f"call-{next(_numbers)}"
        try:
            arguments = cast("dict[str, Any]", as_json(_by_name(bound)))
        except NotJson:
            unread = Decision("forbid", None, _UNREADABLE, None, (), self.guard.policy_hash)
            raise Refused(self.tool, unread) from None
        call = ToolCall(self.tool, arguments, call_id, self.server)
        decision = self.guard.decide(call, self.session)
        self.record(call, decision)
        self.session.decided(call, decision)
        if not decision.releases:
            raise Refused(self.tool, decision)
        judged = arguments if decision.arguments is None else decision.arguments
        return call, self.signature.bind(**with_floats(judged))

    def answered(self, call: ToolCall, answer: object, *, failed: bool = False) -> None:
        """An answer that is no JSON is learnt as the text that Python prints of it."""
        try:
            told = as_json(answer)
        except NotJson:
            told = str(answer)
        self.session.answered(
            call.call_id,
            told,
            observed=True,
            status="error" if failed else "ok",
            tool=call.tool,
            server=call.server,
        )


_numbers = itertools.count(1)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    signature = inspect.signature(function)
    unnamed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    for parameter in signature.parameters.values():
        if parameter.kind in unnamed:
            raise TypeError(f"`{parameter.name}` has no name that a policy could write; pass it by name")
    return signature


def _by_name(bound: inspect.BoundArguments) -> dict[str, Any]:
    """Every argument under its own name; those of `**kwargs` beside the others."""
    arguments: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(value)
        else:
            arguments[name] = value
    return arguments
