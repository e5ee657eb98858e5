"""What the tests of the Responses API share: how a model server answers in it, and how calls are refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from server.wire import HeldCall, Refusal

HEAD = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "parallel_tool_calls": True,
    "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None, "instructions": None,
    "metadata": {}, "temperature": 1.0, "top_p": 1.0,
}  # fmt: skip


def _event(tree: dict[str, Any], number: int = 0) -> bytes:
    text = json.dumps({**tree, "sequence_number": number}, ensure_ascii=False)
    return f"event: {tree['type']}\ndata: {text}\n\n".encode()


def _events(items: Iterable[dict[str, Any]], cut: Callable[[str], list[str]]) -> Iterator[dict[str, Any]]:
    """A response as the API streams it; `cut` says how a text comes in deltas."""
    items = list(items)
    begun = {**HEAD, "status": "in_progress", "output": []}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for place, item in enumerate(items):
        at = {"output_index": place, "item_id": item["id"]}
        member = {"message": "content", "reasoning": "summary", "function_call": "arguments"}.get(item["type"], "input")
        empty = [] if isinstance(item[member], list) else ""
        yield {"type": "response.output_item.added", "output_index": place, "item": {**item, member: empty}}
        if item["type"] in ("message", "reasoning"):
            yield from _parts(item, member, at, cut)
        else:
            stem = "function_call_arguments" if member == "arguments" else "custom_tool_call_input"
            for piece in cut(item[member]):
                yield {"type": f"response.{stem}.delta", **at, "delta": piece}
            yield {"type": f"response.{stem}.done", **at, member: item[member]}
        yield {"type": "response.output_item.done", "output_index": place, "item": item}
    yield {"type": "response.completed", "response": {**HEAD, "status": "completed", "output": items}}


def _parts(
    item: dict[str, Any], member: str, head: dict[str, Any], cut: Callable[[str], list[str]]
) -> Iterator[dict[str, Any]]:
    part_stem, index = ("content_part", "content_index") if member == "content" else (
        "reasoning_summary_part", "summary_index")  # fmt: skip
    for at, part in enumerate(item[member]):
        place = {**head, index: at}
        stem = {"output_text": "output_text", "refusal": "refusal"}.get(part["type"], "reasoning_summary_text")
        word = "refusal" if stem == "refusal" else "text"
        yield {"type": f"response.{part_stem}.added", **place, "part": {**part, word: ""}}
        for piece in cut(part[word]):
            yield {"type": f"response.{stem}.delta", **place, "delta": piece}
        yield {"type": f"response.{stem}.done", **place, word: part[word]}
        yield {"type": f"response.{part_stem}.done", **place, "part": part}


def _message(*texts: str, name: str = "msg_1") -> dict[str, Any]:
    parts = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []} for text in texts]
    return {"type": "message", "id": name, "role": "assistant", "status": "completed", "content": parts}


def _reasoning(text: str, name: str = "rs_1") -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}]
    return {"type": "reasoning", "id": name, "summary": summary, "encrypted_content": "gAAAA"}


def _call(at: int, name: str, arguments: str = "{}") -> dict[str, Any]:
    head = {"type": "function_call", "id": f"fc_{at}", "call_id": f"call_{at}", "name": name}
    return {**head, "arguments": arguments, "status": "completed"}


def _custom(at: int, name: str, text: str) -> dict[str, Any]:
    head = {"type": "custom_tool_call", "id": f"ctc_{at}", "call_id": f"call_{at}", "name": name}
    return {**head, "input": text, "status": "completed"}


class Items:
    """Builds the items of an answer."""

    message = staticmethod(_message)
    reasoning = staticmethod(_reasoning)
    call = staticmethod(_call)
    custom = staticmethod(_custom)


def _refuse(calls: Iterable[HeldCall], *tools: str) -> dict[HeldCall, Refusal]:
    return {
        call: Refusal(call.problem or "no-rule", "Not allowed.", "d1")
        for call in calls
        if call.problem or call.tool in tools or "*" in tools
    }


@pytest.fixture(scope="session")
def items() -> type[Items]:
    return Items


@pytest.fixture(scope="session")
def streamed() -> Callable[..., list[bytes]]:
    """The events of a response with these items; texts come in pieces of `size` characters, or as `cut` cuts them."""

    def events(*answer: dict[str, Any], size: int = 4, cut: Callable[[str], list[str]] | None = None) -> list[bytes]:
        def pieces(text: str) -> list[str]:
            return [text[at : at + size] for at in range(0, len(text), size)]

        return [_event(tree, number) for number, tree in enumerate(_events(answer, cut or pieces))]

    return events


@pytest.fixture(scope="session")
def whole() -> Callable[..., bytes]:
    def body(*answer: dict[str, Any], **more: Any) -> bytes:
        return json.dumps({**HEAD, "status": "completed", "output": list(answer), **more}, ensure_ascii=False).encode()

    return body


@pytest.fixture(scope="session")
def event() -> Callable[..., bytes]:
    return _event


@pytest.fixture(scope="session")
def refuse() -> Callable[..., dict[HeldCall, Refusal]]:
    """Refuses the unreadable calls, those of the named tools, and with `*` all."""
    return _refuse


@pytest.fixture(scope="session")
def head() -> dict[str, Any]:
    return dict(HEAD)


@pytest.fixture(scope="session")
def left() -> Callable[[bytes], list[dict[str, Any]]]:
    """The events that left, with their numbers checked and taken off."""

    def events(out: bytes, first: int = 0) -> list[dict[str, Any]]:
        trees = []
        for number, part in enumerate(out.decode().split("\n\n")[:-1], first):
            name, _, data = part.partition("\n")
            tree = json.loads(data.removeprefix("data: "))
            assert name == f"event: {tree['type']}"
            assert tree.pop("sequence_number") == number
            trees.append(tree)
        return trees

    return events
