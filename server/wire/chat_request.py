"""A chat completion request: bytes -> ChatRequest -> (tools filtered, refusals put back) -> bytes for the upstream.

What the client says is read strictly once and encoded again from that tree. Members that nothing here reads pass as
they are, in the tree. Members that make the model's provider run something by itself (PROVIDER_MEMBERS) are offers like
the members of `tools`, and are dropped unless the gate keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from types import NoneType
from typing import Any, Final

from .chat_answer import MAX_CHOICES
from .chat_history import put_back
from .chat_results import ROLE, changed, results_of
from .errors import MalformedRequest
from .held_choice import Answered, Refusals
from .instructions import Instructions
from .offer import Offer
from .provided import provided
from .read_request import Members, ReadRequest
from .refusal import PastRefusal
from .results import ToolResult

_MEMBERS: Final[Mapping[str, tuple[type, ...]]] = {
    "messages": (list,),
    "model": (str,),
    "stream": (bool, NoneType),
    "stream_options": (dict, NoneType),
    "n": (int, NoneType),
    "tools": (list, NoneType),
    "tool_choice": (str, dict, NoneType),
    "parallel_tool_calls": (bool, NoneType),
    "functions": (list, NoneType),
    "function_call": (str, dict, NoneType),
}
"""The members that are read here, and what each may be."""

PROVIDER_MEMBERS: Final[Mapping[str, str]] = {
    "agent": "runs an agent at the provider",
    "enable_search": "searches the web (Qwen)",
    "mcp_servers": "calls tools of MCP servers at the provider",
    "plugins": "runs plugins, web search among them (OpenRouter)",
    "search_parameters": "searches the web (xAI)",
    "tool_resources": "gives files to tools at the provider",
    "web_search_options": "searches the web (OpenAI, Perplexity)",
}
"""Members beside `tools` that make the provider act, with the reason; offered with kind `member`."""

REFUSED_MEMBERS: Final[Mapping[str, str]] = {
    "extra_body": "a proxy would merge it into the request after it was read",
    "extra_headers": "a proxy would take it as headers of the request",
    "extra_query": "a proxy would take it as the query of the request",
}
"""Members that no server of this API defines and that some proxies act on."""

_CONTENT: Final = itemgetter("content")

_REQUEST: Final = Members(_MEMBERS, PROVIDER_MEMBERS, REFUSED_MEMBERS)


def parse_chat_request(body: bytes) -> ChatRequest:
    """Reads a request. Raises MalformedRequest for what is not strict JSON or not a chat completion request."""
    tree, printed = _REQUEST.read(body)
    messages = tree["messages"]
    if not _are_texts(ROLE, messages):
        raise MalformedRequest("a message is not an object with a role")
    if not _are_texts(_CONTENT, messages):
        for message in messages:
            if message["role"] == "user":
                _words(message.get("content"))
    n = tree.get("n")
    if n is not None and not 1 <= n <= MAX_CHOICES:
        raise MalformedRequest("`n` is not from 1 to 16")
    if not isinstance((tree.get("stream_options") or {}).get("include_usage"), bool | None):
        raise MalformedRequest("`include_usage` is neither true nor false")
    return ChatRequest(tree, _offers(tree), (tree, printed))


def _are_texts(member: Callable[[Any], Any], messages: list[Any]) -> bool:
    """Whether every message is an object that has this member, and it is a text. Told without a step of Python's for
    each message: agents send hundreds."""
    try:
        return set(map(type, map(member, messages))) <= {str}
    except (KeyError, TypeError):
        return False


def _words(content: object) -> list[str]:
    """The texts of a message's content. Parts of other types (images, audio) say nothing that can be compared."""
    if content is None:
        return []
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise MalformedRequest("`content` is neither a text nor a list of parts")
    texts = [part.get("text") for part in content if part.get("type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise MalformedRequest("a text part has no text")
    return texts


# --- what is offered ------------------------------------------------------------------------------------------------


def _offers(tree: Mapping[str, Any]) -> tuple[Offer, ...]:
    offers = [_tool(entry, f"tools[{at}]") for at, entry in enumerate(tree.get("tools") or ())]
    for at, entry in enumerate(tree.get("functions") or ()):
        offers.append(_function(entry, entry, f"functions[{at}]"))
    if tree.keys().isdisjoint(PROVIDER_MEMBERS):
        return tuple(offers)
    members = [name for name in PROVIDER_MEMBERS if tree.get(name) is not None]
    return (*offers, *(_member(name, tree[name]) for name in members))


def _member(name: str, value: Any) -> Offer:
    offer = Offer("member", name, {}, name, {name: value})
    return provided(offer, "chat", value) if isinstance(value, dict) else offer


def _tool(entry: Any, place: str) -> Offer:
    kind = entry.get("type") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or not kind:
        raise MalformedRequest(f"`{place}` is not a tool with a type")
    if kind == "function":
        return _function(entry.get("function"), entry, place)
    inner = entry.get(kind)
    name = inner.get("name") if isinstance(inner, dict) else entry.get("name")
    return Offer(kind, name if isinstance(name, str) and name else kind, {}, place, entry)


def _function(function: Any, entry: dict[str, Any], place: str) -> Offer:
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not name:
        raise MalformedRequest(f"`{place}` is not a function with a name")
    schema = function.get("parameters")
    if schema is not None and not isinstance(schema, dict):
        raise MalformedRequest(f"the parameters of `{place}` are not an object")
    return Offer("function", name, schema or {}, place, entry)


# --- what is chosen -------------------------------------------------------------------------------------------------

_CHOICE_WORDS: Final = ("none", "auto", "required")
_NOT_ALLOWED: Final = "tool-not-allowed"


def _settle_choice(tree: dict[str, Any], kept: Sequence[Offer]) -> None:
    """Makes the choice of a tool fit the kept ones. A choice that cannot be kept is refused, not reinterpreted:
    a client that demands a call would wait for one that never comes."""
    if not tree.get("tools"):
        # Servers refuse these members where no tools come with them.
        for member in ("tools", "parallel_tool_calls"):
            tree.pop(member, None)
    if not tree.get("functions"):
        tree.pop("functions", None)
    _settle_tool_choice(tree, kept)
    _settle_function_call(tree, kept)


def _settle_tool_choice(tree: dict[str, Any], kept: Sequence[Offer]) -> None:
    choice = tree.get("tool_choice")
    if choice is None:
        return
    if isinstance(choice, str):
        if choice not in _CHOICE_WORDS:
            raise MalformedRequest("`tool_choice` is not a choice of this API")
        if "tools" not in tree:
            if choice == "required":
                raise _not_allowed("`tool_choice` demands a call but no offered tool is allowed")
            del tree["tool_choice"]
        return
    if choice.get("type") == "allowed_tools":
        tree["tool_choice"] = _settle_allowed(choice, kept)
        return
    if not _is_kept(choice, kept):
        raise _not_allowed("`tool_choice` names a tool that is not allowed")


def _settle_allowed(choice: dict[str, Any], kept: Sequence[Offer]) -> dict[str, Any]:
    allowed = choice.get("allowed_tools")
    entries = allowed.get("tools") if isinstance(allowed, dict) else None
    if not isinstance(allowed, dict) or not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise MalformedRequest("`allowed_tools` is not a list of tools")
    remaining = [entry for entry in entries if _is_kept(entry, kept)]
    if not remaining:
        raise _not_allowed("`tool_choice` names only tools that are not allowed")
    return {**choice, "allowed_tools": {**allowed, "tools": remaining}}


def _is_kept(chosen: Mapping[str, Any], kept: Sequence[Offer]) -> bool:
    kind = chosen.get("type")
    inner = chosen.get(kind) if isinstance(kind, str) else None
    name = inner.get("name") if isinstance(inner, dict) else chosen.get("name", kind)
    return any(offer.kind == kind and offer.name == name and offer.place.startswith("tools[") for offer in kept)


def _settle_function_call(tree: dict[str, Any], kept: Sequence[Offer]) -> None:
    choice = tree.get("function_call")
    if choice is None:
        return
    if isinstance(choice, str):
        if choice not in ("none", "auto"):
            raise MalformedRequest("`function_call` is not a choice of this API")
        if "functions" not in tree:
            del tree["function_call"]
    elif not any(offer.name == choice.get("name") and offer.place.startswith("functions[") for offer in kept):
        raise _not_allowed("`function_call` names a function that is not allowed")


def _not_allowed(message: str) -> MalformedRequest:
    return MalformedRequest(message, code=_NOT_ALLOWED, status_hint=403)


@dataclass(frozen=True, slots=True)
class ChatRequest(ReadRequest):
    """A request for a chat completion: POST /v1/chat/completions."""

    @property
    def include_usage(self) -> bool:
        return (self.tree.get("stream_options") or {}).get("include_usage") is True

    @property
    def n(self) -> int:
        return int(self.tree.get("n") or 1)

    def offered(self) -> tuple[Offer, ...]:
        """What the request offers the model: tools, legacy functions, and members that make the provider act."""
        return self.offers

    def keeping(self, kept: Callable[[Offer], bool]) -> ChatRequest:
        """Without the offers that `kept` does not keep.

        Raises MalformedRequest (`tool-not-allowed`, 403) where `tool_choice` or `function_call` demands a dropped one.
        """
        remaining = tuple(filter(kept, self.offers))
        tree = dict(self.tree)
        if len(remaining) == len(self.offers):
            _settle_choice(tree, remaining)
            return self if tree == self.tree else replace(self, tree=tree)
        places = {offer.place for offer in remaining}
        for member in ("tools", "functions"):
            if entries := tree.get(member):
                tree[member] = [entry for at, entry in enumerate(entries) if f"{member}[{at}]" in places]
        for member in PROVIDER_MEMBERS:
            if member not in places:
                tree.pop(member, None)
        _settle_choice(tree, remaining)
        return replace(self, tree=tree, offers=_offers(tree))

    def user_words(self) -> tuple[str, ...]:
        """The texts of the messages with role `user`, in order: the client's claim of what the user said."""
        return tuple(
            word for message in self.tree["messages"] if message["role"] == "user"
            for word in _words(message.get("content"))
        )  # fmt: skip

    def results(self) -> tuple[ToolResult, ...]:
        """What tools answered, as the client claims it."""
        return tuple(results_of(self.tree["messages"]))

    def with_results(self, change: Callable[[str, str], str]) -> ChatRequest:
        """With every text of a tool's answer replaced by `change(tool, text)`, for the model to read."""
        messages = changed(self.tree["messages"], change)
        return self if messages is None else replace(self, tree={**self.tree, "messages": messages})

    def with_refusals(self, past: Sequence[PastRefusal]) -> ChatRequest:
        """With earlier refused calls back at their places, each with its refusal as the result.

        A refusal whose place the client removed is left out: what the client sends cannot take it from the Session.
        """
        if not past:
            return self
        return replace(self, tree={**self.tree, "messages": put_back(self.tree["messages"], past)})

    def with_instructions(self, told: Instructions) -> ChatRequest:
        """In the first message where that instructs the model, else in one before it: many chat templates take no
        second system message, and none that stands later."""
        tree, messages = self.tree, self.tree["messages"]
        first = messages[0] if messages else {"role": None}
        if first["role"] not in ("system", "developer") or not isinstance(first.get("content"), str | list | None):
            if told.text:
                tree = {**tree, "messages": [{"role": "system", "content": told.text}, *messages]}
        elif (said := told.put(first, "content")) is not first:
            tree = {**tree, "messages": [said, *messages[1:]]}
        return replace(self, tree=tree, reserved=told.reserved)

    def continued(self, answer: Answered, refusals: Refusals) -> ChatRequest:
        """For the next round of the same answer: the model's own message, and a refusal for each of its calls."""
        messages = [*self.tree["messages"], *answer.exchange(refusals)]
        tree = {**self.tree, "messages": messages}
        if isinstance(tree.get("tool_choice"), dict) or tree.get("tool_choice") == "required":
            tree["tool_choice"] = "auto"  # demanded once more, the model could only repeat the refused call
        if isinstance(tree.get("function_call"), dict):
            tree["function_call"] = "auto"
        return replace(self, tree=tree)
