"""How a client of each protocol asks, and which calls it would run of what it gets: the simplest client there is.

The readings here share nothing with the gate: Python's own JSON, and no check of anything. Each gives (tool, arguments
as JSON text) of every call that is in the bytes at all, also where another client would not see it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Calls = tuple[tuple[str, str], ...]

REFUSED = re.compile(r"\[leastward\] refused [A-Za-z0-9_.]+: ([a-z-]+)\.[^\"\\\[]*")
"""The sentence by which the gate names a refused tool to the client, with its code."""


def on_the_wire(body: str) -> str:
    """What a client got, and once more with the texts of each member put together over all events, because a leak in
    pieces is a leak. Without the gate's own sentences of REFUSED."""
    joined: dict[str, str] = {}

    def walk(value: object, name: str) -> None:
        if isinstance(value, dict):
            for member, inner in value.items():
                walk(inner, member)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, name)
        elif isinstance(value, str):
            joined[name] = joined.get(name, "") + value

    for event in re.findall(r"(?m)^data: (.*)$", body) or [body]:
        if event != "[DONE]":
            walk(json.loads(event), "")
    return REFUSED.sub("", "\n".join([body, *joined.values()]))


@dataclass(frozen=True, slots=True)
class Client:
    """`body` makes a request of a model's name and whether to stream; `whole` and `streamed` read what came."""

    path: str
    body: Callable[[str, bool], dict[str, Any]]
    whole: Callable[[str], Calls]
    streamed: Callable[[str], Calls]


def _events(body: str) -> Iterator[dict[str, Any]]:
    for line in body.replace("\r\n", "\n").split("\n"):
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data == "[DONE]":
            continue
        try:
            event = json.loads(data)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _tree(body: str) -> dict[str, Any]:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


# --- chat completions -------------------------------------------------------------------------------------------------


def _chat(body: str) -> Calls:
    found = []
    for choice in _tree(body).get("choices", []):
        message = choice["message"]
        found += [
            (c["function"]["name"], c["function"]["arguments"])
            for c in message.get("tool_calls") or []
            if "function" in c
        ]
        if message.get("function_call"):
            found.append((message["function_call"]["name"], message["function_call"]["arguments"]))
    return tuple(found)


def _chat_stream(body: str) -> Calls:
    held: dict[tuple[int, object], list[str]] = {}
    for event in _events(body):
        for choice in event.get("choices", []):
            delta = choice.get("delta", {})
            pieces = [(c.get("index"), c.get("function", {})) for c in delta.get("tool_calls") or []]
            if delta.get("function_call"):
                pieces.append(("function", delta["function_call"]))
            for place, piece in pieces:
                entry = held.setdefault((choice.get("index", 0), place), ["", ""])
                entry[0] += piece.get("name") or ""
                entry[1] += piece.get("arguments") or ""
    return tuple((name, arguments) for name, arguments in held.values())


# --- Responses --------------------------------------------------------------------------------------------------------


def _items(output: Any) -> Calls:
    """Anything with a name that is no message counts: an item of a tool at the provider is a call too."""
    found = []
    for item in output if isinstance(output, list) else []:
        if isinstance(item, dict) and isinstance(item.get("name"), str) and item.get("type") != "message":
            said = item.get("arguments")
            found.append((item["name"], said if isinstance(said, str) else json.dumps({"input": item.get("input")})))
    return tuple(found)


def _response(body: str) -> Calls:
    return _items(_tree(body).get("output"))


def _response_stream(body: str) -> Calls:
    """What the events of items say, and the last event where it says more: clients go by either."""
    told: dict[int, tuple[str, str]] = {}
    final: Calls = ()
    for event in _events(body):
        place = event.get("output_index", -1)
        if event.get("type") in ("response.output_item.added", "response.output_item.done"):
            found = _items([event.get("item")])
            told.update(dict.fromkeys([place], found[0]) if found else {})
        elif event.get("type") == "response.function_call_arguments.delta" and place in told:
            name, arguments = told[place]
            told[place] = (name, arguments + str(event.get("delta")))
        elif isinstance(event.get("response"), dict):
            final = _items(event["response"].get("output")) or final
    return final if len(final) > len(told) else tuple(told.values())


# --- Messages ---------------------------------------------------------------------------------------------------------


def _blocks(content: Any) -> Calls:
    return tuple(
        (block["name"], json.dumps(block.get("input")))
        for block in (content if isinstance(content, list) else [])
        if isinstance(block, dict) and isinstance(block.get("name"), str)
    )


def _message(body: str) -> Calls:
    return _blocks(_tree(body).get("content"))


def _message_stream(body: str) -> Calls:
    told: dict[int, list[str]] = {}
    for event in _events(body):
        place = event.get("index", -1)
        if event.get("type") == "content_block_start":
            found = _blocks([event.get("content_block")])
            if found:
                told[place] = [found[0][0], "" if found[0][1] in ("{}", "null") else found[0][1]]
        elif event.get("type") == "content_block_delta" and place in told:
            told[place][1] += str(event.get("delta", {}).get("partial_json", ""))
    return tuple((name, arguments or "{}") for name, arguments in told.values())


# --- the table --------------------------------------------------------------------------------------------------------


def _words(model: str, stream: bool) -> dict[str, Any]:
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "go on"}]}


_CHAT = Client("/v1/chat/completions", _words, _chat, _chat_stream)

CLIENTS: Mapping[str, Client] = {
    "openai_chat": _CHAT,
    "openai_chat_stream": _CHAT,
    "responses": Client(
        "/v1/responses",
        lambda model, stream: {"model": model, "stream": stream, "input": "go on"},
        _response,
        _response_stream,
    ),
    "anthropic": Client(
        "/v1/messages",
        lambda model, stream: {**_words(model, stream), "max_tokens": 64},
        _message,
        _message_stream,
    ),
}
