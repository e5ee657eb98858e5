"""What a Messages request offers the model, and how a choice of a tool is made to fit what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from .. import chat_request
from ..errors import MalformedRequest
from ..offer import Offer
from ..provided import provided
from .client_tools import CLIENT_TOOLS

PROVIDER_MEMBERS: Final[Mapping[str, str]] = {
    **chat_request.PROVIDER_MEMBERS,
    "compaction": "lets the provider rewrite the history; its answer holds words that were never judged",
    "container": "gives code and skills at the provider a machine to run on",
    "fallbacks": "lets other models answer, and the answer say so in blocks of their own",
}
"""Members beside `tools` that make the provider act, with the reason; offered with kind `member`."""

_CHOICES: Final = ("auto", "any", "tool", "none")


def offers_of(tree: Mapping[str, Any]) -> tuple[Offer, ...]:
    """The tools in order, then the members that make the provider act. Raises MalformedRequest."""
    tools = [_tool(entry, f"tools[{at}]") for at, entry in enumerate(tree.get("tools") or ())]
    members = [name for name in PROVIDER_MEMBERS if tree.get(name) is not None]
    return (*tools, *(Offer("member", name, {}, name, {name: tree[name]}) for name in members))


def _tool(entry: Any, place: str) -> Offer:
    """A tool without a type, or of type `custom`, is a function of the client: in this API `custom` means that its
    schema comes with it. Of the API's own types some are run by the client (client_tools.py), and are functions with
    a schema that everybody knows; every other type runs at the provider."""
    if not isinstance(entry, dict):
        raise MalformedRequest(f"`{place}` is not an object")
    kind, name = entry.get("type"), entry.get("name")
    if kind is None or kind == "custom":
        schema = entry.get("input_schema")
        if not isinstance(name, str) or not name:
            raise MalformedRequest(f"`{place}` is not a tool with a name")
        if not isinstance(schema, dict | None):
            raise MalformedRequest(f"the schema of `{place}` is not an object")
        return Offer("function", name, schema or {}, place, entry)
    if not isinstance(kind, str) or not kind:
        raise MalformedRequest(f"`{place}` is not a tool with a type")
    if (typed := CLIENT_TOOLS.get(kind)) is not None and name == typed.name:
        return Offer("function", name, typed.schema, place, entry)
    offer = Offer(kind, name if isinstance(name, str) and name else kind, {}, place, entry)
    return provided(offer, "messages", entry)


def only_kept(
    tree: dict[str, Any], offers: Sequence[Offer], kept: Callable[[Offer], bool]
) -> tuple[dict[str, Any], tuple[Offer, ...]]:
    """The tree with the kept offers only, and those. Raises MalformedRequest (403) where a dropped one is demanded."""
    remaining = tuple(filter(kept, offers))
    places = {offer.place for offer in remaining}
    again = {name: value for name, value in tree.items() if name not in PROVIDER_MEMBERS or name in places}
    if tree.get("tools") is not None:
        again["tools"] = [entry for at, entry in enumerate(tree["tools"]) if f"tools[{at}]" in places]
    if not again.get("tools"):
        again.pop("tools", None)  # servers refuse an empty list
    _settle_choice(again, remaining)
    return again, offers_of(again)


def _settle_choice(tree: dict[str, Any], kept: Sequence[Offer]) -> None:
    """A choice that cannot be kept is refused, not reinterpreted: a client that demands a call would wait for one that
    never comes."""
    choice = tree.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type")
    if kind not in _CHOICES:
        raise MalformedRequest("`tool_choice` is not a choice of this API")
    if kind == "tool" and not any(o.name == choice.get("name") and o.place.startswith("tools[") for o in kept):
        raise _not_allowed("`tool_choice` names a tool that is not allowed")
    if "tools" not in tree:
        if kind == "any":
            raise _not_allowed("`tool_choice` demands a call but no offered tool is allowed")
        del tree["tool_choice"]


def _not_allowed(message: str) -> MalformedRequest:
    return MalformedRequest(message, code="tool-not-allowed", status_hint=403)
