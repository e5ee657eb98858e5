"""What a Responses request offers the model, and the choice of a tool made to fit what is kept of it.

Functions and custom tools are run by the client. A tool of any other type runs at the provider, or is one of the
client's own that has no name in the request; it is offered under its type, and dropped unless the gate keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..chat_request import PROVIDER_MEMBERS
from ..errors import MalformedRequest
from ..offer import Offer
from ..provided import provided

FREE_TEXT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The schema of a custom tool's arguments, as they are judged."""

_NAMES: Final[Mapping[str, str]] = {"mcp": "server_label"}
"""Where a tool that is no function has a name of its own; the others are known by their type alone."""

_WORDS: Final = ("none", "auto", "required")


def offers_of(tree: Mapping[str, Any]) -> tuple[Offer, ...]:
    """The members of `tools`, and the members that make the provider act."""
    tools = [_tool(entry, f"tools[{at}]") for at, entry in enumerate(tree.get("tools") or ())]
    members = [name for name in PROVIDER_MEMBERS if tree.get(name) is not None]
    return (*tools, *(Offer("member", name, {}, name, {name: tree[name]}) for name in members))


def _tool(entry: Any, place: str) -> Offer:
    kind = entry.get("type") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or not kind:
        raise MalformedRequest(f"`{place}` is not a tool with a type")
    name = entry.get("name" if kind in ("function", "custom") else _NAMES.get(kind, "type"))
    if not isinstance(name, str) or not name:
        raise MalformedRequest(f"`{place}` has no name")
    schema = entry.get("parameters")
    if schema is not None and not isinstance(schema, dict):
        raise MalformedRequest(f"the parameters of `{place}` are not an object")
    offer = Offer(kind, name, FREE_TEXT if kind == "custom" else schema or {}, place, entry)
    return provided(offer, "responses", entry)


def settle_choice(tree: dict[str, Any], kept: Sequence[Offer]) -> None:
    """Makes `tool_choice` fit the kept offers. A choice that cannot be kept is refused, not reinterpreted: a client
    that demands a call would wait for one that never comes."""
    if not tree.get("tools"):
        # Servers refuse these members where no tools come with them.
        for member in ("tools", "parallel_tool_calls"):
            tree.pop(member, None)
    choice = tree.get("tool_choice")
    if choice is None:
        return
    if isinstance(choice, str):
        if choice not in _WORDS:
            raise MalformedRequest("`tool_choice` is not a choice of this API")
        if "tools" not in tree:
            if choice == "required":
                raise _not_allowed("`tool_choice` demands a call but no offered tool is allowed")
            del tree["tool_choice"]
    elif choice.get("type") == "allowed_tools":
        entries = choice.get("tools")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise MalformedRequest("`allowed_tools` is not a list of tools")
        remaining = [entry for entry in entries if _is_kept(entry, kept)]
        if not remaining:
            raise _not_allowed("`tool_choice` names only tools that are not allowed")
        tree["tool_choice"] = {**choice, "tools": remaining}
    elif not _is_kept(choice, kept):
        raise _not_allowed("`tool_choice` names a tool that is not allowed")


def undemanding(choice: Any) -> Any:
    """The choice without the demand for a call: asked once more, the model could only repeat the refused one."""
    if isinstance(choice, dict):
        return {**choice, "mode": "auto"} if choice.get("type") == "allowed_tools" else "auto"
    return "auto" if choice == "required" else choice


def _is_kept(chosen: Mapping[str, Any], kept: Sequence[Offer]) -> bool:
    kind = chosen.get("type")
    if not isinstance(kind, str):
        return False
    name = chosen.get("name" if kind in ("function", "custom") else _NAMES.get(kind, "type"))
    return any(offer.kind == kind and offer.name == name and offer.place.startswith("tools[") for offer in kept)


def _not_allowed(message: str) -> MalformedRequest:
    return MalformedRequest(message, code="tool-not-allowed", status_hint=403)
