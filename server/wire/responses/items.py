"""Which items of a Responses answer the wire reads, and how: words, calls, opaque ones, and those never released.

The tables say what each kind of item may hold. An item of a kind that no table names is malformed: some reader could
take it for a call. Items that tell of a tool which runs at the provider, or of one of the client's built-in tools, are
calls of an unknown kind: refused singly, so that the others stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, Final

from msgspec.structs import replace

from ..calls import MAX_CALL, HeldCall, read_arguments
from ..dialect import Kept
from ..errors import MalformedAnswer
from ..members import is_unread, refuse_unknown
from ..provided import Observed, observed
from ..text_scan import Scan, mentions_call

HEAD_MEMBERS: Final = frozenset(
    {
        "background", "billing", "completed_at", "conversation", "created_at", "error", "frequency_penalty", "id",
        "incomplete_details", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model", "moderation",
        "object", "output", "parallel_tool_calls", "presence_penalty", "previous_response_id", "prompt",
        "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier",
        "service_tier", "status", "store", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p",
        "truncation", "usage", "user",
    }
)  # fmt: skip
"""The members of a response. All but `output` and `usage` repeat the request or count."""

DROPPED_MEMBERS: Final = ("output_text", "input_messages", "output_messages")
"""Members of a response that would spell its items a second time: what SDKs put together themselves, and vLLM's raw
messages (`enable_response_messages`)."""

WORDS: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "message": {"content": {"output_text": "text", "refusal": "refusal"}},
    "reasoning": {"summary": {"summary_text": "text"}, "content": {"reasoning_text": "text"}},
}
"""Items that hold the model's words: which members are lists of parts, and in which member a part of a type has its
text. Each of these texts is scanned for calls written as text."""

CALLS: Final[Mapping[str, str]] = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items that are calls which the client runs, and the member in which each spells what it is called with."""

OPAQUE: Final = frozenset({"compaction"})
"""Items that only the provider can read, which the client sends back."""

ELSEWHERE: Final = frozenset(
    {
        "apply_patch_call", "apply_patch_call_output", "code_interpreter_call", "computer_call", "computer_call_output",
        "custom_tool_call_output", "file_search_call", "function_call_output", "image_generation_call",
        "local_shell_call", "local_shell_call_output", "mcp_approval_request", "mcp_approval_response", "mcp_call",
        "mcp_list_tools", "program", "program_output", "shell_call", "shell_call_output", "tool_search_call",
        "tool_search_output", "web_search_call",
    }
)  # fmt: skip
"""Items of tools that run at the provider, or at the client without a function's name. None of them leaves."""

PROVIDED: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "code_interpreter_call": (
        "code_interpreter",
        frozenset({"type", "id", "status", "code", "container_id", "outputs"}),
    ),
    "web_search_call": ("web_search", frozenset({"type", "id", "status", "action"})),
}
"""Items in ELSEWHERE that leave where the policy kept their tool (provided.py): its name, and what they may hold."""


def is_provided(kind: str, kept: Kept) -> bool:
    return kind in PROVIDED and PROVIDED[kind][0] in kept


def check_provided(item: Mapping[str, Any]) -> None:
    """An item of a kept tool: call and answer in one."""
    kind = item["type"]
    if is_unread(item, PROVIDED[kind][1]) or not isinstance(item.get("id"), str) or not item["id"]:
        raise MalformedAnswer("a call that ran at the provider has an unknown member, or no id")
    texts = ("status", "code", "container_id")
    if any(type(item.get(member)) not in (str, NoneType) for member in texts):
        raise MalformedAnswer("a member of an output item is not a text")
    if type(item.get("action")) not in (dict, NoneType) or type(item.get("outputs")) not in (list, NoneType):
        raise MalformedAnswer("a call that ran at the provider cannot be read")


def observed_in(index: int, item: Mapping[str, Any]) -> Observed:
    """What an item of a kept tool tells."""
    action = item.get("action") or {}
    if item["type"] == "web_search_call":
        return observed(index, item["id"], "web_search", action, action.get("sources"))
    return observed(index, item["id"], "code_interpreter", {"code": item.get("code") or ""}, item.get("outputs"))


_SCALARS: Final[Mapping[str, frozenset[str]]] = {
    "message": frozenset({"type", "id", "role", "status", "phase"}),
    "reasoning": frozenset({"type", "id", "status", "encrypted_content"}),
    "compaction": frozenset({"type", "id", "encrypted_content", "created_by"}),
    "function_call": frozenset({"type", "id", "call_id", "name", "status", "created_by"}),
    "custom_tool_call": frozenset({"type", "id", "call_id", "name", "status", "created_by"}),
}
"""Members of each kind of item that are a text or null."""

_PART_MEMBERS: Final = frozenset({"type", "annotations", "logprobs"})


