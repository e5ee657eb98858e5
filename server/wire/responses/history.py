"""The input items of a Responses request: what users said, what tools answered, and where refused calls belong.

The history is the client's claim. Calls and results in it pass, and the gate reads the results; an item that stands for
something the gate cannot see is refused (REFUSED_ITEMS), and so is one of a kind that nobody here knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from ..errors import MalformedRequest
from ..provided import SERVER
from ..refusal import PastRefusal
from ..results import ToolResult
from .output import function_call

RESULTS: Final[Mapping[str, str]] = {
    "apply_patch_call_output": "output",
    "code_interpreter_call": "outputs",
    "computer_call_output": "output",
    "custom_tool_call_output": "output",
    "file_search_call": "results",
    "function_call_output": "output",
    "local_shell_call_output": "output",
    "mcp_call": "output",
    "shell_call_output": "output",
}
"""Items that tell what a tool answered, and in which member. Some are call and result in one."""

PLAIN_ITEMS: Final = frozenset(
    {
        "apply_patch_call", "compaction", "compaction_trigger", "computer_call", "custom_tool_call", "function_call",
        "image_generation_call", "local_shell_call", "mcp_approval_request", "mcp_list_tools", "message", "reasoning",
        "shell_call", "web_search_call",
    }
)  # fmt: skip
"""Items that pass as they are."""

REFUSED_ITEMS: Final[Mapping[str, str]] = {
    "additional_tools": "it offers tools past the `tools` of the request",
    "item_reference": "it stands for an item that only the provider can see",
    "mcp_approval_response": "it lets a tool run at the provider",
    "program": "it calls tools at the provider",
    "program_output": "it is the result of calls that only the provider saw",
    "tool_search_call": "it loads tools at the provider",
    "tool_search_output": "it offers tools past the `tools` of the request",
}

_TEXTS: Final = ("text", "stdout", "stderr", "logs")
"""Members of the parts of a result that hold what a tool said."""


def check_items(items: Sequence[Any]) -> None:
    """Raises MalformedRequest for an item that does not pass."""
    for at, item in enumerate(items):
        if not isinstance(item, dict):
            raise MalformedRequest(f"`input[{at}]` is not an object")
        kind = item.get("type", "message" if "role" in item else "item_reference")
        if not isinstance(kind, str):
            raise MalformedRequest(f"`input[{at}]` has no type")
        if kind in REFUSED_ITEMS:
            message = f"an item of type `{kind}` is not passed on: {REFUSED_ITEMS[kind]}"
            raise MalformedRequest(message, code="unsupported-item")
        if kind not in PLAIN_ITEMS and kind not in RESULTS:
            raise MalformedRequest(f"`input[{at}]` is of an unknown type", code="unsupported-item")
        if kind != "message" and "role" in item:
            # A reader that looks at the role first would read a message (litellm PR #26590).
            raise MalformedRequest(f"`input[{at}]` is no message but has a role")
        if kind == "message":
            if not isinstance(item.get("role"), str):
                raise MalformedRequest(f"`input[{at}]` is a message without a role")
            _words(item.get("content"))


def _is_message(item: Mapping[str, Any], role: str) -> bool:
    return item.get("type", "message") == "message" and item.get("role") == role


def _words(content: object) -> list[str]:
    """The texts of a message's content. Images and files say nothing that can be compared."""
    if content is None:
        return []
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise MalformedRequest("`content` is neither a text nor a list of parts")
    texts = [part.get("text") for part in content if part.get("type") in ("input_text", "output_text", "text")]
    if not all(isinstance(text, str) for text in texts):
        raise MalformedRequest("a text part has no text")
    return [text for text in texts if isinstance(text, str)]


def user_words(given: object) -> tuple[str, ...]:
    """The texts of the user's messages, in order; an `input` that is a text is the user's."""
    if isinstance(given, str):
        return (given,)
    items = given if isinstance(given, list) else []
    return tuple(word for item in items if _is_message(item, "user") for word in _words(item.get("content")))


