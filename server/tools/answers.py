"""What a tool's server answered, read once: strict JSON, or text in UTF-8, or refused.

No header of the answer goes further (cookies, links, what a browser would run), and text leaves as `text/plain`: an
HTML page served from the gate's own address could call the gate with a person's rights.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from policy_dsl import StrictJsonError, strict_json

from .client import Response
from .faults import ToolFault

Form = Literal["json", "text", "empty"]

_JSON: Final = re.compile(r"application/(?:[a-z0-9.-]+\+)?json")
_TEXT: Final = re.compile(r"text/[a-z0-9.+-]+|application/(?:xml|[a-z0-9.-]+\+xml|yaml)")
_CHARSET: Final = re.compile(r'charset="?([a-z0-9_-]+)"?')
_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


def read_answer(response: Response) -> tuple[Form, Any]:
    """How the body is written, and what it says. Raises ToolFault `answer-refused`."""
    if not response.body:
        return "empty", None
    sent, *options = [part.strip().lower() for part in response.headers.get("content-type", "").split(";")]
    charset = next((found[1] for option in options if (found := _CHARSET.fullmatch(option))), "utf-8")
    if charset not in _UTF8 or "," in sent:
        raise ToolFault("answer-refused", "the tool's answer is not in UTF-8")
    if _JSON.fullmatch(sent):
        try:
            return "json", strict_json.parse(response.body, numbers="kept")
        except StrictJsonError as error:
            raise ToolFault("answer-refused", f"the tool's answer is not strict JSON ({error.code})") from None
    if not _TEXT.fullmatch(sent):
        raise ToolFault("answer-refused", "the tool's answer is neither JSON nor text")
    try:
        return "text", response.body.decode("utf-8")
    except UnicodeDecodeError:
        raise ToolFault("answer-refused", "the tool's answer is not in UTF-8") from None


def written(form: Form, content: Any) -> tuple[bytes, str]:
    """Body and content type of what leaves: from the tree that was read, never the bytes that came."""
    match form:
        case "json":
            return strict_json.encode(content), "application/json"
        case "text":
            return str(content).encode(), "text/plain; charset=utf-8"
        case "empty":
            return b"", "text/plain; charset=utf-8"
