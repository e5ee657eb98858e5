"""Which members of an answer the wire reads itself, and what it makes of the others.

A member that nobody here reads passes only if no reader could find a call in it. Readers are many: Go's decoder ignores
the case of names (CVE-2026-27896 was that), JavaScript agents read `toolCalls`, so names are compared after folding.
A member with the value null never carries anything and always passes (vLLM sends every optional member as null).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from .errors import MalformedAnswer

TOP_MEMBERS: Final = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"}
)
CHOICE_MEMBERS: Final = frozenset(
    {"index", "message", "finish_reason", "logprobs", "stop_reason", "token_ids", "content_filter_results"}
)
STREAM_CHOICE_MEMBERS: Final = (CHOICE_MEMBERS - {"message"}) | {"delta"}
MESSAGE_MEMBERS: Final = frozenset(
    {"role", "content", "refusal", "reasoning", "reasoning_content", "function_call", "tool_calls"}
)
CALL_MEMBERS: Final = frozenset({"id", "type", "function", "index", "extra_content"})
"""`index` comes from Ollama, `extra_content` from Gemini's compatible API, which wants it back with the result."""
FUNCTION_MEMBERS: Final = frozenset({"name", "arguments"})

TEXT_MEMBERS: Final = ("reasoning", "reasoning_content", "content", "refusal")
"""Members of a message or delta that hold the model's words; each is scanned for calls written as text."""

TOKEN_MEMBERS: Final = ("logprobs", "token_ids")
"""Members of a choice that spell the model's output a second time; they leave only with an unchanged text."""

_READ_BY_OTHERS: Final = frozenset(
    {"choices", "message", "delta", "content", "finishreason", "name", "arguments", "id", "type", "index", "role"}
)
_CALL_WORDS: Final = ("tool", "call", "func")
_NOT_LETTERS: Final = re.compile(r"[\W_]+")


@lru_cache(maxsize=512)
def _names_a_call(name: str) -> bool:
    folded = _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", name).casefold())
    return folded in _READ_BY_OTHERS or any(word in folded for word in _CALL_WORDS)


def is_unread(tree: Mapping[str, Any], known: frozenset[str]) -> bool:
    """Whether a member that says something is not among the known ones."""
    return not tree.keys() <= known and any(value is not None and name not in known for name, value in tree.items())


def refuse_unknown(
    tree: Mapping[str, Any], known: frozenset[str], mentions_call: Callable[[str], bool], where: str
) -> None:
    """Raises MalformedAnswer if a member outside `known` could carry a call to some reader.

    `mentions_call` says of a text whether a call may be written in it.
    """
    if tree.keys() <= known:
        return
    for name, value in tree.items():
        if value is None or name in known:
            continue
        if _names_a_call(name) or _could_carry(value, mentions_call):
            raise MalformedAnswer(f"an unknown member of {where} could carry a call")


def _could_carry(value: Any, mentions_call: Callable[[str], bool]) -> bool:
    # Depth is bounded by the strict parser, so recursion is.
    if isinstance(value, str):
        return mentions_call(value)
    if isinstance(value, dict):
        if "name" in value and not value.keys().isdisjoint(("arguments", "parameters", "input")):
            return True
        return any(
            inner is not None and (_names_a_carrier(name) or _could_carry(inner, mentions_call))
            for name, inner in value.items()
        )
    return isinstance(value, list) and any(_could_carry(item, mentions_call) for item in value)


def _names_a_carrier(name: str) -> bool:
    folded = _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", name).casefold())
    return any(word in folded for word in ("toolcall", "functioncall", "tooluse"))
