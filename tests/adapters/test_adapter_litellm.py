"""server/adapters/litellm.py: answers of the real litellm, from a model server on a socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import HTTPException

from guardrail import Principal
from server.adapters import litellm_guardrail
from server.store import StoreError

# litellm's own types: pydantic says of a TypedDict of theirs that it does not keep `ReadOnly`.
pytestmark = pytest.mark.filterwarnings("ignore:Item 'summary' on TypedDict class:UserWarning")

KEY = SimpleNamespace(team_id="team", org_id=None, key_alias="bot", token="hash", user_id="ann")
ASK = [{"role": "user", "content": "go on"}]
CALLS = [
    ["add", '{"a": 1, "b": 7}'],
    ["add", '{"a": 9, "b": 1}'],
    ["add", '{"a": 5, "b": 1}'],
    ["add", '{"a": 3, "a": 1, "b": 1}'],
]


class Asked:
    """One chat completion through the guardrail, as LiteLLM's proxy calls it."""

    def __init__(self, outside: Any, model: Any) -> None:
        self._outside = outside
        self._model = model

    async def __call__(self, guardrail: Any, said: dict[str, Any], stream: bool, messages: Any = ASK) -> dict[str, Any]:
        import litellm

        self._model.script.append(self._outside.saying(said))
        data: dict[str, Any] = {"model": "openai/m", "messages": messages, "stream": stream}
        await guardrail.async_pre_call_hook(KEY, None, data, "acompletion")
        url = f"http://127.0.0.1:{self._model.port}/v1"
        response: Any = await litellm.acompletion(**data, api_base=url, api_key="scripted")
        if not stream:
            whole = await guardrail.async_post_call_success_hook(data, KEY, response)
            tree: dict[str, Any] = whole.model_dump(exclude_none=True)["choices"][0]
            return tree
        made: dict[str, Any] = {"message": {"content": "", "tool_calls": []}, "finish_reason": None}
        async for chunk in guardrail.async_post_call_streaming_iterator_hook(KEY, response, data):
            for choice in chunk.model_dump(exclude_none=True)["choices"]:
                made["message"]["content"] += choice["delta"].get("content", "")
                made["message"]["tool_calls"] += choice["delta"].get("tool_calls", [])
                made["finish_reason"] = choice.get("finish_reason", made["finish_reason"])
        return made


@pytest.fixture
def asked(needs: Callable[[str], None], outside: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    needs("litellm")
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch a price list from the network
    model = outside.model()
    yield Asked(outside, model)
    model.close()


def calls_of(choice: dict[str, Any]) -> list[tuple[str, Any]]:
    made: Sequence[Any] = choice["message"].get("tool_calls") or ()
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in made]


