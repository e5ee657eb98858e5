"""Tools that run at the provider, as far as a policy can keep them in a request: `provider/web_search` and others.

They run before any answer is seen, so their calls cannot be held: what is decided is the offer, with the settings that
the client declares for the tool as its arguments. A declaration leaves only where every one of its members is known
here, because a member that nobody knows could widen what the tool reaches. Not in these tables, and so never kept:
remote `mcp` servers (the client would name the address), whatever reads what lies at the provider under the gate's own
credential (`file_search`, containers and files by id), and versions of a tool that open another one (from
`web_search_20260209` on Anthropic's search runs code).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from policy_dsl.strict_json import encode

from .calls import HeldCall, read_arguments
from .errors import MalformedAnswer
from .offer import Offer

SERVER: Final = "provider"
"""The server that a policy names such a tool by."""


class Declared(NamedTuple):
    """A type of tool in a request: its name in a policy, and the members that its declaration may have."""

    name: str
    settings: frozenset[str]


_SEARCH: Final = Declared("web_search", frozenset({"filters", "search_context_size", "user_location"}))
_CODE: Final = Declared("code_execution", frozenset())
_DOMAINS: Final = frozenset({"allowed_domains", "blocked_domains", "max_uses"})

DECLARED: Final[Mapping[str, Mapping[str, Declared]]] = {
    "chat": {"web_search_options": Declared("web_search", frozenset({"search_context_size", "user_location"}))},
    "responses": {
        **dict.fromkeys(
            (
                "web_search",
                "web_search_2025_08_26",
                "web_search_preview",
                "web_search_preview_2025_03_11",
            ),
            _SEARCH,
        ),
        "code_interpreter": Declared("code_interpreter", frozenset({"container"})),
    },
    "messages": {
        "web_search_20250305": Declared("web_search", _DOMAINS | {"user_location"}),
        "web_fetch_20250910": Declared("web_fetch", _DOMAINS | {"citations", "max_content_tokens"}),
        "code_execution_20250522": _CODE,
        "code_execution_20250825": _CODE,
    },
}
"""By protocol and the tool's type there; for chat by the member beside `tools`."""

_NAMING: Final = frozenset({"type", "name", "cache_control"})


def provided(offer: Offer, protocol: str, settings: Mapping[str, Any]) -> Offer:
    """The offer with its name in a policy, where it is a tool that a policy can keep; else as it is.

    `settings` are the members of its declaration."""
    key = offer.place if offer.kind == "member" else offer.kind
    declared = DECLARED[protocol].get(key)
    if declared is None or not settings.keys() <= declared.settings | _NAMING:
        return offer
    if settings.get("name", declared.name) != declared.name:
        return offer
    container = settings.get("container")
    if container is not None and not (isinstance(container, dict) and container == {"type": "auto"}):
        return offer  # a container by its id, or with files: whose they are only the provider knows
    if declared.name == "code_interpreter" and not container:
        return offer
    arguments, problem = read_arguments_of({name: value for name, value in settings.items() if name not in _NAMING})
    return offer if problem else offer._replace(provided=declared.name, settings=arguments)


class Observed(NamedTuple):
    """A call that the provider made and ran: `call` as it stands in a Record, `answer` what came of it, None where the
    protocol does not say."""

    call: HeldCall
    answer: Any


def observed(index: int, call_id: str, name: str, arguments: Any, answer: Any) -> Observed:
    """Raises MalformedAnswer where the arguments are none that could be recorded."""
    read, problem = read_arguments_of(arguments)
    if problem is not None:
        raise MalformedAnswer("a call that ran at the provider cannot be read")
    return Observed(HeldCall(0, index, call_id, name, read, "provider", None, SERVER), answer)


def read_arguments_of(tree: Any) -> tuple[dict[str, Any], str | None]:
    """A tree whose numbers are as they were written, read once more with exact ones; and a problem, None for none."""
    arguments, problem = read_arguments(encode(tree).decode())
    return arguments or {}, problem