# --- results ----------------------------------------------------------------------------------------------------------


def results_of(items: Sequence[Mapping[str, Any]]) -> Iterator[ToolResult]:
    """What tools answered, in order; the tool is read from the call that the history says it answers."""
    named: dict[str, str] = {}
    for place, item in enumerate(items):
        kind, call_id = str(item.get("type")), item.get("call_id")
        call_id = call_id if isinstance(call_id, str) else ""
        if kind in ("function_call", "custom_tool_call") and isinstance(item.get("name"), str):
            named[call_id] = item["name"]
        elif kind.endswith("_output") and kind in RESULTS:
            tool = named.get(call_id, "") if kind in _NAMED else kind.removesuffix("_call_output")
            yield ToolResult(place, call_id, tool, "\n".join(_said(item.get(RESULTS[kind]))))
        elif kind in RESULTS and item.get(RESULTS[kind]) is not None:
            name = item.get("name")
            tool = name if isinstance(name, str) else f"{SERVER}/{kind.removesuffix('_call')}"
            call_id = item["id"] if isinstance(item.get("id"), str) else ""
            yield ToolResult(place, call_id, tool, "\n".join(_said(item[RESULTS[kind]])))


_NAMED: Final = ("function_call_output", "custom_tool_call_output")


def changed(items: Sequence[dict[str, Any]], change: Callable[[str, str], str]) -> list[dict[str, Any]] | None:
    """The items with every text of every result replaced by `change(tool, text)`; None where nothing changed."""
    found: dict[int, dict[str, Any]] = {}
    for result in results_of(items):
        item = items[result.place]
        member = RESULTS[item["type"]]
        again = _changed(item.get(member), partial(change, result.tool))
        if again != item.get(member):
            found[result.place] = {**item, member: again}
    return [found.get(at, item) for at, item in enumerate(items)] if found else None


def _said(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value if isinstance(value, list) else ():
        if isinstance(part, dict):
            yield from (part[member] for member in _TEXTS if isinstance(part.get(member), str))


def _changed(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if not isinstance(value, list):
        return value
    return [
        {name: change(said) if name in _TEXTS and isinstance(said, str) else said for name, said in part.items()}
        if isinstance(part, dict)
        else part
        for part in value
    ]


# --- refused calls ----------------------------------------------------------------------------------------------------


def put_back(items: Sequence[dict[str, Any]], past: Sequence[PastRefusal]) -> list[dict[str, Any]]:
    """The items with every refused call whose place is found, each with its refusal as the result.

    The place is behind the message that stated the refusal; its text has the decision's id, so it is found wherever the
    client kept it. Where it is gone, before the calls released with it; where these are gone too, the call is left out.
    """
    result = list(items)
    for refusal in past:
        if any(item.get("call_id") == refusal.call_id for item in result):
            continue
        place = _place(result, refusal)
        if place is not None:
            result[place:place] = [
                function_call(refusal.call_id, refusal.tool, refusal.arguments_text),
                {"type": "function_call_output", "call_id": refusal.call_id, "output": refusal.text},
            ]
    return result


def _place(items: Sequence[Mapping[str, Any]], refusal: PastRefusal) -> int | None:
    released = refusal.content_text.strip()
    for at, item in enumerate(items):
        if released and _is_message(item, "assistant") and "".join(_words(item.get("content"))).strip() == released:
            after = at + 1
            while after < len(items) and _was_put_back(items[after], items[after - 1]):
                after += 1
            return after
    for at, item in enumerate(items):
        if item.get("type") in ("function_call", "custom_tool_call") and item.get("call_id") in refusal.sibling_ids:
            return at
    return None


def _was_put_back(item: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a call and its result stand right behind each other, as an earlier refusal does."""
    return item.get("type") == "function_call" or (
        item.get("type") == "function_call_output" and item.get("call_id") == before.get("call_id")
    )