def check_head(tree: object, scan: Scan) -> dict[str, Any]:
    """A response object without its items. Raises MalformedAnswer for anything else."""
    if not isinstance(tree, dict):
        raise MalformedAnswer("the response is not an object")
    if tree.get("error") is not None:
        raise MalformedAnswer("the upstream answered with an error", code="upstream-error")
    for member in DROPPED_MEMBERS:
        tree.pop(member, None)
    refuse_unknown(tree, HEAD_MEMBERS, lambda text: mentions_call(text, scan), "the response")
    if type(tree.get("id")) not in (str, NoneType):
        raise MalformedAnswer("`id` is not a text")
    if type(tree.get("usage")) not in (dict, NoneType):
        raise MalformedAnswer("`usage` is not an object")
    return tree


def kind_of(item: object) -> str:
    """The kind of an output item. Raises MalformedAnswer for one that no table names."""
    kind = item.get("type") if isinstance(item, dict) else None
    if not isinstance(kind, str):
        raise MalformedAnswer("an output item is not an object with a type")
    if kind not in WORDS and kind not in CALLS and kind not in OPAQUE and kind not in ELSEWHERE:
        raise MalformedAnswer("an output item is of an unknown kind")
    return kind


def check_item(item: Mapping[str, Any], scan: Scan) -> None:
    """An item that leaves as it came but for its texts: a message, reasoning, an opaque one."""
    kind = item["type"]
    known = _SCALARS[kind]
    parts = WORDS.get(kind, {})
    refuse_unknown(item, known | parts.keys(), lambda text: mentions_call(text, scan), "an output item")
    if any(type(item.get(member)) not in (str, NoneType) for member in known):
        raise MalformedAnswer("a member of an output item is not a text")
    if kind == "message" and item.get("role") not in ("assistant", None):
        raise MalformedAnswer("the role of an output item is not assistant")
    if any(type(item.get(member)) not in (list, NoneType) for member in parts):
        raise MalformedAnswer("the parts of an output item are not a list")


def text_member(kind: str, member: str, part: object, scan: Scan) -> str:
    """In which member a part has its text. Raises MalformedAnswer for a part that is no text of this kind of item."""
    types = WORDS[kind].get(member, {})
    type_word = part.get("type") if isinstance(part, dict) else None
    word = types.get(type_word) if isinstance(type_word, str) else None
    if word is None or not isinstance(part, dict):
        raise MalformedAnswer("a part of an output item is of an unknown kind")
    if type(part.get(word)) not in (str, NoneType):
        raise MalformedAnswer("a part of an output item has no text")

    def mentions(text: str) -> bool:
        return mentions_call(text, scan)

    refuse_unknown(part, _PART_MEMBERS | {word}, mentions, "a part")
    # Citations are the provider's own objects; like any unknown member they must not look like a call.
    refuse_unknown({"citations": part.get("annotations")}, frozenset(), mentions, "a part")
    return word


def read_call(item: Mapping[str, Any], index: int) -> HeldCall:
    """The HeldCall of an item in CALLS or ELSEWHERE. `index` counts the calls of the answer."""
    kind = item["type"]
    name, call_id = item.get("name"), item.get("call_id")
    call_id = call_id if isinstance(call_id, str) else ""
    shown = name if isinstance(name, str) and name else ""
    form = "custom" if kind == "custom_tool_call" else "tool"
    if kind in ELSEWHERE:
        return HeldCall(0, index, call_id, shown or kind, None, form, "unknown-call-kind")
    arguments, problem = _spelled(kind, item)
    if is_unread(item, _SCALARS[kind] | {CALLS[kind], "caller"}) or not _is_direct(item.get("caller")):
        problem = "unknown-call-kind"  # a call into a namespace or out of a program is another tool's
    elif not shown:
        problem = "missing-name"
    elif not call_id:
        problem = "missing-id"
    elif item.get("status") not in ("completed", None):
        problem = "incomplete-call"
    return HeldCall(0, index, call_id, shown, None if problem else arguments, form, problem)


def _spelled(kind: str, item: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    spelled = item.get(CALLS[kind])
    if kind == "function_call":
        return read_arguments(spelled)
    if not isinstance(spelled, str):
        return None, "arguments-not-text"
    return ({"input": spelled}, None) if len(spelled) <= MAX_CALL else (None, "call-too-large")


def _is_direct(caller: object) -> bool:
    return caller is None or (isinstance(caller, dict) and caller == {"type": "direct"})


def unique_ids(calls: list[HeldCall]) -> list[HeldCall]:
    """The calls of an answer; items that share a call id are all unreadable: a result could belong to either."""
    ids = [call.call_id for call in calls if call.call_id]
    if len(set(ids)) == len(ids):
        return calls
    return [
        replace(call, arguments=None, problem=call.problem or "duplicate-id") if ids.count(call.call_id) > 1 else call
        for call in calls
    ]
