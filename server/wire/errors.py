"""What the wire refuses, and the shapes in which an API client is told.

    WireError              code, message, status_hint, part
    ├── MalformedRequest   part "request": the client's body cannot be read, or asks for what the gate does not pass
    └── MalformedAnswer    part "answer": what the model server sent cannot be read, so nothing of it is released

`status_hint` is what an HTTP edge would answer (h11 precedent: the sans-IO part knows the protocol, the edge sends it).
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from policy_dsl.strict_json import StrictJsonError, encode, parse


class WireError(Exception):
    """Bytes that the wire does not pass. `code` is stable; `message` never repeats what the bytes said."""

    part: Literal["request", "answer"]

    def __init__(self, code: str, message: str, status_hint: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status_hint = status_hint


class MalformedRequest(WireError):
    part = "request"

    def __init__(self, message: str, *, code: str = "malformed-request", status_hint: int = 400) -> None:
        super().__init__(code, message, status_hint)


class MalformedAnswer(WireError):
    part = "answer"

    def __init__(self, message: str, *, code: str = "malformed-answer") -> None:
        super().__init__(code, message, 502)


# The `type` words of OpenAI's error object, by status; official clients choose the exception class by status alone.
_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_MAX_MESSAGE: Final = 2000
"""Characters of an upstream's error message that are passed on: enough for any sentence, too few for a page."""


def openai_error(status: int, message: str, type: str | None = None, code: str | None = None) -> bytes:
    """An error body in the API's own shape. Without `type` the word that belongs to `status` is used."""
    word = type or _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return encode({"error": {"message": message, "type": word, "param": None, "code": code}})


class _Place(NamedTuple):
    """Where one family of servers puts its error: the object that holds it, and the member with its sentence."""

    path: tuple[str, ...]
    message: str


_PLACES: Final = (
    _Place(("error",), "message"),  # OpenAI, vLLM
    _Place((), "message"),  # vLLM before 0.10
    _Place((), "error"),  # llama.cpp, Ollama
    _Place((), "detail"),  # FastAPI
)


def parse_upstream_error(status: int, body: bytes) -> tuple[int, bytes]:
    """An upstream's answer with a status other than 200, as (status, body) for the client.

    Only a sentence, a type word and a code of the original are kept, so nothing else that the body holds can pass.
    What the upstream says about the gate's own credentials is not for the agent, and a status that is no error is
    the upstream's fault: both become 502.
    """
    if status in (401, 403, 407):
        return 502, openai_error(502, "the upstream refused the gate's credentials", code="upstream-credentials")
    shown = status if 400 <= status <= 599 else 502
    found = _upstream_words(body)
    if found is None:
        return shown, openai_error(shown, f"the upstream answered with status {status}", code="upstream-error")
    message, type_word, code = found
    return shown, openai_error(shown, message[:_MAX_MESSAGE], type_word, code)


def _upstream_words(body: bytes) -> tuple[str, str | None, str] | None:
    try:
        tree: Any = parse(body, numbers="kept")
    except StrictJsonError:
        return None
    for place in _PLACES:
        holder = tree
        for step in place.path:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and isinstance(message := holder.get(place.message), str):
            word, code = holder.get("type"), holder.get("code")
            return (
                message,
                word[:64] if isinstance(word, str) else None,
                str(code)[:64] if isinstance(code, str | int) else "upstream-error",
            )
    return None
