"""The official client through the whole gate: it sees exactly the calls that the Records say were allowed, whole, as a
stream, and through the client's own stream helper."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

TOOLS = ("pay", "note", "drop", "ask_first")
POLICY = """language 1
allow pay(...) as pay when to == "ann"
allow note(...) as note
ask ask_first(...) as asks
forbid drop as never message "Never."
"""
ROUNDS = 25


def some_calls(chance: random.Random) -> list[list[str]]:
    def value(depth: int) -> Any:
        kinds: list[Callable[[], Any]] = [
            lambda: chance.choice(["ann", "eve", "", "\u00e9\u2028\U0001f600", '"quoted"\\', "<tool_call>", "\u0000"]),
            lambda: chance.choice([0, -1, 1.5, 10**15, 1e300, True, False, None]),
            lambda: [value(depth + 1) for _ in range(chance.randint(0, 3))],
            lambda: {chance.choice("abc"): value(depth + 1) for _ in range(chance.randint(0, 2))},
        ]
        return chance.choice(kinds[: 2 if depth > 2 else 4])()

    def call() -> list[str]:
        arguments = {"to": chance.choice(["ann", "eve"]), **{name: value(0) for name in "xyz"[: chance.randint(0, 3)]}}
        return [chance.choice(TOOLS), json.dumps(arguments, ensure_ascii=chance.random() < 0.5)]

    return [call() for _ in range(chance.randint(1, 4))]


@pytest.fixture
def gate(start_gate: Callable[..., Any], outside: Any) -> Iterator[Any]:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)

    def answers(asked: Any) -> Any:
        if any(message["role"] == "tool" for message in asked.tree["messages"]):
            return outside.saying({"text": "I stop."})(asked)
        return outside.saying({"text": "Well.", "calls": some_calls(chance)})(asked)

    return start_gate(POLICY, answers=answers, refusals={"per_run_limit": 10_000})


@pytest.fixture
def client(gate: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{gate.port}/v1", api_key=gate.key, max_retries=0) as made:
        yield made


def seen(message: Any) -> list[tuple[str, Any]]:
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]


def check(gate: Any, message: Any, before: int) -> int:
    records = gate.records()
    allowed = [(record["tool"], record["payload"]) for record in records[before:] if record["effect"] == "allow"]
    assert seen(message) == allowed
    assert len(records) > before
    assert ("refused" in message.content) == (0 < len(allowed) < len(records) - before)
    return len(records)


MESSAGES: Any = [{"role": "user", "content": "go on"}]


def test_whole_answers(gate: Any, client: openai.OpenAI) -> None:
    recorded = 0
    for _ in range(ROUNDS):
        answer = client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        choice = answer.choices[0]
        recorded = check(gate, choice.message, recorded)
        assert choice.finish_reason == ("tool_calls" if choice.message.tool_calls else "stop")


def test_streams(gate: Any, client: openai.OpenAI) -> None:
    recorded = 0
    for _ in range(ROUNDS):
        state = ChatCompletionStreamState()
        with client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True) as stream:
            for chunk in stream:
                state.handle_chunk(chunk)
        recorded = check(gate, state.get_final_completion().choices[0].message, recorded)


def test_the_stream_helper(gate: Any, client: openai.OpenAI) -> None:
    recorded = 0
    for _ in range(ROUNDS):
        with client.chat.completions.stream(model="gpt-4o", messages=MESSAGES) as stream:
            done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
            message = stream.get_final_completion().choices[0].message
        recorded = check(gate, message, recorded)
        assert [(event.name, json.loads(event.arguments)) for event in done] == seen(message)


def test_the_asynchronous_client(gate: Any) -> None:
    async def ask() -> list[Any]:
        url = f"http://127.0.0.1:{gate.port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key=gate.key, max_retries=0) as client:
            asked = [client.chat.completions.create(model="gpt-4o", messages=MESSAGES) for _ in range(ROUNDS)]
            return [answer.choices[0].message for answer in await asyncio.gather(*asked)]

    messages = asyncio.run(ask())
    allowed = [(record["tool"], record["payload"]) for record in gate.records() if record["effect"] == "allow"]
    assert sorted(map(repr, (call for message in messages for call in seen(message)))) == sorted(map(repr, allowed))


def test_errors_are_the_clients_own(gate: Any, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES, n=0)
    assert bad.value.code == "malformed-request"
    with pytest.raises(openai.AuthenticationError) as unknown:
        client.with_options(api_key="lw-nobody").models.list()
    assert unknown.value.code == "invalid-key"
    gate.model.close()
    with pytest.raises(openai.InternalServerError) as gone:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert (gone.value.status_code, gone.value.code) == (502, "connect-failed")
