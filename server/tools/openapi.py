"""An OpenAPI 3.0 or 3.1 document -> the Operations that the gate can write and judge, and why the others are left out.

An operation is left out, not guessed at, where a required part of it is outside what `parameters` and `operations`
write: objects in queries, multipart bodies, path segments that are half a parameter. An optional part of that kind is
left out of the operation alone: nobody can send it. So is whatever the gate sends itself (credentials).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from policy_dsl import strict_json

from .documents import DocumentError, read_document
from .faults import ToolFault
from .operations import BODY, METHOD_MEMBER, BodyKind, Operation, is_parameter
from .parameters import Kind, Parameter, Place
from .urls import check_path

METHODS: Final = ("get", "put", "post", "delete", "patch")
"""`head`, `options` and `trace` say nothing that an agent needs, and `trace` sends credentials back."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@-]*|\{[^{}/]+\}")
_PARAMETER_NAME: Final = re.compile(r"[\x21-\x7e]{1,128}")
_COOKIE_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_PARAMETERS: Final = frozenset({"accept", "authorization", "content-type"})
"""OpenAPI 3.1, Parameter Object: definitions of these shall be ignored."""

_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-url",
        "x-real-ip",
        "x-rewrite-url",
    }
)
"""Framing and routing, and what changes the method after it was judged: never an agent's to write."""

