"""HeldCall: one call of an answer, read completely, waiting for its Decision. And the reading itself.

Every form of call ends here: a member of `tool_calls`, a legacy `function_call`, a call assembled from stream deltas, a
call written as text. A call that cannot be read is still a HeldCall, with a `problem`, so that it is refused, recorded
and answered like any other; it never has arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from policy_dsl.strict_json import StrictJsonError, parse_object

from .members import CALL_MEMBERS, FUNCTION_MEMBERS, is_unread

MAX_CALL: Final = 256 << 10
"""Characters of one call's arguments. OpenAI's longest output is about 0.5 MB of text in all."""

MAX_CALLS: Final = 128
"""Calls in one choice; OpenAI allows 128 tools in a request."""

PROBLEMS: Final[Mapping[str, str]] = {
    "unknown-call-kind": "the call is of a kind that the gate does not know",
    "missing-name": "the call has no name",
    "missing-id": "the call has no id, so no result could be told apart",
    "duplicate-id": "two calls of one answer carry the same id",
    "arguments-not-text": "the arguments are not a text",
    "arguments-not-object": "the arguments are not an object",
    "bad-json-arguments": "the arguments are not strict JSON",
    "call-too-large": "the arguments are too long",
    "incomplete-call": "the call was cut off before its end",
    "unreadable-text-call": "a call written as text that readers would not agree on",
}
"""The codes of HeldCall.problem. They stand in Refusals and Records."""


class HeldCall(msgspec.Struct, frozen=True):
    """`choice` is the answer's own choice index, `index` counts that choice's calls of every form from 0.

    `form` is `tool`, `function` (legacy), `custom` (free text, judged as `{"input": TEXT}`), or `text:` and the name of
    a grammar. `call_id` is the id the model server
    gave (`""` where a legacy or text call has none). Exactly one of `arguments` and `problem` is None. `server` is None
    where the protocol has no notion of servers.
    """

    choice: int
    index: int
    call_id: str
    tool: str
    arguments: dict[str, Any] | None
    form: str
    problem: str | None
    server: str | None = None

    def __hash__(self) -> int:
        return hash((self.choice, self.index))


def read_arguments(text: object) -> tuple[dict[str, Any] | None, str | None]:
    """(arguments, None) or (None, problem). No text at all is an empty object: servers send that for tools without
    parameters, and what leaves is the `{}` that was judged."""
    if text is None or text == "":
        return {}, None
    if not isinstance(text, str):
        return None, "arguments-not-text"
    if len(text) > MAX_CALL:
        return None, "call-too-large"
    try:
        return parse_object(text), None
    except StrictJsonError as error:
        return None, "arguments-not-object" if error.code == "not-an-object" else "bad-json-arguments"


def read_tool_call(choice: int, index: int, entry: Mapping[str, Any]) -> HeldCall:
    """A member of `tool_calls`: id, type `function`, function {name, arguments}; anything else is a problem."""
    function = entry.get("function")
    call_id = entry.get("id")
    call_id = call_id if isinstance(call_id, str) else ""
    if entry.get("type") != "function" or not isinstance(function, dict) or is_unread(entry, CALL_MEMBERS):
        name = function.get("name") if isinstance(function, dict) else None
        shown = name if isinstance(name, str) else ""
        return HeldCall(choice, index, call_id, shown, None, "tool", "unknown-call-kind")
    call = read_function(choice, index, function, call_id=call_id, form="tool")
    if call.problem is None and not call_id:
        return replace(call, arguments=None, problem="missing-id")
    return call


def read_function(
    choice: int, index: int, function: Mapping[str, Any], *, call_id: str = "", form: str = "function"
) -> HeldCall:
    """A function {name, arguments} object, as it stands in a tool call or in a legacy `function_call`."""
    name = function.get("name")
    if not isinstance(name, str) or not name:
        return HeldCall(choice, index, call_id, "", None, form, "missing-name")
    if is_unread(function, FUNCTION_MEMBERS):
        return HeldCall(choice, index, call_id, name, None, form, "unknown-call-kind")
    arguments, problem = read_arguments(function.get("arguments"))
    return HeldCall(choice, index, call_id, name, arguments, form, problem)


def unique_ids(calls: Iterable[HeldCall]) -> list[HeldCall]:
    """The calls of one choice; those that share an id are all unreadable: a result could belong to either."""
    calls = list(calls)
    if len(calls) < 2:
        return calls
    ids = [call.call_id for call in calls if call.form == "tool" and call.call_id]
    if len(set(ids)) == len(ids):
        return calls
    return [
        replace(call, arguments=None, problem=call.problem or "duplicate-id") if ids.count(call.call_id) > 1 else call
        for call in calls
    ]
