"""LiteLLM: a guardrail of somebody else's proxy, for the calls in answers of chat completions, whole or as a stream.

The proxy is a model door, where the client runs the tools: what it says came back is a claim, which can label a Session
and prove nothing. Calls written as text are what the gate's own routes are for; all other routes are refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastapi import HTTPException

from guardrail import Principal, ToolCall
from policy_dsl import strict_json

from ..tool_gate import ToolAnswer, Withheld
from ..wire import refusal_text
from .answers import as_told

if TYPE_CHECKING:
    from litellm.integrations.custom_guardrail import CustomGuardrail

    from ..in_process import Door

Doors = Callable[[Principal], "Door"]

JUDGED: Final = frozenset({"completion", "acompletion"})
CALL_FREE: Final = frozenset(
    {"embedding", "embeddings", "aembedding", "moderation", "amoderation", "rerank", "arerank"}
)
"""LiteLLM's kinds of request: those whose answers are judged here, and those whose answers hold no calls."""

MOST_TOLD: Final = 100_000
"""Answers of tools that are remembered as told, so that a repeated history is not told again."""


class Call(NamedTuple):
    id: str
    tool: str
    arguments: str


def principal_of(key: Any) -> Principal:
    """Whom LiteLLM knows its key to belong to. Nothing of the request counts."""
    tenant = key.team_id or key.org_id or "litellm"
    return Principal(tenant, key.key_alias or key.token or "litellm", key.user_id or None)


def litellm_guardrail(
    source: str | Path | Doors, principal: Callable[[Any], Principal] = principal_of
) -> Callable[..., CustomGuardrail]:
    """What `guardrail: FILE.NAME` names in LiteLLM's configuration, with `mode: [pre_call, post_call]`.

    `source` is a `leastward.yaml`, whose gate opens with the first request and lives as long as the process, or what
    `open_doors` gives. The guardrail runs for each request, whatever the client, its key or `default_on` says.
    """
    from litellm.integrations.custom_guardrail import CustomGuardrail
    from litellm.types.guardrails import GuardrailEventHooks
    from litellm.types.utils import Delta, ModelResponse, ModelResponseStream, StreamingChoices

    gate = _Gate(source)
    hooks = (GuardrailEventHooks.pre_call, GuardrailEventHooks.post_call)

    class Leastward(CustomGuardrail):
        """The proxy looks for the method of streams in this very class: it has no subclasses."""

        def should_run_guardrail(self, data: Any, event_type: Any) -> bool:
            return event_type in hooks

        async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: Any, call_type: Any) -> Any:
            if call_type not in JUDGED | CALL_FREE:
                raise _not_judged()
            door = await gate.door(principal(user_api_key_dict))
            await gate.claimed(door, principal(user_api_key_dict), data.get("messages") or ())
            return data

        async def async_post_call_success_hook(self, data: Any, user_api_key_dict: Any, response: Any) -> Any:
            if type(response).__name__ in _CALL_FREE_ANSWERS:
                return response
            if not isinstance(response, ModelResponse):
                raise _not_judged()
            door = await gate.door(principal(user_api_key_dict))
            for choice in response.choices:
                await _judge_message(door, choice)
            return response

        async def async_post_call_streaming_iterator_hook(
            self, user_api_key_dict: Any, response: Any, request_data: Any
        ) -> AsyncGenerator[Any, None]:
            door = await gate.door(principal(user_api_key_dict))
            held: dict[int, _Held] = {}
            ends: list[Any] = []
            last: Any = None

            def chunk(index: int, delta: Mapping[str, Any], finish: str | None = None) -> Any:
                choice = StreamingChoices(index=index, delta=Delta(**delta), finish_reason=finish)
                return ModelResponseStream(id=last.id, created=last.created, model=last.model, choices=[choice])

            async for last in response:
                if not isinstance(last, ModelResponseStream):
                    raise _not_judged()
                if not last.choices:
                    ends.append(last)  # usage comes after the end of the choices
                for choice in last.choices:
                    text = held.setdefault(choice.index, _Held()).take(choice)
                    if text:
                        yield chunk(choice.index, text)
            for index, one in held.items():
                if one.finish is None:
                    continue  # the stream was cut off: what was held may be half a call
                released, refused = await _judged(door, one.whole())
                delta: dict[str, Any] = {"content": "\n".join(refused)} if refused else {}
                if released:
                    delta["tool_calls"] = [{"index": at, **_entry(call)} for at, call in enumerate(released)]
                yield chunk(index, delta, _finish(one.finish, released))
            for end in ends:
                yield end

    return Leastward


