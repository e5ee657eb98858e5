"""The blocks of this API: which are known, in an answer and in a request, and how each is read.

Every kind that is not in these tables is refused: a block that the gate does not know could be a call that a client or
the provider runs. Source: the API's published types (the Python SDK, 2.12.0, the `beta` ones included).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from policy_dsl.strict_json import encode

from ..calls import HeldCall, read_arguments
from ..dialect import Kept
from ..errors import MalformedAnswer, MalformedRequest
from ..members import is_unread, refuse_unknown
from ..provided import Observed, observed
from ..text_scan import Scan, mentions_call

CALL: Final = "tool_use"

SPOKEN: Final[Mapping[str, str]] = {"text": "text", "thinking": "thinking", "redacted_thinking": ""}
"""The spoken blocks of an answer, and the member of each that holds words to be scanned."""

_ANSWER_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"type", "text", "citations"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
}
_CALL_MEMBERS: Final = frozenset({"type", "id", "name", "input", "caller"})
"""`caller` says whether the model or code that it wrote asks for the tool; the client runs it either way. A call with
`toolset_name` is none that is known: two clients could take it for two tools."""

CITATION_MEMBERS: Final = frozenset({
    "type", "cited_text", "document_index", "document_title", "file_id", "start_char_index", "end_char_index",
    "start_page_number", "end_page_number", "start_block_index", "end_block_index", "encrypted_index", "title", "url",
    "search_result_index", "source",
})  # fmt: skip
"""What a citation consists of: quotations of documents, which no client reads as the model's words."""

MESSAGE_MEMBERS: Final = frozenset({
    "id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage", "context_management",
})  # fmt: skip
"""The members of an answer. `context_management` reports how many tool uses the provider left out of the history."""


def check_message(tree: Mapping[str, Any], scan: Scan) -> None:
    """The members of an answer, or of the message that begins a stream, beside its `content`."""
    if tree.get("type") != "message" or tree.get("role") != "assistant":
        raise MalformedAnswer("the answer is not a message of the assistant")
    refuse_unknown(tree, MESSAGE_MEMBERS, lambda text: mentions_call(text, scan), "the answer")
    if not isinstance(tree.get("id"), str) or not isinstance(tree.get("usage"), dict | None):
        raise MalformedAnswer("the answer has no `id`, or a `usage` that is not an object")
    check_stop(tree)


def check_stop(tree: Mapping[str, Any]) -> None:
    for member in ("stop_reason", "stop_sequence"):
        if not isinstance(tree.get(member), str | None):
            raise MalformedAnswer(f"`{member}` is not a text")


PROVIDED_CALL: Final = "server_tool_use"

PROVIDED_NAMES: Final[Mapping[str, str]] = {
    "web_search": "web_search",
    "web_fetch": "web_fetch",
    "code_execution": "code_execution",
    "bash_code_execution": "code_execution",
    "text_editor_code_execution": "code_execution",
}
"""What a call that ran at the provider may be named, and the tool in a policy that it is a call of (provided.py)."""

PROVIDED_RESULTS: Final[Mapping[str, str]] = {f"{name}_tool_result": tool for name, tool in PROVIDED_NAMES.items()}
"""The blocks with the answers of such calls."""


def is_provided(block: object, kept: Kept) -> bool:
    """Whether a block of an answer is a call or an answer of a tool that the policy kept in the request."""
    if not isinstance(block, dict) or not kept:
        return False
    kind, name = block.get("type"), block.get("name")
    if kind == PROVIDED_CALL:
        return isinstance(name, str) and PROVIDED_NAMES.get(name) in kept
    return isinstance(kind, str) and PROVIDED_RESULTS.get(kind) in kept


def check_provided(block: Mapping[str, Any]) -> None:
    """Raises MalformedAnswer for a call that is not the model's own: code that it wrote would call past the policy."""
    called = block["type"] == PROVIDED_CALL
    known = ("type", "id", "name", "input") if called else ("type", "tool_use_id", "content")
    if is_unread(block, frozenset((*known, "caller"))) or block.get("caller") not in (None, {"type": "direct"}):
        raise MalformedAnswer("a call that ran at the provider has an unknown member, or another caller")
    if not isinstance(block.get("id" if called else "tool_use_id"), str) or (
        called and not isinstance(block.get("input"), dict | None)
    ):
        raise MalformedAnswer("a call that ran at the provider cannot be read")


