"""server/demo/recorded_model.py and agent.py: the recorded model plays a transcript to the official client, and the
agent does the same with it whether it streams or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import NotFoundError, OpenAI

from server.demo import Transcript, work_through


@pytest.fixture
def client(recorded_model: str) -> Iterator[OpenAI]:
    with httpx.Client(trust_env=False) as http:
        yield OpenAI(base_url=recorded_model, api_key="none", max_retries=0, http_client=http)


@pytest.mark.parametrize("stream", [False, True])
def test_the_agent_works_through_every_call(client: OpenAI, transcript: Transcript, stream: bool) -> None:
    assert work_through(client, transcript, [], stream=stream) == ["call_t-1_0", "call_t-1_1"]


def test_a_refused_call_counts_like_any_other(client: OpenAI, transcript: Transcript) -> None:
    refused: list[Any] = [
        {"role": "user", "content": transcript.prompt},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_t-1_0", "type": "function", "function": {"name": "read", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "call_t-1_0", "content": "[leastward] refused read: no-rule."},
    ]
    message = client.chat.completions.create(model="t-1", messages=refused).choices[0].message
    assert [call.id for call in message.tool_calls or ()] == ["call_t-1_1"]


def test_a_stream_says_the_same_as_a_whole_answer(client: OpenAI, transcript: Transcript) -> None:
    messages: list[Any] = [{"role": "user", "content": transcript.prompt}]
    whole = client.chat.completions.create(model="t-1", messages=messages).choices[0]
    chunks = list(
        client.chat.completions.create(
            model="t-1", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    arguments = "".join(
        call.function.arguments or ""
        for chunk in chunks
        for choice in chunk.choices
        for call in choice.delta.tool_calls or ()
        if call.function
    )
    assert whole.message.tool_calls is not None
    assert arguments == whole.message.tool_calls[0].function.arguments  # type: ignore[union-attr]  # only functions here
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == whole.finish_reason
    assert chunks[-1].usage is not None


@pytest.mark.parametrize("stream", [False, True])
def test_the_last_words_come_whole(client: OpenAI, transcript: Transcript, stream: bool) -> None:
    done: list[Any] = [{"role": "assistant", "content": None, "tool_calls": [{"id": "call_t-1_1"}]}]
    if stream:
        answer = client.chat.completions.create(model="t-1", messages=done, stream=True)
        said = "".join(choice.delta.content or "" for chunk in answer for choice in chunk.choices)
    else:
        said = client.chat.completions.create(model="t-1", messages=done).choices[0].message.content or ""
    assert said == transcript.final


def test_an_unknown_recording_is_a_404_in_the_apis_shape(client: OpenAI) -> None:
    with pytest.raises(NotFoundError, match="no such recording"):
        client.chat.completions.create(model="other", messages=[{"role": "user", "content": "x"}])
