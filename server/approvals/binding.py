"""What a person's yes is bound to: one call, exactly as it would be released.

The digest is over canonical JSON: members sorted by name at every depth, so that two spellings of one call are one;
texts and numbers as they are, so that `1` and `1.0`, or two normal forms of one word, are two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from guardrail import Decision, ToolCall
from policy_dsl import encode_json

_DOMAIN: Final = b"leastward approval digest v1\x00"


def canonical(value: Any) -> bytes:
    """Compact JSON in UTF-8 of a value from the strict parser, members sorted by name. Raises StrictJsonError."""
    return encode_json(_sorted(value))


def digest_of(server: str | None, tool: str, arguments: Mapping[str, Any]) -> str:
    """Hexadecimal SHA-256 of a domain and `[server, tool, arguments]` in canonical form."""
    return hashlib.sha256(_DOMAIN + canonical([server, tool, arguments])).hexdigest()


def as_judged(call: ToolCall, decision: Decision) -> ToolCall:
    """The call that `decision` is about: with the arguments that a rewrite made, where one did."""
    return call if decision.arguments is None else replace(call, arguments=decision.arguments)


def _sorted(value: Any) -> Any:
    """Depth is bounded by the strict parser (64)."""
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value
