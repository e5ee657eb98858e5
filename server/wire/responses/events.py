"""The events of a streamed response: their names, and how an item that is complete is told in events.

Every event is an object with its `type`; it is sent under that name too. What changes from event to event (the number,
the item's id and place) is written here, so that it always fits what has left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from policy_dsl.strict_json import encode

from .items import CALLS, WORDS


class TextEvents(NamedTuple):
    """How one kind of text is told: `stem` of its own events, `part` of its part's, `at` the member with its place."""

    stem: str
    part: str
    at: str


TEXTS: Final[Mapping[str, TextEvents]] = {
    "output_text": TextEvents("response.output_text", "response.content_part", "content_index"),
    "refusal": TextEvents("response.refusal", "response.content_part", "content_index"),
    "reasoning_text": TextEvents("response.reasoning_text", "response.content_part", "content_index"),
    "summary_text": TextEvents("response.reasoning_summary_text", "response.reasoning_summary_part", "summary_index"),
}
"""By the type of the part."""

PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "response.content_part": ("content", "content_index"),
    "response.reasoning_part": ("content", "content_index"),  # vLLM's name for parts of reasoning
    "response.reasoning_summary_part": ("summary", "summary_index"),
}
"""Events that begin and end a part: the item's member with the parts, and the event's member with the place."""

CALL_STEMS: Final[Mapping[str, str]] = {
    "function_call": "response.function_call_arguments",
    "custom_tool_call": "response.custom_tool_call_input",
}

ELSEWHERE_STEMS: Final = (
    "response.code_interpreter_call.",
    "response.code_interpreter_call_code.",
    "response.file_search_call.",
    "response.image_generation_call.",
    "response.mcp_call.",
    "response.mcp_call_arguments.",
    "response.mcp_list_tools.",
    "response.web_search_call.",
)
"""Events that tell how an item in ELSEWHERE is getting on; they leave as little as the item does."""


def printed(tree: dict[str, Any]) -> bytes:
    """One event as it is sent. The name is one of this package's own words."""
    return f"event: {tree['type']}\n".encode() + b"data: " + encode(tree) + b"\n\n"


def text_event(
    tail: str, kind: str, item_id: Any, place: int, at: int, said: Mapping[str, str], logprobs: Any = None
) -> dict[str, Any]:
    """An event of a text: `delta` or `done`. `said` is the member with what it says."""
    events = TEXTS[kind]
    head = {"type": f"{events.stem}.{tail}", "item_id": item_id, "output_index": place, events.at: at, **said}
    return {**head, "logprobs": logprobs or []} if kind == "output_text" else head


def part_event(tail: str, stem: str, item_id: Any, place: int, at: int, part: Mapping[str, Any]) -> dict[str, Any]:
    """An event of a part: `added` or `done`."""
    _, place_member = PARTS[stem]
    head = {"type": f"{stem}.{tail}", "item_id": item_id, "output_index": place}
    return {**head, place_member: at, "part": dict(part)}


def item_event(tail: str, place: int, item: Mapping[str, Any]) -> dict[str, Any]:
    """An event of an item: `added` or `done`."""
    return {"type": f"response.output_item.{tail}", "output_index": place, "item": dict(item)}


def item_events(item: Mapping[str, Any], place: int) -> Iterator[dict[str, Any]]:
    """A complete item in events, as a model would have streamed it."""
    kind, name = item["type"], item.get("id")
    if kind in CALLS:
        member, stem = CALLS[kind], CALL_STEMS[kind]
        begun = {**item, member: ""}
        if kind == "function_call":
            begun["status"] = "in_progress"
        head = {"item_id": name, "output_index": place}
        yield item_event("added", place, begun)
        yield {"type": f"{stem}.delta", **head, "delta": item[member]}
        done = {"type": f"{stem}.done", **head, member: item[member]}
        yield {**done, "name": item["name"]} if kind == "function_call" else done
    elif kind in WORDS:
        begun = {**item, **{member: [] for member in WORDS[kind] if item.get(member) is not None}}
        if item.get("status") is not None:
            begun["status"] = "in_progress"
        yield item_event("added", place, begun)
        for member in WORDS[kind]:
            for at, part in enumerate(item.get(member) or ()):
                word = WORDS[kind][member][part["type"]]
                yield from part_events(part, word, name, place, at)
    else:
        yield item_event("added", place, item)
    yield item_event("done", place, item)


def part_events(part: Mapping[str, Any], word: str, item_id: Any, place: int, at: int) -> Iterator[dict[str, Any]]:
    kind = part["type"]
    stem, text = TEXTS[kind].part, part.get(word) or ""
    empty = {**part, word: ""}
    if "annotations" in part:
        empty["annotations"] = []
    yield part_event("added", stem, item_id, place, at, empty)
    if text:
        yield text_event("delta", kind, item_id, place, at, {"delta": text})
    yield text_event("done", kind, item_id, place, at, {word: text})
    yield part_event("done", stem, item_id, place, at, part)
