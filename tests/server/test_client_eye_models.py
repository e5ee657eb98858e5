"""The official SDKs of the Responses and the Messages API through the whole gate, whole and streamed: the calls that
they see are those that `/v1/decisions` says were allowed, in the same order and with the same arguments."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest
from openai.lib.streaming.responses import ResponseTextDoneEvent

from evals.speech import APIS, MODEL, Call, Text
from server.exchange import Scope

POLICY = """language 1
allow pay(...) as pay when to == "ann"
allow note(...) as note
ask ask_first(...) as asks
forbid drop as never message "Never."
"""
TOOLS = ("pay", "note", "drop", "ask_first")
ROUNDS = 15
Seen = list[tuple[str, Any]]
AWKWARD = ["ann", "", "\u00e9\u2028\U0001f600", '"quoted"\\', "<tool_call>", "\u0000", "a" * 300]


def some_value(chance: random.Random, depth: int = 0) -> Any:
    kinds: list[Callable[[], Any]] = [
        lambda: chance.choice(AWKWARD),
        lambda: chance.choice([0, -1, 1.5, 10**15, 1e300, True, False, None]),
        lambda: [some_value(chance, depth + 1) for _ in range(chance.randint(0, 3))],
        lambda: {chance.choice("abc"): some_value(chance, depth + 1) for _ in range(chance.randint(0, 2))},
    ]
    return chance.choice(kinds[: 2 if depth > 2 else 4])()


def some_call(chance: random.Random, at: int, forms: tuple[str, ...]) -> Call:
    form, tool = chance.choice(forms), chance.choice(TOOLS)
    if form == "custom_tool_call":
        return Call(form, tool, {"input": chance.choice(AWKWARD)}, f"call_{at}")
    given = {name: some_value(chance) for name in "xyz"[: chance.randint(0, 3)]}
    return Call(form, tool, {"to": chance.choice(["ann", "eve"]), **given}, f"call_{at}")


@pytest.fixture
def chance() -> random.Random:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture
def start(start_gate: Callable[..., Any], outside: Any, chance: random.Random) -> Callable[..., Any]:
    """`start(api, *forms)`: a gate whose model server answers with some calls in these forms between two texts."""

    def started(api: str, *forms: str) -> Any:
        def answers(asked: Any) -> Any:
            calls = [some_call(chance, at, forms) for at in range(chance.randint(1, 4))]
            parts = [Text("Well. "), *calls]
            if not asked.tree.get("stream"):
                return outside.whole(APIS[api].whole(parts))
            return outside.events(APIS[api].events(parts), done=False)

        refusals = {"per_run_limit": 10_000, "rounds": 0}
        approvals = {"pending_at_once": 1000, "asks_an_hour": 1000}
        keys = {"auditor": {"agent": "auditor", "scopes": [Scope.AUDIT]}}
        return start_gate(POLICY, answers=answers, keys=keys, refusals=refusals, approvals=approvals)

    return started


def recorded(gate: Any, named: str) -> Seen:
    """The allowed calls of one exchange, as an auditor reads them. The header of a whole answer names each Decision,
    that of a stream the exchange, since it leaves before there is any."""
    told: list[Any] = []
    for name in named.split(", "):
        answer = gate.with_key("auditor").ask("GET", f"/v1/decisions/{name}")
        assert answer.status == 200, answer.body
        told += answer.tree.get("decisions", [answer.tree])
    return [(one["tool"], one["payload"]) for one in told if one["effect"] == "allow"]


# --- Responses --------------------------------------------------------------------------------------------------------


def of_response(response: Any) -> Seen:
    return [
        (item.name, json.loads(item.arguments) if item.type == "function_call" else {"input": item.input})
        for item in response.output
        if item.type in ("function_call", "custom_tool_call")
    ]


@pytest.fixture
def responses(start: Callable[..., Any]) -> Iterator[tuple[Any, openai.OpenAI]]:
    gate = start("responses", "function_call", "custom_tool_call")
    with openai.OpenAI(base_url=f"http://127.0.0.1:{gate.port}/v1", api_key=gate.key, max_retries=0) as client:
        yield gate, client


def test_whole_responses(responses: tuple[Any, openai.OpenAI]) -> None:
    gate, client = responses
    for _ in range(ROUNDS):
        raw = client.responses.with_raw_response.create(model=MODEL, input="go on")
        response = raw.parse()
        assert of_response(response) == recorded(gate, raw.headers["x-leastward-decision"])
        assert "Well. " in response.output_text


def test_streamed_responses(responses: tuple[Any, openai.OpenAI]) -> None:
    gate, client = responses
    for _ in range(ROUNDS):
        with client.responses.create(model=MODEL, input="go on", stream=True) as stream:
            exchange = stream.response.headers["x-leastward-decision"]
            events = list(stream)
        last = events[-1]
        assert last.type == "response.completed"
        done = [event.item for event in events if event.type == "response.output_item.done"]
        assert done == last.response.output, "the items that the events tell are those of the end"
        assert of_response(last.response) == recorded(gate, exchange)


def test_the_stream_helper_of_responses(responses: tuple[Any, openai.OpenAI]) -> None:
    gate, client = responses
    for _ in range(ROUNDS):
        with client.responses.stream(model=MODEL, input="go on") as stream:
            events = list(stream)
            response = stream.get_final_response()
            exchange = stream._response.headers["x-leastward-decision"]
        assert of_response(response) == recorded(gate, exchange)
        texts = [event.text for event in events if isinstance(event, ResponseTextDoneEvent)]
        assert "".join(texts) == response.output_text


# --- Messages ---------------------------------------------------------------------------------------------------------


def of_message(message: Any) -> Seen:
    return [(block.name, block.input) for block in message.content if block.type == "tool_use"]


@pytest.fixture
def messages(start: Callable[..., Any]) -> Iterator[tuple[Any, anthropic.Anthropic]]:
    gate = start("messages", "tool_use")
    url = f"http://127.0.0.1:{gate.port}"
    with anthropic.Anthropic(base_url=url, auth_token=gate.key, api_key=None, max_retries=0) as client:
        yield gate, client


ASKED: Any = {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": "go on"}]}


def test_whole_messages(messages: tuple[Any, anthropic.Anthropic]) -> None:
    gate, client = messages
    for _ in range(ROUNDS):
        raw = client.messages.with_raw_response.create(**ASKED)
        message = raw.parse()
        assert of_message(message) == recorded(gate, raw.headers["x-leastward-decision"])
        assert message.stop_reason == ("tool_use" if of_message(message) else "end_turn")


def test_streamed_messages(messages: tuple[Any, anthropic.Anthropic]) -> None:
    gate, client = messages
    for _ in range(ROUNDS):
        with client.messages.stream(**ASKED) as stream:
            done = [event.content_block for event in stream if event.type == "content_block_stop"]
            message = stream.get_final_message()
            exchange = stream.response.headers["x-leastward-decision"]
        assert done == message.content
        assert of_message(message) == recorded(gate, exchange)
        assert message.stop_reason == ("tool_use" if of_message(message) else "end_turn")
