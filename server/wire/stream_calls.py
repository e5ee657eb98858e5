"""Puts the fragments of one streamed call together again, by the rules that all clients share.

Clients disagree on everything else (precedents: vLLM #18412, lmdeploy #3412, agno #8880, litellm #39796). Where an
index comes again with another id, or a name changes or comes in two pieces, one client appends, another replaces, a
third begins a new call: such a stream is malformed. Repeated equal ids and names, a late name, empty fragments and a
first index of 1 are read alike by all and pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .calls import MAX_CALL, MAX_CALLS, HeldCall, read_function, read_tool_call
from .errors import MalformedAnswer
from .members import CALL_MEMBERS, FUNCTION_MEMBERS, is_unread

_UNKNOWN: Final = "unknown"


class CallParts:
    """One call while its fragments come in."""

    def __init__(self) -> None:
        self._entry: dict[str, Any] = {}
        self._name: str | None = None
        self._arguments: list[str] = []
        self._size = 0
        self._odd_arguments = False

    def add(self, fragment: Mapping[str, Any]) -> int:
        """A member of a delta's `tool_calls`. Returns the number of characters that it adds to what is held."""
        added = self._once("id", fragment.get("id")) + self._once("type", fragment.get("type"))
        if fragment.get("extra_content") is not None:
            self._entry["extra_content"] = fragment["extra_content"]
        if is_unread(fragment, CALL_MEMBERS):
            self._entry[_UNKNOWN] = True  # makes the whole call one of an unknown kind
        function = fragment.get("function")
        if function is None:
            return added
        if not isinstance(function, dict):
            raise MalformedAnswer("`function` is not an object")
        return added + self.add_function(function)

    def add_function(self, function: Mapping[str, Any]) -> int:
        """The function of a fragment, or a fragment of a legacy `function_call`."""
        name = function.get("name")
        if name is not None and (not isinstance(name, str) or (name and self._name not in (None, name))):
            raise MalformedAnswer("the name of a call changes on the way")
        added = len(name) if name and self._name is None else 0
        self._name = name or self._name
        if is_unread(function, FUNCTION_MEMBERS):
            self._entry[_UNKNOWN] = True
        text = function.get("arguments")
        if text is None or text == "":
            return added
        if not isinstance(text, str):
            self._odd_arguments = True
            return added
        self._arguments.append(text)
        self._size += len(text)
        if self._size > MAX_CALL:
            raise MalformedAnswer("the arguments of a call are too long", code="answer-too-large")
        return added + len(text)

    def call(self, choice: int, index: int) -> tuple[HeldCall, dict[str, Any]]:
        """The complete call, and the member of `tool_calls` that a whole answer would have."""
        entry = {**self._entry, "function": self._function()}
        return read_tool_call(choice, index, entry), entry

    def function(self, choice: int, index: int) -> HeldCall:
        """The complete legacy call."""
        return read_function(choice, index, {**self._function(), **self._entry})

    def _function(self) -> dict[str, Any]:
        arguments = [] if self._odd_arguments else "".join(self._arguments)
        return {"name": self._name, "arguments": arguments}

    def _once(self, member: str, value: object) -> int:
        if value is None or value == "" or value == self._entry.get(member):
            return 0
        if not isinstance(value, str) or member in self._entry:
            raise MalformedAnswer(f"the {member} of a call changes on the way")
        self._entry[member] = value
        return len(value)


def call_index(fragment: object) -> int:
    """The place of a fragment's call. Raises MalformedAnswer where it has none."""
    index = fragment.get("index") if isinstance(fragment, dict) else None
    if type(index) is not int or not 0 <= index < MAX_CALLS:
        raise MalformedAnswer("a fragment of a call has no index from 0 to 127")
    return index
