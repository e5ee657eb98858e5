"""What a tool behind HTTP is: something that writes a request from judged arguments.

Operation   one of an OpenAPI document
Posted      takes its arguments as a JSON body, by POST to one path
Fetch       GETs the URL that its argument `url` is

Each says what it is (`described`, a tool as `use tools` reads it), and `request` writes what leaves. Nothing of a
client's own request is ever relayed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote, unquote

from policy_dsl import StrictJsonError, strict_json

from .client import Request
from .faults import ToolFault
from .parameters import (
    Parameter,
    argument,
    cookie_pair,
    decoded,
    header_value,
    members,
    path_segment,
    query_member,
)
from .urls import Url, check_path, read_url

BODY: Final = "body"
"""The argument that is an operation's body. Its members are not mixed with the parameters: a policy says `body.x`, and
no member can pass for a parameter."""

METHOD_MEMBER: Final = "_method"
"""A member of a form or a query that frameworks take for the method, after it was judged (Rack, Symfony, Laravel)."""

_PARAMETER: Final = re.compile(r"\{[^{}]*\}")


class HttpTool(Protocol):
    @property
    def tool(self) -> str: ...
    @property
    def described(self) -> Mapping[str, Any]: ...
    def request(self, base: Url, arguments: Mapping[str, Any]) -> Request:
        """Raises ToolFault `bad-arguments`, or `url-refused`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a client, as the edge read it. `path` and `query` are still encoded; names of `headers` are in
    lower case, in the order that they came in."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class BodyKind:
    """How the argument `body` is written."""

    kind: Literal["json", "form", "text"]
    content_type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """`segments` is the path in parts; one that is a parameter stands as `{name}`. `rivals` are the paths of the
    server with a written segment, or part of one, where this one has a parameter: `/pets/newest` beside `/pets/{id}`.
    """

    tool: str
    method: str
    segments: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    body: BodyKind | None = None
    described: Mapping[str, Any] = field(default_factory=dict)
    rivals: tuple[tuple[str, ...], ...] = ()

    def request(self, base: Url, arguments: Mapping[str, Any]) -> Request:
        given = _known(arguments, self._required, self._names)
        path, query, headers, cookies = list(self.segments), [], [], []
        for parameter in self.parameters:
            if parameter.name not in given:
                continue
            value = given[parameter.name]
            match parameter.place:
                case "path":
                    path[path.index(f"{{{parameter.name}}}")] = path_segment(parameter, value)
                case "query":
                    query += query_member(parameter, value)
                case "header":
                    headers.append((parameter.name.lower(), header_value(parameter, value)))
                case "cookie":
                    cookies.append(cookie_pair(parameter, value))
        if cookies:
            headers.append(("cookie", "; ".join(cookies)))  # RFC 6265 section 5.4: one field
        if any(_fits(rival, path) for rival in self.rivals):
            # The server would run the other operation, about which a policy may say something else.
            raise ToolFault("bad-arguments", "with these arguments the path is that of another operation")
        url = replace(base, path=base.path.rstrip("/") + "/" + "/".join(path), query="&".join(query) or None)
        kind, body = self.body, None
        if kind is not None and BODY in given:
            body = _body(kind, given[BODY])
        return Request(self.method, url, tuple(headers), body, "" if kind is None else kind.content_type)

    def fits(self, method: str, path: Sequence[str]) -> bool:
        """Whether a request by that method to that path, still encoded, is one of this operation."""
        return (
            method == self.method
            and len(path) == len(self.segments)
            and all(
                asked != "" if _is_slot(own) else own == asked for own, asked in zip(self.segments, path, strict=True)
            )
        )

    @property
    def slots(self) -> tuple[bool, ...]:
        """Sorts operations that fit one path: a written segment comes before a parameter (OpenAPI 3.1, Paths)."""
        return tuple(map(_is_slot, self.segments))

    def arguments(self, path: Sequence[str], asked: Asked) -> dict[str, Any]:
        """The arguments that a request which `fits` spells. Raises ToolFault `bad-arguments`: also for a query member
        that the operation does not have, which a server might still read. Headers and cookies that it does not have
        are the client's own affairs and go nowhere."""
        found: dict[tuple[str, str], list[str]] = {}
        for own, segment in zip(self.segments, path, strict=True):
            if _is_slot(own):
                found["path", own[1:-1]] = [decoded(segment)]
        for name, value in members(asked.query):
            found.setdefault(("query", name), []).append(value)
        for name, value in asked.headers:
            if name == "cookie":
                for pair in value.split(";"):
                    word, _, text = pair.strip(" ").partition("=")
                    found.setdefault(("cookie", word), []).append(text)
            else:
                found.setdefault(("header", name), []).append(value)
        arguments = {}
        for parameter in self.parameters:
            name = parameter.name.lower() if parameter.place == "header" else parameter.name
            words = found.pop((parameter.place, name), None)
            if words is not None:
                arguments[parameter.name] = argument(parameter, words)
        if any(place == "query" for place, _ in found):
            raise ToolFault("bad-arguments", "the query has a member that the operation does not have")
        if asked.body:
            arguments[BODY] = _read_body(self.body, asked)
        return arguments

    @property
    def _names(self) -> frozenset[str]:
        return frozenset(parameter.name for parameter in self.parameters) | ({BODY} if self.body else frozenset())

    @property
    def _required(self) -> frozenset[str]:
        names = frozenset(parameter.name for parameter in self.parameters if parameter.required)
        return names | ({BODY} if self.body is not None and self.body.required else frozenset())


