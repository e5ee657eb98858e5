"""What a model server says in each of the three model APIs, whole and as a stream, with calls in every form they have.

For everything that stands in for a model server: the matrix of doors, re-chunked streams, the eye of the official
SDKs, the benchmarks. The shapes are those of the providers' published types; nothing of the gate's own is used here.

    Text, Call   what is said, in order: words, and a call in one of the forms of its API
    written      a call as text, in one of the grammars that models are trained to write
    APIS         by the door's name: how to ask, and how the same words are said whole or as a stream
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

MODEL: Final = "bench"
_WRITTEN: Final[Mapping[str, Callable[[str, str], str]]] = {
    "fenced": lambda tool, arguments: f'```json\n{{"name": {json.dumps(tool)}, "arguments": {arguments}}}\n```',
    "hermes": lambda tool, given: f'<tool_call>{{"name": {json.dumps(tool)}, "arguments": {given}}}</tool_call>',
    "llama": lambda tool, arguments: f'<|python_tag|>{{"name": {json.dumps(tool)}, "parameters": {arguments}}}',
    "mistral": lambda tool, arguments: f'[TOOL_CALLS][{{"name": {json.dumps(tool)}, "arguments": {arguments}}}]',
    "react": lambda tool, arguments: f"Action: {tool}\nAction Input: {arguments}",
}


class Text(NamedTuple):
    text: str


class Call(NamedTuple):
    """`form` is a word of the API: `tool`, `function` (chat), the type of an item or block, or `text:` and a grammar.
    The arguments of a `custom_tool_call` are `{"input": TEXT}`."""

    form: str
    tool: str
    arguments: Mapping[str, Any]
    id: str = "call_1"


Part = Text | Call


@dataclass(frozen=True, slots=True)
class Api:
    """`request` makes a request's body of (words, whether to stream). `whole` and `events` say parts; only chat knows
    more than one choice. `named`: events carry their type as a name; without, `[DONE]` ends a stream.
    """

    path: str
    request: Callable[[str, bool], dict[str, Any]]
    whole: Callable[..., dict[str, Any]]
    events: Callable[..., list[dict[str, Any]]]
    named: bool = True

    def stream(self, *choices: Sequence[Part]) -> list[bytes]:
        """The events as a server writes them, each on its own."""
        if not self.named:
            return [
                *(f"data: {json.dumps(event)}\n\n".encode() for event in self.events(*choices)),
                b"data: [DONE]\n\n",
            ]
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in self.events(*choices)]


def written(grammar: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """A call as text. Raises KeyError for a grammar that nobody here can write."""
    return _WRITTEN[grammar](tool, json.dumps(arguments))


def _spoken(parts: Sequence[Part]) -> list[Part]:
    """Calls in a grammar of text as the text that they are."""
    return [
        Text(written(part.form.removeprefix("text:"), part.tool, part.arguments))
        if isinstance(part, Call) and part.form.startswith("text:")
        else part
        for part in parts
    ]


def _pieces(text: str, size: int = 7) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


# --- chat completions -------------------------------------------------------------------------------------------------

_CHAT_HEAD: Final = {"id": "chatcmpl-1", "created": 1, "model": MODEL}


def _chat_function(call: Call) -> dict[str, str]:
    return {"name": call.tool, "arguments": json.dumps(call.arguments)}


def _chat_entry(call: Call, arguments: str) -> dict[str, Any]:
    """A member of `tool_calls`: a function, or one of the kinds that OpenAI added later (`custom`)."""
    if call.form == "tool":
        return {"id": call.id, "type": "function", "function": {"name": call.tool, "arguments": arguments}}
    return {"id": call.id, "type": call.form, call.form: {"name": call.tool, "input": arguments}}


def _chat_words(parts: Sequence[Part]) -> tuple[str, list[Call], list[Call]]:
    """(text, members of `tool_calls`, the legacy `function_call`)."""
    calls = [part for part in parts if isinstance(part, Call)]
    text = "".join(part.text for part in parts if isinstance(part, Text))
    legacy = [call for call in calls if call.form == "function"]
    return text, [call for call in calls if call.form != "function"], legacy


def _chat_finish(parts: Sequence[Part]) -> str:
    _, calls, legacy = _chat_words(parts)
    return "function_call" if legacy else "tool_calls" if calls else "stop"


def _chat_whole(*choices: Sequence[Part]) -> dict[str, Any]:
    said = []
    for index, parts in enumerate(map(_spoken, choices)):
        text, calls, legacy = _chat_words(parts)
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = [_chat_entry(call, json.dumps(call.arguments)) for call in calls]
        if legacy:
            message["function_call"] = _chat_function(legacy[0])
        said.append({"index": index, "message": message, "finish_reason": _chat_finish(parts), "logprobs": None})
    return {**_CHAT_HEAD, "object": "chat.completion", "choices": said}


def _chat_events(*choices: Sequence[Part]) -> list[dict[str, Any]]:
    """Several choices take turns, as servers that compute them together send them."""
    streams = [list(_chat_deltas(index, _spoken(parts))) for index, parts in enumerate(choices)]
    turns = [one for turn in range(max(map(len, streams))) for stream in streams for one in stream[turn : turn + 1]]
    return [{**_CHAT_HEAD, "object": "chat.completion.chunk", "choices": [choice]} for choice in turns]


def _chat_deltas(index: int, parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    text, calls, legacy = _chat_words(parts)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": one} for one in _pieces(text))]
    for at, call in enumerate(calls):
        arguments = json.dumps(call.arguments)
        deltas.append({"tool_calls": [{"index": at, **_chat_entry(call, "" if call.form == "tool" else arguments)}]})
        if call.form == "tool":
            pieces = ({"arguments": piece} for piece in _pieces(arguments))
            deltas += [{"tool_calls": [{"index": at, "function": piece}]} for piece in pieces]
    for call in legacy:
        function = _chat_function(call)
        deltas.append({"function_call": {**function, "arguments": ""}})
        deltas += [{"function_call": {"arguments": piece}} for piece in _pieces(function["arguments"])]
    for delta in deltas:
        yield {"index": index, "delta": delta, "finish_reason": None}
    yield {"index": index, "delta": {}, "finish_reason": _chat_finish(parts)}


# --- Responses --------------------------------------------------------------------------------------------------------


def _response(output: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": MODEL, "status": status, "output": output,
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None,
        "instructions": None, "metadata": {}, "temperature": None, "top_p": None, "usage": None,
    }  # fmt: skip


def _item(part: Part, at: int) -> dict[str, Any]:
    if isinstance(part, Text):
        said = [{"type": "output_text", "text": part.text, "annotations": []}]
        return {"id": f"msg_{at}", "type": "message", "role": "assistant", "status": "completed", "content": said}
    spelled = part.arguments["input"] if part.form == "custom_tool_call" else json.dumps(part.arguments)
    item = {"id": f"item_{part.id}", "type": part.form, "call_id": part.id, "name": part.tool, "status": "completed"}
    return {**item, _SPELLED.get(part.form, "arguments"): spelled}


_SPELLED: Final = {"custom_tool_call": "input"}
_STEMS: Final = {"function_call": "function_call_arguments", "custom_tool_call": "custom_tool_call_input"}


def _response_whole(parts: Sequence[Part]) -> dict[str, Any]:
    return _response([_item(part, at) for at, part in enumerate(_spoken(parts))], "completed")


def _response_events(parts: Sequence[Part]) -> list[dict[str, Any]]:
    items = _response_whole(parts)["output"]
    events = [{"type": "response.created", "response": _response([], "in_progress")}]
    for place, item in enumerate(items):
        events += _item_events(place, item)
    events.append({"type": "response.completed", "response": _response(items, "completed")})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _item_events(place: int, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    at = {"output_index": place, "item_id": item["id"]}
    opened = {**item, "status": "in_progress"}
    middle: list[dict[str, Any]] = []
    if item["type"] == "message":
        part, inside = item["content"][0], {**at, "content_index": 0}
        opened["content"] = []
        middle = [
            {"type": "response.content_part.added", **inside, "part": {**part, "text": ""}},
            *(
                {"type": "response.output_text.delta", **inside, "delta": one, "logprobs": []}
                for one in _pieces(part["text"])
            ),
            {"type": "response.output_text.done", **inside, "text": part["text"], "logprobs": []},
            {"type": "response.content_part.done", **inside, "part": part},
        ]
    elif item["type"] in _STEMS:
        member, stem = _SPELLED.get(item["type"], "arguments"), f"response.{_STEMS[item['type']]}"
        opened[member] = ""
        middle = [{"type": f"{stem}.delta", **at, "delta": piece} for piece in _pieces(item[member])]
        middle.append({"type": f"{stem}.done", **at, member: item[member]})
    yield {"type": "response.output_item.added", "output_index": place, "item": opened}
    yield from middle
    yield {"type": "response.output_item.done", "output_index": place, "item": item}


# --- Messages ---------------------------------------------------------------------------------------------------------


def _message(content: list[dict[str, Any]], stop: str | None) -> dict[str, Any]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": content,
            "stop_reason": stop, "stop_sequence": None, "usage": usage}  # fmt: skip


def _block(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": part.form, "id": part.id, "name": part.tool, "input": dict(part.arguments)}


def _message_whole(parts: Sequence[Part]) -> dict[str, Any]:
    blocks = [_block(part) for part in _spoken(parts)]
    return _message(blocks, "end_turn" if all(block["type"] == "text" for block in blocks) else "tool_use")


def _message_events(parts: Sequence[Part]) -> list[dict[str, Any]]:
    whole = _message_whole(parts)
    events: list[dict[str, Any]] = [{"type": "message_start", "message": _message([], None)}]
    for index, block in enumerate(whole["content"]):
        is_text = block["type"] == "text"
        said = block["text"] if is_text else json.dumps(block["input"])
        kind, member = ("text_delta", "text") if is_text else ("input_json_delta", "partial_json")
        opened = {**block, **({"text": ""} if is_text else {"input": {}})}
        events.append({"type": "content_block_start", "index": index, "content_block": opened})
        deltas = ({"type": kind, member: piece} for piece in _pieces(said))
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}})
    return [*events, {"type": "message_stop"}]


# --- the table --------------------------------------------------------------------------------------------------------


def _words(words: str, stream: bool) -> dict[str, Any]:
    return {"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": words}]}


APIS: Final[Mapping[str, Api]] = {
    "chat": Api("/v1/chat/completions", _words, _chat_whole, _chat_events, named=False),
    "responses": Api(
        "/v1/responses",
        lambda words, stream: {"model": MODEL, "stream": stream, "input": words},
        _response_whole,
        _response_events,
    ),
    "messages": Api(
        "/v1/messages",
        lambda words, stream: {**_words(words, stream), "max_tokens": 64},
        _message_whole,
        _message_events,
    ),
}
"""By the door's name, as it stands in Records."""
