"""A Responses request: bytes -> ResponsesRequest -> (tools filtered, refusals put back) -> bytes for the upstream.

What the client says is read strictly once and encoded again from that tree. Members that nothing here reads pass as
they are, in the tree. Members that make the provider run something by itself are offers like the members of `tools`.
A history that lies at the provider is refused: the gate has not seen its calls and results, and because all clients
share the gate's credential, one could name another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any, Final, Protocol

from ..chat_request import PROVIDER_MEMBERS
from ..chat_request import REFUSED_MEMBERS as PROXY_MEMBERS
from ..held_choice import Refusals
from ..instructions import Instructions
from ..offer import Offer
from ..read_request import Members, ReadRequest
from ..refusal import PastRefusal
from ..results import ToolResult
from .history import changed, check_items, put_back, results_of, user_words
from .offers import offers_of, settle_choice, undemanding

_MEMBERS: Final[Mapping[str, tuple[type, ...]]] = {
    "input": (str, list),
    "model": (str,),
    "stream": (bool, NoneType),
    "stream_options": (dict, NoneType),
    "store": (bool, NoneType),
    "background": (bool, NoneType),
    "instructions": (str, NoneType),
    "tools": (list, NoneType),
    "tool_choice": (str, dict, NoneType),
    "parallel_tool_calls": (bool, NoneType),
}
"""The members that are read here, and what each may be."""

REFUSED_MEMBERS: Final[Mapping[str, str]] = {
    **PROXY_MEMBERS,
    "background": "its answer would be fetched past the gate",
    "conversation": "its items lie at the provider, where the gate cannot see them; send them in `input`",
    "function_call": "it is a member of another API, which some servers still read",
    "functions": "it is a member of another API, which some servers still read; send `tools`",
    "messages": "it is a member of another API, which some servers still read; send `input`",
    "previous_input_messages": "the gate would not read these messages (vLLM); send them in `input`",
    "previous_response_id": "its items lie at the provider, where the gate cannot see them; send them in `input`",
    "prompt": "it brings text and tools that only the provider can see; send them in the request",
}
"""Members that are not passed on if they say anything."""

_REQUEST: Final = Members(_MEMBERS, PROVIDER_MEMBERS, REFUSED_MEMBERS)


class Answered(Protocol):
    """An answer whose calls were all read; ResponsesAnswer and a closed ResponsesStream."""

    def exchange(self, refusals: Refusals) -> list[dict[str, Any]]: ...


def parse_request(body: bytes) -> ResponsesRequest:
    """Reads a request. Raises MalformedRequest for what is not strict JSON or not a Responses request."""
    tree, printed = _REQUEST.read(body)
    if isinstance(tree["input"], list):
        check_items(tree["input"])
    return ResponsesRequest(tree, offers_of(tree), (tree, printed))


@dataclass(frozen=True, slots=True)
class ResponsesRequest(ReadRequest):
    """A request for a response: POST /v1/responses."""

    def keeping(self, kept: Callable[[Offer], bool]) -> ResponsesRequest:
        """Without the offers that `kept` does not keep.

        Raises MalformedRequest (`tool-not-allowed`, 403) where `tool_choice` demands a dropped one.
        """
        remaining = tuple(filter(kept, self.offers))
        tree = dict(self.tree)
        if len(remaining) != len(self.offers):
            places = {offer.place for offer in remaining}
            tree["tools"] = [entry for at, entry in enumerate(tree.get("tools") or ()) if f"tools[{at}]" in places]
            for member in PROVIDER_MEMBERS:
                if member not in places:
                    tree.pop(member, None)
        settle_choice(tree, remaining)
        return self if tree == self.tree else replace(self, tree=tree, offers=offers_of(tree))

    def user_words(self) -> tuple[str, ...]:
        """The texts that the client says the user wrote, in order. `instructions` are not the user's."""
        return user_words(self.tree["input"])

    def results(self) -> tuple[ToolResult, ...]:
        """What tools answered, as the client claims it."""
        return tuple(results_of(self._items)) if isinstance(self.tree["input"], list) else ()

    def with_results(self, change: Callable[[str, str], str]) -> ResponsesRequest:
        """With every text of a tool's answer replaced by `change(tool, text)`, for the model to read."""
        items = changed(self._items, change)
        return self if items is None else self._with(items)

    def with_refusals(self, past: Sequence[PastRefusal]) -> ResponsesRequest:
        """With earlier refused calls back at their places, each with its refusal as the result.

        A refusal whose place the client removed is left out: what the client sends cannot take it from the Session.
        """
        return self._with(put_back(self._items, past)) if past and isinstance(self.tree["input"], list) else self

    def with_instructions(self, told: Instructions) -> ResponsesRequest:
        return replace(self, tree=told.put(self.tree, "instructions"), reserved=told.reserved)

    def continued(self, answer: Answered, refusals: Refusals) -> ResponsesRequest:
        """For the next round of the same answer: the model's own items, and a refusal for each of its calls."""
        items = answer.exchange(refusals)
        if self.tree.get("store") is False:
            # Reasoning that was not stored is known to the provider by its encrypted content alone.
            items = [item for item in items if item["type"] != "reasoning" or item.get("encrypted_content")]
        request = self._with([*self._items, *items])
        if "tool_choice" in request.tree:
            request.tree["tool_choice"] = undemanding(request.tree["tool_choice"])
        return request

    @property
    def _items(self) -> list[dict[str, Any]]:
        given = self.tree["input"]
        return given if isinstance(given, list) else [{"role": "user", "content": given}]

    def _with(self, items: Sequence[dict[str, Any]]) -> ResponsesRequest:
        return replace(self, tree={**self.tree, "input": list(items)})