_KINDS: Final[Mapping[str, Kind]] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}
_DEFAULT_STYLES: Final[Mapping[str, str]] = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_SCHEMAS: Final = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Offered:
    """`left_out` is `METHOD /path` to the reason."""

    operations: tuple[Operation, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


class _LeftOut(Exception):
    """Why an operation is left out."""


def read_openapi(
    document: Mapping[str, Any], owned: Set[tuple[str, str]] = frozenset(), others: Iterable[str] = ()
) -> Offered:
    """The operations of a document. `owned` are (`header` or `query`, name) that the gate sends itself, `others` the
    paths at which further tools of the same server stand.

    Raises DocumentError where the document as a whole is none, or two operations have one name.
    """
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith(("3.0.", "3.1.")):
        raise DocumentError("`openapi` is not 3.0 or 3.1")
    paths = document.get("paths", {})
    if not isinstance(paths, dict):
        raise DocumentError("`/paths` is no object")
    reader = _Reader(document, owned, tuple(tuple(path.split("/")[1:]) for path in (*paths, *others)))
    operations: dict[str, Operation] = {}
    left_out: dict[str, str] = {}
    places: set[tuple[str, tuple[str, ...]]] = set()
    for path, item in paths.items():
        for method, declared, shared in reader.methods(item):
            where = f"{method.upper()} {path}"
            try:
                operation = reader.operation(method, path, declared, shared)
            except _LeftOut as reason:
                left_out[where] = str(reason)
                continue
            if operation.tool in operations:
                raise DocumentError(f"two operations are called `{operation.tool}`")
            place = (operation.method, tuple("{}" if part.startswith("{") else part for part in operation.segments))
            if place in places:
                raise DocumentError(f"two operations stand at `{where}`")
            places.add(place)
            operations[operation.tool] = operation
    return Offered(tuple(operations.values()), left_out)


def tool_list(path: Path) -> bytes:
    """The tools of a document as `use tools` and `leastward scaffold --tools` read them. Raises DocumentError."""
    return strict_json.encode([dict(operation.described) for operation in read_openapi(read_document(path)).operations])


@dataclass(slots=True)
class _Reader:
    document: Mapping[str, Any]
    owned: Set[tuple[str, str]]
    templates: tuple[tuple[str, ...], ...]

    def methods(self, item: Any) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
        """(method, operation, parameters of the whole path)."""
        try:
            found = self.resolved(item)
        except _LeftOut:
            return
        shared = found.get("parameters", [])
        for method, declared in found.items():
            if method in METHODS and isinstance(declared, dict):
                yield method, declared, shared if isinstance(shared, list) else []

    def operation(self, method: str, path: str, declared: dict[str, Any], shared: list[Any]) -> Operation:
        if "servers" in declared:
            raise _LeftOut("it has a server of its own")
        segments = _segments(path)
        properties: dict[str, Any] = {}
        required: list[str] = []
        parameters = []
        own = declared.get("parameters", [])
        for parameter, schema in self.parameters([*shared, *(own if isinstance(own, list) else [])]):
            if parameter.name in properties or parameter.name == BODY:
                raise _LeftOut(f"two of its arguments would be called `{parameter.name}`")
            parameters.append(parameter)
            properties[parameter.name] = schema
            required += [parameter.name] if parameter.required else []
        slots = [segment[1:-1] for segment in segments if segment.startswith("{")]
        if sorted(slots) != sorted(parameter.name for parameter in parameters if parameter.place == "path"):
            raise _LeftOut("its path and its path parameters do not agree")
        body = self.body(declared.get("requestBody"))
        if body is not None:
            kind, properties[BODY] = body
            required += [BODY] if kind.required else []
        tool = _name(method, path, declared.get("operationId"))
        described = {
            "name": tool,
            "description": _about(declared),
            "inputSchema": self.closed(properties, required),
            "annotations": {"readOnlyHint": method == "get"},
        }
        return Operation(
            tool,
            method.upper(),
            segments,
            tuple(parameters),
            None if body is None else body[0],
            described,
            tuple(template for template in self.templates if _is_rival(segments, template)),
        )

    def parameters(self, declared: list[Any]) -> Iterator[tuple[Parameter, Any]]:
        """Those of the path and those of the operation, which come in place of equal ones (OpenAPI 3.1, Path Item)."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for one in declared:
            member = self.resolved(one)
            name, place = member.get("name"), member.get("in")
            if not isinstance(place, str) or place not in _DEFAULT_STYLES or not isinstance(name, str):
                raise _LeftOut("a parameter has no name or no place that the gate can write")
            if not _PARAMETER_NAME.fullmatch(name):
                raise _LeftOut("a parameter has no name or no place that the gate can write")
            found[place, name] = member
        for (place, name), member in found.items():
            lowered = name.lower()
            if (place, lowered if place == "header" else name) in self.owned:
                continue
            if place == "cookie" and ("header", "cookie") in self.owned:
                continue
            if place == "header" and lowered in _NOT_PARAMETERS:
                continue
            try:
                yield self.parameter(name, place, member)
            except _LeftOut:
                if place == "path" or member.get("required") is True:
                    raise

    def parameter(self, name: str, place: str, member: Mapping[str, Any]) -> tuple[Parameter, Any]:
        if place == "header" and name.lower() in _OURS:
            raise _LeftOut(f"its header `{name}` is not an agent's to write")
        if place == "query" and name == METHOD_MEMBER:
            raise _LeftOut(f"its parameter `{name}` can change the method")
        if place in ("header", "cookie") and not _COOKIE_NAME.fullmatch(name):
            raise _LeftOut("a header or cookie of it has no plain name")
        if "content" in member or member.get("allowReserved") is True:
            raise _LeftOut(f"its parameter `{name}` has a form that the gate does not write")
        schema = member.get("schema", {})
        style = member.get("style", _DEFAULT_STYLES[place])
        kind, many = self.kind(schema, name)
        exploded = member.get("explode", style == "form")
        if style != _DEFAULT_STYLES[place] or (many and place == "cookie"):
            raise _LeftOut(f"its parameter `{name}` has a form that the gate does not write")
        needed = place == "path" or member.get("required") is True
        return Parameter(name, cast(Place, place), kind, needed, many, exploded is True), schema

    def kind(self, schema: Any, name: str) -> tuple[Kind, bool]:
        """What texts of this schema spell; whether there are several."""
        found = self.resolved(schema)
        word = found.get("type")
        if isinstance(word, list):  # 3.1: `null` cannot be written, so it is no choice
            words = [one for one in word if one != "null"]
            word = words[0] if len(words) == 1 else None
        if word is None and isinstance(found.get("enum"), list) and all(isinstance(one, str) for one in found["enum"]):
            word = "string"
        if word == "array":
            kind, many = self.kind(found.get("items", {}), name)
            if not many:
                return kind, True
        elif isinstance(word, str) and word in _KINDS:
            return _KINDS[word], False
        raise _LeftOut(f"its parameter `{name}` has a form that the gate does not write")

    def body(self, declared: Any) -> tuple[BodyKind, Any] | None:
        if declared is None:
            return None
        found = self.resolved(declared)
        content = found.get("content")
        needed = found.get("required") is True
        for sent, media in (content if isinstance(content, dict) else {}).items():
            kind = _body_kind(sent)
            if kind is not None and isinstance(media, dict):
                return BodyKind(kind, sent.lower(), needed), media.get("schema", {})
        if needed:
            raise _LeftOut("its body is neither JSON nor text nor a plain form")
        return None

    def resolved(self, value: Any) -> dict[str, Any]:
        """The object itself, or the one that its `$ref` names in this document."""
        for _ in range(16):
            if not isinstance(value, dict):
                break
            if "$ref" not in value:
                return value
            value = self.at(value["$ref"])
        raise _LeftOut("a part of it is missing, stands elsewhere, or refers to itself")

    def at(self, pointer: Any) -> Any:
        if not isinstance(pointer, str) or not pointer.startswith("#/"):
            raise _LeftOut("a part of it stands in another document")
        value: Any = self.document
        for step in pointer[2:].split("/"):
            value = value.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(value, dict) else None
        return value

    def closed(self, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
        """The schema of the arguments, whole in itself: what it refers to comes along as `$defs`."""
        definitions: dict[str, Any] = {}
        rewritten = {name: self.moved(schema, definitions) for name, schema in properties.items()}
        schema = {"type": "object", "properties": rewritten, "required": required, "additionalProperties": False}
        return {**schema, "$defs": definitions} if definitions else schema

    def moved(self, schema: Any, definitions: dict[str, Any]) -> Any:
        if isinstance(schema, list):
            return [self.moved(one, definitions) for one in schema]
        if not isinstance(schema, dict):
            return schema
        pointer = schema.get("$ref")
        if not isinstance(pointer, str):
            return {name: self.moved(value, definitions) for name, value in schema.items()}
        if not pointer.startswith(_SCHEMAS) or "/" in pointer.removeprefix(_SCHEMAS):
            raise _LeftOut("a schema of it refers to something that is no schema of the document")
        name = pointer.removeprefix(_SCHEMAS)
        if name not in definitions:
            definitions[name] = {}  # a schema may hold itself
            definitions[name] = self.moved(self.at(pointer), definitions)
        beside = {key: self.moved(value, definitions) for key, value in schema.items() if key != "$ref"}
        return {**beside, "$ref": f"#/$defs/{name}"}


def _segments(path: str) -> tuple[str, ...]:
    segments = tuple(path.split("/")[1:])
    if not path.startswith("/") or not all(map(_SEGMENT.fullmatch, segments)):
        raise _LeftOut("its path has a segment that is not a plain word or a whole parameter")
    try:
        check_path("/".join(("", *(part for part in segments if not part.startswith("{")))))
    except ToolFault:
        raise _LeftOut("its path has empty or dot segments") from None
    return segments


def _is_rival(segments: tuple[str, ...], template: tuple[str, ...]) -> bool:
    """Whether a path can be one of both, and the other one is written, at least in part, where this one has a
    parameter."""
    if len(segments) != len(template):
        return False
    pairs = list(zip(segments, template, strict=True))
    return all("{" in own or "{" in other or own.lower() == other.lower() for own, other in pairs) and any(
        "{" in own and not is_parameter(other) for own, other in pairs
    )


def _name(method: str, path: str, operation_id: Any) -> str:
    if isinstance(operation_id, str) and _NAME.fullmatch(operation_id):
        return operation_id
    words = re.findall(r"[A-Za-z0-9]+", path)
    return "_".join((method, *words))[:128]


def _about(declared: Mapping[str, Any]) -> str:
    for name in ("summary", "description"):
        if isinstance(declared.get(name), str) and declared[name]:
            return cast(str, declared[name])
    return ""


def _body_kind(sent: Any) -> Any:
    if not isinstance(sent, str):
        return None
    word = sent.lower()
    if word == "application/json" or re.fullmatch(r"application/[a-z0-9.-]+\+json", word):
        return "json"
    return {"application/x-www-form-urlencoded": "form", "text/plain": "text"}.get(word)