@pytest.mark.parametrize("stream", [False, True])
def test_calls_are_judged_one_by_one(contract: Any, asked: Asked, stream: bool) -> None:
    async def steps(doors: Any) -> None:
        guardrail = litellm_guardrail(doors)(guardrail_name="leastward")
        choice = await asked(guardrail, {"text": "Well.", "calls": CALLS}, stream)
        assert calls_of(choice) == [("add", {"a": 1, "b": 2})]
        text = choice["message"]["content"]
        assert text.startswith("Well.")
        assert "Nine is too much." in text
        assert re.search(r"\bapr-[0-9a-v]{26}\b", text)
        assert "bad-json-arguments" in text
        assert choice["finish_reason"] == "tool_calls"
        refused = await asked(guardrail, {"calls": CALLS[1:2]}, stream)
        assert calls_of(refused) == []
        assert refused["finish_reason"] == "stop"
        plain = await asked(guardrail, {"text": "only words"}, stream)
        assert (plain["message"]["content"], plain["finish_reason"]) == ("only words", "stop")

    contract.doors(steps)
    assert contract.effects() == ["allow", "forbid", "ask", "forbid", "forbid"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_legacy_call_is_a_call(contract: Any, asked: Asked, stream: bool) -> None:
    async def steps(doors: Any) -> None:
        guardrail = litellm_guardrail(doors)(guardrail_name="leastward")
        assert calls_of(await asked(guardrail, {"function": CALLS[1]}, stream)) == []
        assert calls_of(await asked(guardrail, {"function": CALLS[0]}, stream)) == [("add", {"a": 1, "b": 2})]

    contract.doors(steps)


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_client_tells_labels_and_proves_nothing(contract: Any, asked: Asked, stream: bool) -> None:
    (contract.config.parent / "gate.lw").write_text(
        "language 1\nallow read(...)\nallow send(...)\nallow proven(...) when after succeeded read\n"
        "forbid send as clean when session has untrusted\n"
    )
    read, send = {"calls": [["read", "{}"]]}, {"calls": [["send", "{}"]]}

    async def steps(doors: Any) -> None:
        guardrail = litellm_guardrail(doors)(guardrail_name="leastward")
        assert calls_of(await asked(guardrail, send, stream)) == [("send", {})]
        answer = await asked(guardrail, read, stream)
        (call,) = answer["message"]["tool_calls"]
        call.pop("index", None)
        told = [
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": "x"},
        ]
        assert calls_of(await asked(guardrail, {"calls": [["proven", "{}"]]}, stream, [*ASK, *told])) == []
        assert calls_of(await asked(guardrail, send, stream)) == []

    contract.doors(steps)


def test_each_key_has_a_session_of_its_own(contract: Any, asked: Asked) -> None:
    asked_for: list[Principal] = []

    async def steps(doors: Any) -> None:
        def door(principal: Principal) -> Any:
            asked_for.append(principal)
            return doors(principal)

        await asked(litellm_guardrail(door)(guardrail_name="leastward"), {"calls": CALLS[:1]}, False)

    contract.doors(steps)
    assert set(asked_for) == {Principal("team", "bot", "ann")}


def test_a_stream_that_is_cut_off_releases_nothing(contract: Any, asked: Asked) -> None:
    from litellm.types.utils import ModelResponseStream

    async def steps(doors: Any) -> None:
        guardrail = litellm_guardrail(doors)(guardrail_name="leastward")
        entry = {"index": 0, "id": "c", "type": "function", "function": {"name": "read", "arguments": "{}"}}

        async def cut() -> Any:
            yield ModelResponseStream(choices=[{"index": 0, "delta": {"content": "a", "tool_calls": [entry]}}])

        chunks = [one async for one in guardrail.async_post_call_streaming_iterator_hook(KEY, cut(), {})]
        assert [chunk.choices[0].delta.content for chunk in chunks] == ["a"]
        assert [chunk.choices[0].delta.tool_calls for chunk in chunks] == [None]

    contract.doors(steps)
    assert contract.effects() == []


def test_other_routes_are_refused(contract: Any, asked: Asked) -> None:
    async def steps(doors: Any) -> None:
        guardrail = litellm_guardrail(doors)(guardrail_name="leastward")
        for kind in ("aresponses", "anthropic_messages", "pass_through_endpoint", "call_mcp_tool", "text_completion"):
            with pytest.raises(HTTPException):
                await guardrail.async_pre_call_hook(KEY, None, {}, kind)
        with pytest.raises(HTTPException):
            await guardrail.async_post_call_success_hook({}, KEY, {"content": []})

        async def stream() -> Any:
            yield b"event: message_start\n\n"

        with pytest.raises(HTTPException):
            _ = [one async for one in guardrail.async_post_call_streaming_iterator_hook(KEY, stream(), {})]

    contract.doors(steps)


def test_no_client_can_turn_it_off(contract: Any, asked: Asked) -> None:
    from litellm.types.guardrails import GuardrailEventHooks

    async def steps(doors: Any) -> None:
        guardrail = litellm_guardrail(doors)(guardrail_name="leastward", default_on=False)
        off = {"metadata": {"disable_global_guardrails": True, "guardrails": []}}
        for hook in (GuardrailEventHooks.pre_call, GuardrailEventHooks.post_call):
            assert guardrail.should_run_guardrail(off, hook) is True
        # The proxy looks for the method of streams in the class itself.
        assert "async_post_call_streaming_iterator_hook" in type(guardrail).__dict__

    contract.doors(steps)


def test_a_broken_gate_releases_nothing(contract: Any, asked: Asked) -> None:
    kept: list[Any] = []

    async def steps(doors: Any) -> None:
        kept.append(doors)

    contract.doors(steps)

    async def drive(door: Any, turns: Any) -> list[str]:
        guardrail = litellm_guardrail(lambda principal: door)(guardrail_name="leastward")
        for stream in (False, True):
            with pytest.raises(StoreError):
                await asked(guardrail, {"calls": CALLS[:1]}, stream)
        return []

    assert contract.runs_nothing_unrecorded(drive) == []


def test_a_configuration_opens_its_gate_with_the_first_request(contract: Any, asked: Asked) -> None:
    async def steps(guardrail: Any) -> None:
        assert calls_of(await asked(guardrail, {"calls": CALLS[:1]}, False)) == [("add", {"a": 1, "b": 2})]

    made = litellm_guardrail(contract.config)
    asyncio.run(steps(made(guardrail_name="leastward")))
    assert contract.effects() == ["allow"]
