"""One parameter of an operation, both ways: an argument into a request, and a part of a request into an argument.

The two ways are inverse: what cannot be read back as the same value is refused (`bad-arguments`), so that the server
behind the gate cannot see another value than the one that was judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, NoReturn
from urllib.parse import quote, unquote_to_bytes

from policy_dsl import StrictJsonError, strict_json

from .faults import ToolFault

Place = Literal["path", "query", "header", "cookie"]
Kind = Literal["string", "integer", "number", "boolean"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`many`: a list, in a query as repeated members (`exploded`) or parted by commas, elsewhere always by commas."""

    name: str
    place: Place
    kind: Kind = "string"
    required: bool = False
    many: bool = False
    exploded: bool = True


# --- an argument into a request ---------------------------------------------------------------------------------------


def texts(parameter: Parameter, value: Any) -> list[str]:
    """The argument as the texts to be written: one, or for a repeated member any number. Raises ToolFault."""
    if not parameter.many:
        return [_text(parameter, value)]
    if not isinstance(value, list):
        _refuse(parameter, "is a list")
    words = [_text(parameter, item) for item in value]
    if parameter.place == "query" and parameter.exploded:
        return words
    if not words or any("," in word or not word for word in words):
        _refuse(parameter, "is a list of texts without commas, and not empty")
    return [",".join(words)]


def path_segment(parameter: Parameter, value: Any) -> str:
    """Percent-encoded. What a server could read as more than one segment, or as a step up, is refused: many decode
    before they route (CVE-2021-29492, Envoy; CVE-2026-26205, OPA)."""
    (text,) = texts(parameter, value)
    if not text or text in (".", "..") or _UNSAFE_IN_PATH.search(text):
        _refuse(parameter, "cannot be one segment of a path")
    return quote(text, safe=_SAFE_IN_PATH)


def query_member(parameter: Parameter, value: Any) -> list[str]:
    """`name=value`, percent-encoded, once for each text."""
    return [f"{quote(parameter.name, safe='')}={quote(text, safe='')}" for text in texts(parameter, value)]


def header_value(parameter: Parameter, value: Any) -> str:
    (text,) = texts(parameter, value)
    if not _HEADER_VALUE.fullmatch(text):
        _refuse(parameter, "cannot stand in a header")
    return text


def cookie_pair(parameter: Parameter, value: Any) -> str:
    (text,) = texts(parameter, value)
    if not _COOKIE_VALUE.fullmatch(text):
        _refuse(parameter, "cannot stand in a cookie")
    return f"{parameter.name}={text}"


def _text(parameter: Parameter, value: Any) -> str:
    if not _IS[parameter.kind](value):
        _refuse(parameter, f"is of the kind `{parameter.kind}`")
    if isinstance(value, str):
        return value
    return strict_json.encode(value).decode("ascii")


_IS: Final[Mapping[Kind, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, Decimal),
    "boolean": lambda value: isinstance(value, bool),
}

_SAFE_IN_PATH: Final = "-._~:@"
_UNSAFE_IN_PATH: Final = re.compile(r"[/\\%;?#\x00-\x1f\x7f]")
"""`;` opens matrix parameters for Java servers, `%` a second decoding."""

_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_COOKIE_VALUE: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")  # RFC 6265 section 4.1.1


def _refuse(parameter: Parameter, what: str) -> NoReturn:
    raise ToolFault("bad-arguments", f"the {parameter.place} parameter `{parameter.name}` {what}")


# --- a part of a request into an argument -----------------------------------------------------------------------------


def argument(parameter: Parameter, found: list[str]) -> Any:
    """The value that the texts of a request spell. Raises ToolFault where they spell none, or more than one."""
    if parameter.many and parameter.place == "query" and parameter.exploded:
        return [_value(parameter, word) for word in found]
    if len(found) != 1:
        _refuse(parameter, "stands more than once")
    if parameter.many:
        return [_value(parameter, word) for word in found[0].split(",")]
    return _value(parameter, found[0])


def _value(parameter: Parameter, text: str) -> Any:
    if parameter.kind == "string":
        return text
    try:
        value = strict_json.parse(text)
    except StrictJsonError:
        _refuse(parameter, f"is of the kind `{parameter.kind}`")
    if not _IS[parameter.kind](value) or strict_json.encode(value) != text.encode():
        _refuse(parameter, f"is of the kind `{parameter.kind}`, in its plain spelling")
    return value


def decoded(text: str, *, form: bool = False) -> str:
    """What percent-encoding hides. `form` reads `+` as a space, as every server reads queries and forms. Raises
    ToolFault for a bad escape and for bytes that are not UTF-8."""
    if not _ENCODED.fullmatch(text):
        raise ToolFault("bad-arguments", "the request holds a character or an escape that no URL holds")
    try:
        return unquote_to_bytes(text.replace("+", " ") if form else text).decode("utf-8")
    except UnicodeDecodeError:
        raise ToolFault("bad-arguments", "the request holds escapes that are not UTF-8") from None


def members(query: str) -> list[tuple[str, str]]:
    """The members of a query or a form, in order. `;` is no separator (WHATWG), but some old servers take it for one,
    so a bare one is refused."""
    if not query:
        return []
    if ";" in query:
        raise ToolFault("bad-arguments", "the query holds a bare `;`, which servers read differently")
    pairs = [part.partition("=") for part in query.split("&")]
    if any(not name for name, _, _ in pairs):
        raise ToolFault("bad-arguments", "the query has a member without a name")
    return [(decoded(name, form=True), decoded(value, form=True)) for name, _, value in pairs]


_ENCODED: Final = re.compile(r"(?:[\x21\x22\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*")
