"""A Messages request: bytes -> MessagesRequest -> (tools filtered, refusals put back) -> bytes for the upstream.

What the client says is read strictly once and encoded again from that tree. Members that nothing here reads pass as
they are, in the tree. Members that make the provider act by itself are offers like the members of `tools`, and are
dropped unless the gate keeps them (offers.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType
from typing import Final

from .. import chat_request
from ..errors import MalformedRequest
from ..held_choice import Refusals
from ..instructions import Instructions
from ..offer import Offer
from ..read_request import Members, ReadRequest
from ..refusal import PastRefusal
from ..results import ToolResult
from .answer import MessagesAnswer
from .blocks import check_content
from .history import blocks_of, changed, check_provider_calls, put_back, refused_result, results_of
from .offers import PROVIDER_MEMBERS, offers_of, only_kept
from .stream import MessagesStream

_MEMBERS: Final[Mapping[str, tuple[type, ...]]] = {
    "messages": (list,),
    "model": (str,),
    "stream": (bool, NoneType),
    "system": (str, list, NoneType),
    "tools": (list, NoneType),
    "tool_choice": (dict, NoneType),
}
"""The members that are read here, and what each may be."""

REFUSED_MEMBERS: Final[Mapping[str, str]] = {
    **chat_request.REFUSED_MEMBERS,
    "thread": "the provider would add a history that the gate never saw",
}

_ROLES: Final = ("user", "assistant", "system")
_REQUEST: Final = Members(_MEMBERS, PROVIDER_MEMBERS, REFUSED_MEMBERS)


def parse_request(body: bytes) -> MessagesRequest:
    """Reads a request. Raises MalformedRequest for what is not strict JSON or not a Messages request."""
    tree, printed = _REQUEST.read(body)
    check_content(tree.get("system"))
    for message in tree["messages"]:
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise MalformedRequest("a message is not an object with a role of this API")
        check_content(message.get("content"))
    check_provider_calls(tree["messages"])
    return MessagesRequest(tree, offers_of(tree), (tree, printed))


@dataclass(frozen=True, slots=True)
class MessagesRequest(ReadRequest):
    """A request for a message: POST /v1/messages."""

    def keeping(self, kept: Callable[[Offer], bool]) -> MessagesRequest:
        tree, offers = only_kept(self.tree, self.offers, kept)
        return self if tree == self.tree else replace(self, tree=tree, offers=offers)

    def user_words(self) -> tuple[str, ...]:
        """The text blocks of the messages with role `user`: neither the results nor the documents in them, and never
        `system`, be it the member or a message."""
        return tuple(
            block["text"]
            for message in self.tree["messages"]
            if message["role"] == "user"
            for block in blocks_of(message)
            if block["type"] == "text"
        )

    def results(self) -> tuple[ToolResult, ...]:
        return tuple(results_of(self.tree["messages"]))

    def with_results(self, change: Callable[[str, str], str]) -> MessagesRequest:
        messages = changed(self.tree["messages"], change)
        return self if messages is None else replace(self, tree={**self.tree, "messages": messages})

    def with_refusals(self, past: Sequence[PastRefusal]) -> MessagesRequest:
        """A refusal whose place the client removed is left out: what the client sends cannot take it from the
        Session."""
        if not past:
            return self
        return replace(self, tree={**self.tree, "messages": put_back(self.tree["messages"], past)})

    def with_instructions(self, told: Instructions) -> MessagesRequest:
        return replace(self, tree=told.put(self.tree, "system"), reserved=told.reserved)

    def continued(self, answer: MessagesAnswer | MessagesStream, refusals: Refusals) -> MessagesRequest:
        messages = [*self.tree["messages"], *answer.held.exchange(refusals, refused_result)]
        tree = {**self.tree, "messages": messages}
        choice = tree.get("tool_choice")
        if choice is not None and choice.get("type") in ("any", "tool"):
            # Demanded once more, the model could only repeat the refused call.
            tree["tool_choice"] = {name: value for name, value in choice.items() if name != "name"} | {"type": "auto"}
        return replace(self, tree=tree)