def observed_in(blocks: Sequence[Mapping[str, Any]]) -> tuple[Observed, ...]:
    """The calls among blocks that ran at the provider, each with its answer. Raises MalformedAnswer for an answer
    without its call, or of another tool than it."""
    asked = [block for block in blocks if block["type"] == PROVIDED_CALL]
    calls = {block["id"]: block for block in asked}
    if len(calls) < len(asked):
        raise MalformedAnswer("two calls that ran at the provider carry the same id")
    answers = {block["tool_use_id"]: block for block in blocks if block["type"] in PROVIDED_RESULTS}
    for call_id, answer in answers.items():
        call = calls.get(call_id)
        if call is None or answer["type"] != f"{call['name']}_tool_result":
            raise MalformedAnswer("an answer of the provider's tools belongs to no call")
    told = {call_id: answers[call_id].get("content") if call_id in answers else None for call_id in calls}
    return tuple(
        observed(index, call_id, PROVIDED_NAMES[call["name"]], call.get("input") or {}, told[call_id])
        for index, (call_id, call) in enumerate(calls.items())
    )


def kind_of(block: object) -> str:
    """The type of a block of an answer. Raises MalformedAnswer for one that is neither spoken nor a call."""
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str) or (kind != CALL and kind not in SPOKEN):
        raise MalformedAnswer("a block of the answer is of a kind that the gate does not pass")
    return kind


def check_spoken(block: Mapping[str, Any], scan: Scan) -> None:
    """A spoken block's members; its words are scanned elsewhere."""
    kind = block["type"]
    refuse_unknown(block, _ANSWER_MEMBERS[kind], lambda text: mentions_call(text, scan), "a block")
    if (words := SPOKEN[kind]) and not isinstance(block.get(words), str):
        raise MalformedAnswer(f"`{words}` of a block is not a text")
    if not isinstance(block.get("signature"), str | None) or not isinstance(block.get("data"), str | None):
        raise MalformedAnswer("an opaque member of a block is not a text")
    citations = block.get("citations")
    if not isinstance(citations, list | None):
        raise MalformedAnswer("`citations` is not a list")
    for citation in citations or ():
        check_citation(citation, scan)


def check_citation(citation: object, scan: Scan) -> None:
    if not isinstance(citation, dict):
        raise MalformedAnswer("a citation is not an object")
    refuse_unknown(citation, CITATION_MEMBERS, lambda text: mentions_call(text, scan), "a citation")


def read_call(index: int, block: Mapping[str, Any]) -> HeldCall:
    """A `tool_use` block. Its input is an object in the tree; it is read once more for its numbers, which an envelope
    keeps as they are written but arguments must hold exactly."""
    call_id, name, given = block.get("id"), block.get("name"), block.get("input")
    call = HeldCall(0, index, call_id if isinstance(call_id, str) else "", "", None, "tool", "missing-name")
    if not isinstance(name, str) or not name:
        return call
    if is_unread(block, _CALL_MEMBERS) or not isinstance(block.get("caller"), dict | None):
        return replace(call, tool=name, problem="unknown-call-kind")
    if not isinstance(given, dict | None):
        return replace(call, tool=name, problem="arguments-not-object")
    arguments, problem = read_arguments(None if given is None else encode(given).decode())
    if problem is None and not call.call_id:
        return replace(call, tool=name, problem="missing-id")
    return replace(call, tool=name, arguments=arguments, problem=problem)


# --- blocks of a request --------------------------------------------------------------------------------------------

_TEXT_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text",),
    "document": ("title", "context"),
    "search_result": ("source", "title"),
    "web_search_result": ("title", "url"),
    "web_fetch_result": ("url",),
    "code_execution_result": ("stdout", "stderr"),
    "bash_code_execution_result": ("stdout", "stderr"),
}
"""Where a block of a result keeps words that the model reads; what it nests is read as blocks again."""

REQUEST_BLOCKS: Final = frozenset({
    "text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result",
    "tool_reference", "browser_state", "server_tool_use", "web_search_tool_result", "web_fetch_tool_result",
    "code_execution_tool_result", "bash_code_execution_tool_result", "text_editor_code_execution_tool_result",
    "tool_search_tool_result", "mcp_tool_use", "mcp_tool_result",
})  # fmt: skip
"""What a client may send. Calls and results in it are its claims. `tool_addition`, `tool_removal` and
`mcp_tool_listing` change what is offered behind the gate's back, `container_upload` gives files to code that runs at
the provider, `compaction` and `fallback` stand for words that the gate never saw: none of them is passed."""

PROVIDER_CALLS: Final = ("server_tool_use", "mcp_tool_use")


def check_content(content: object) -> None:
    """The content of a message: a text or a list of known blocks. Raises MalformedRequest."""
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise MalformedRequest("`content` is neither a text nor a list of blocks")
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str):
            raise MalformedRequest("a block is not an object with a type")
        if kind not in REQUEST_BLOCKS:
            raise MalformedRequest("a block is of a kind that the gate does not pass on", code="unsupported-member")
        if kind == "text" and not isinstance(block.get("text"), str):
            raise MalformedRequest("a text block has no text")
        if kind in ("tool_result", "mcp_tool_result"):
            check_content(block.get("content"))


def place_texts(block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The members of a result's block that hold words, with the words."""
    for member in _TEXT_PLACES.get(str(block.get("type")), ()):
        if isinstance(text := block.get(member), str):
            yield member, text
