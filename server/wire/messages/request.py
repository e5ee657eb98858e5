"""A Messages request: bytes -> MessagesRequest -> (tools filtered, refusals put back) -> bytes for the upstream.

What the client says is read strictly once and encoded again from that tree. Members that nothing here reads pass as
they are, in the tree. Members that make the provider act by itself are offers like the members of `tools`, and are
dropped unless the gate keeps them (offers.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any, Final

from policy_dsl.strict_json import StrictJsonError, encode, parse_printed

from .. import chat_request
from ..errors import MalformedRequest
from ..held_choice import Refusals
from ..offer import Offer
from ..refusal import PastRefusal
from ..request_names import check_name, wrong_member
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

_NEEDED: Final = frozenset(name for name, types in _MEMBERS.items() if NoneType not in types)

REFUSED_MEMBERS: Final[Mapping[str, str]] = {
    **chat_request.REFUSED_MEMBERS,
    "thread": "the provider would add a history that the gate never saw",
}

_ROLES: Final = ("user", "assistant", "system")
_READ: Final = frozenset((*_MEMBERS, *PROVIDER_MEMBERS, *REFUSED_MEMBERS))


def parse_request(body: bytes) -> MessagesRequest:
    """Reads a request. Raises MalformedRequest for what is not strict JSON or not a Messages request."""
    try:
        tree: Any
        tree, printed = parse_printed(body, numbers="kept")
    except StrictJsonError as error:
        raise MalformedRequest(f"the body is not strict JSON: {error.message} ({error.code})") from None
    if not isinstance(tree, dict):
        raise MalformedRequest("the body is not an object")
    _check_members(tree)
    check_content(tree.get("system"))
    for message in tree["messages"]:
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise MalformedRequest("a message is not an object with a role of this API")
        check_content(message.get("content"))
    check_provider_calls(tree["messages"])
    return MessagesRequest(tree, offers_of(tree), (tree, printed))


def _check_members(tree: Mapping[str, Any]) -> None:
    for name in sorted(_NEEDED - tree.keys()):
        raise wrong_member(name)
    for name, value in tree.items():
        types = _MEMBERS.get(name)
        if types is not None:
            if type(value) not in types:
                raise wrong_member(name)
            continue
        check_name(name, _READ)
        if name in REFUSED_MEMBERS and value is not None:
            raise MalformedRequest(f"`{name}` is not passed on: {REFUSED_MEMBERS[name]}", code="unsupported-member")


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """A strictly read request. `tree` is never changed; every step that changes something gives a new one.

    `printed` is a tree and its print: a request that leaves as it was read is not printed again.
    """

    tree: dict[str, Any]
    offers: tuple[Offer, ...]
    printed: tuple[dict[str, Any], bytes]

    @property
    def model(self) -> str:
        return str(self.tree["model"])

    @property
    def stream(self) -> bool:
        return self.tree.get("stream") is True

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

    def continued(self, answer: MessagesAnswer | MessagesStream, refusals: Refusals) -> MessagesRequest:
        messages = [*self.tree["messages"], *answer.held.exchange(refusals, refused_result)]
        tree = {**self.tree, "messages": messages}
        choice = tree.get("tool_choice")
        if choice is not None and choice.get("type") in ("any", "tool"):
            # Demanded once more, the model could only repeat the refused call.
            tree["tool_choice"] = {name: value for name, value in choice.items() if name != "name"} | {"type": "auto"}
        return replace(self, tree=tree)

    def encode(self) -> bytes:
        tree, printed = self.printed
        return printed if tree is self.tree else encode(self.tree)
