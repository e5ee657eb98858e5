"""Errors in this API's own shape: `{"type": "error", "error": {"type", "message", "code"}}`.

The API itself has no `code`; the gate's stable one stands beside the two, where clients ignore what they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policy_dsl.strict_json import encode, parse

from ..errors import parse_upstream_error

_TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""The API's words for its errors, by status; any other 4xx is the first of them, any other 5xx `api_error`."""


def anthropic_error(status: int, message: str, *, code: str) -> bytes:
    word = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    return encode({"type": "error", "error": {"type": word, "message": message, "code": code}})


def upstream_error(status: int, body: bytes) -> tuple[int, bytes]:
    """What OpenAI's shape keeps of an upstream's error, in this one: a sentence and a code, and the status's word."""
    shown, read = parse_upstream_error(status, body)
    tree: Any = parse(read)
    return shown, anthropic_error(shown, tree["error"]["message"], code=tree["error"]["code"])