@dataclass(frozen=True, slots=True)
class Posted:
    """A tool at one path that takes whatever arguments as its JSON body; a policy's catalogue says which."""

    tool: str
    path: str

    @property
    def described(self) -> Mapping[str, Any]:
        return {"name": self.tool, "description": "", "inputSchema": {"type": "object"}}

    def request(self, base: Url, arguments: Mapping[str, Any]) -> Request:
        return Request(
            "POST", replace(base, path=base.path.rstrip("/") + self.path), (), strict_json.encode({**arguments})
        )


@dataclass(frozen=True, slots=True)
class Fetch:
    """GET of a URL that the agent names. No credentials go with it."""

    tool: str = "fetch"

    @property
    def described(self) -> Mapping[str, Any]:
        schema = {
            "type": "object",
            "properties": {"url": {"type": "string"}},
            "required": ["url"],
            "additionalProperties": False,
        }
        about = "Get what stands at a URL: JSON or text."
        return {"name": self.tool, "description": about, "inputSchema": schema, "annotations": {"readOnlyHint": True}}

    def request(self, base: Url, arguments: Mapping[str, Any]) -> Request:
        url = _known(arguments, frozenset({"url"}), frozenset({"url"}))["url"]
        if not isinstance(url, str):
            raise ToolFault("bad-arguments", "`url` is a text")
        return Request("GET", read_url(url))


def placed(operations: Sequence[Operation], asked: Asked) -> tuple[Operation, dict[str, Any]] | None:
    """The operation that a request is one of, and its arguments. None where there is none. Raises ToolFault."""
    check_path(asked.path)
    path = asked.path.split("/")[1:]
    fitting = sorted((operation for operation in operations if operation.fits(asked.method, path)), key=_by_slots)
    return (fitting[0], fitting[0].arguments(path, asked)) if fitting else None


def _by_slots(operation: Operation) -> tuple[bool, ...]:
    return operation.slots


def _is_slot(segment: str) -> bool:
    return segment.startswith("{")


def is_parameter(segment: str) -> bool:
    """Whether a segment of a path is one parameter and nothing else."""
    return _PARAMETER.fullmatch(segment) is not None


def _fits(rival: Sequence[str], path: Sequence[str]) -> bool:
    """As a server reads the path: decoded, and without regard to case, as Express and ASP.NET route."""
    return all(_could_be(own.lower(), unquote(asked).lower()) for own, asked in zip(rival, path, strict=True))


def _could_be(own: str, asked: str) -> bool:
    first, *others = _PARAMETER.split(own)
    if not others:
        return own == asked
    if not asked.startswith(first):
        return False
    at = len(first)
    for text in others[:-1]:
        at = asked.find(text, at) + len(text)
        if at < len(text):
            return False
    return asked.endswith(others[-1]) and at + len(others[-1]) <= len(asked)


def _known(arguments: Mapping[str, Any], required: frozenset[str], names: frozenset[str]) -> Mapping[str, Any]:
    if not arguments.keys() <= names:
        raise ToolFault("bad-arguments", "there is an argument that the tool does not have")
    for name in sorted(required - arguments.keys()):
        raise ToolFault("bad-arguments", f"the argument `{name}` is missing")
    return arguments


# --- bodies -----------------------------------------------------------------------------------------------------------


def _body(kind: BodyKind, value: Any) -> bytes:
    match kind.kind:
        case "json":
            return strict_json.encode(value)
        case "text":
            if not isinstance(value, str):
                raise ToolFault("bad-arguments", "`body` is a text")
            return value.encode()
        case "form":
            return _form(value).encode("ascii")


def _form(value: Any) -> str:
    if not isinstance(value, dict):
        raise ToolFault("bad-arguments", "`body` holds the members of a form")
    parts = []
    for name, item in value.items():
        if name == METHOD_MEMBER:
            raise ToolFault("bad-arguments", f"a member `{name}` of a form can change the method")
        if item == []:
            raise ToolFault("bad-arguments", "an empty list cannot stand in a form")
        for one in item if isinstance(item, list) else [item]:
            if one is None or isinstance(one, dict | list):
                raise ToolFault("bad-arguments", "a member of a form is a text, a number or a list of them")
            text = one if isinstance(one, str) else strict_json.encode(one).decode("ascii")
            parts.append(f"{quote(name, safe='')}={quote(text, safe='')}")
    return "&".join(parts)


def _read_body(kind: BodyKind | None, asked: Asked) -> Any:
    """A body as the argument that it spells. A form has texts alone, so only JSON and text are read here."""
    sent = asked.content_type.partition(";")[0].strip().lower()
    if kind is None or kind.kind == "form" or sent != kind.content_type:
        raise ToolFault("bad-arguments", "the operation takes no body of this type here")
    try:
        return strict_json.parse(asked.body) if kind.kind == "json" else asked.body.decode("utf-8")
    except (StrictJsonError, UnicodeDecodeError):
        raise ToolFault("bad-arguments", "the body cannot be read") from None