class _Gate:
    """The doors of a process, opened in the event loop of its first request."""

    def __init__(self, source: str | Path | Doors) -> None:
        self._doors: Doors | None = None if isinstance(source, str | Path) else source
        self._config = source if isinstance(source, str | Path) else None
        self._opening = asyncio.Lock()
        self._stays = AsyncExitStack()
        self._told: dict[tuple[Principal, str], None] = {}

    async def door(self, principal: Principal) -> Door:
        async with self._opening:
            if self._doors is None:
                from ..in_process import open_doors

                assert self._config is not None
                self._doors = await self._stays.enter_async_context(open_doors(self._config))
        return self._doors(principal)

    async def claimed(self, door: Door, principal: Principal, messages: Iterable[Mapping[str, Any]]) -> None:
        """What the client says that its tools answered, each answer once."""
        names: dict[str, str] = {}
        for message in messages:
            for call in message.get("tool_calls") or ():
                names[call["id"]] = call["function"]["name"] if "function" in call else ""
            call_id = message.get("tool_call_id")
            if message.get("role") not in ("tool", "function") or (principal, call_id or "") in self._told:
                continue
            name = names.get(call_id or "") or message.get("name") or ""
            told = ToolAnswer(as_told(message.get("content")))
            await door.answered(ToolCall(name, {}, call_id or ""), told, observed=False)
            if call_id:
                self._told[principal, call_id] = None
                if len(self._told) > MOST_TOLD:
                    del self._told[next(iter(self._told))]


@dataclass(slots=True)
class _Held:
    """What one choice of a stream said that is no text."""

    calls: dict[int, list[str]] = field(default_factory=dict)
    finish: str | None = None

    def take(self, choice: Any) -> dict[str, str]:
        """Its text, which may pass at once."""
        delta = choice.delta
        for call in getattr(delta, "tool_calls", None) or ():
            self._add(call.index, call.id, _named(call))
        legacy = getattr(delta, "function_call", None)
        if legacy is not None:
            self._add(-1, None, (legacy.name, legacy.arguments))
        self.finish = choice.finish_reason or self.finish
        texts = {name: getattr(delta, name, None) for name in ("role", "content", "reasoning_content", "refusal")}
        return {name: text for name, text in texts.items() if text}

    def whole(self) -> list[Call]:
        return [Call(*parts) for _, parts in sorted(self.calls.items())]

    def _add(self, index: int, call_id: str | None, named: tuple[str | None, str | None]) -> None:
        parts = self.calls.setdefault(index, ["", "", ""])
        parts[0] = parts[0] or call_id or ""
        parts[1] += named[0] or ""
        parts[2] += named[1] or ""


async def _judge_message(door: Door, choice: Any) -> None:
    message = choice.message
    asked = [Call(call.id or "", *_texts(_named(call))) for call in message.tool_calls or ()]
    legacy = getattr(message, "function_call", None)
    if legacy is not None:
        asked.append(Call("", *_texts((legacy.name, legacy.arguments))))
    if not asked:
        return
    from litellm.types.utils import Message

    released, refused = await _judged(door, asked)
    said = [message.content] if message.content else []
    choice.message = Message(
        content="\n".join([*said, *refused]) or None,
        role="assistant",
        tool_calls=[_entry(call) for call in released] or None,
        reasoning_content=getattr(message, "reasoning_content", None),
    )
    choice.finish_reason = _finish(choice.finish_reason, released)


async def _judged(door: Door, asked: Iterable[Call]) -> tuple[list[Call], list[str]]:
    """The calls that may go out, as they were judged, and a text for each of the others."""
    released, refused = [], []
    for call in asked:
        ruled = await door.decide(call.tool, call.arguments, call_id=call.id)
        if isinstance(ruled, Withheld):
            refused.append(refusal_text(ruled.refusal, call.tool))
        else:
            released.append(Call(ruled.call.call_id, call.tool, strict_json.encode(ruled.arguments).decode()))
    return released, refused


def _named(call: Any) -> tuple[str | None, str | None]:
    """Name and arguments. A call in another form has none that can be read, and is refused for that."""
    function = getattr(call, "function", None)
    return ("", "") if function is None else (function.name, function.arguments)


def _texts(named: tuple[str | None, str | None]) -> tuple[str, str]:
    return named[0] or "", named[1] or ""


def _entry(call: Call) -> dict[str, Any]:
    """A legacy function call leaves as a tool call too: one form is one thing to test."""
    return {"id": call.id, "type": "function", "function": {"name": call.tool, "arguments": call.arguments}}


def _finish(said: str, released: list[Call]) -> str:
    if released:
        return "tool_calls"
    return "stop" if said in ("tool_calls", "function_call") else said


def _not_judged() -> HTTPException:
    return HTTPException(501, "leastward judges chat completions here, and this is none")


_CALL_FREE_ANSWERS: Final = frozenset({"EmbeddingResponse", "RerankResponse", "OpenAIModerationResponse"})
