"""The catalogue: which tools there are and what arguments each takes. What `use tools` names, or an MCP server pins.

The catalogue is the authority, so it is read as strictly as a policy: one file, strict JSON, two shapes of tool. A tool
that a request offers is compared with it by `Tool.same_interface`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import cast

from . import strict_json
from .ast import Json
from .errors import quoted
from .json_schema import MAX_DEPTH, CatalogueError, as_arguments, from_json_schema
from .types import Object

MAX_BYTES = 8 * 1024 * 1024
"""Largest tool file read. The largest public MCP server lists are below 1 MB."""

MAX_NAME = 256
"""Longest tool name, in characters. OpenAI stops at 64, MCP (2025-11-25) at 128."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `server` is None where the list does not say: then it stands for the tool of that name at any server.

    `not_understood` is why `parameters` is wider than declared, None where it is exact about shape. `read_only` is
    what MCP's `readOnlyHint` claims: a hint from the server, never a reason to allow. `digest` is `sha256:` over the
    canonical JSON of name, description and parameters, so that a changed description (tool poisoning) shows too.
    """

    name: str
    server: str | None
    description: str
    parameters: Object
    digest: str
    read_only: bool | None = None
    not_understood: str | None = None
    interface: bytes = field(default=b"", repr=False)

    @property
    def identity(self) -> str:
        return self.name if self.server is None else f"{self.server}/{self.name}"

    def same_interface(self, parameters: object) -> bool:
        """Whether parameters offered elsewhere are these: equal as JSON, whatever the order of members."""
        try:
            return _canonical(parameters) == self.interface
        except CatalogueError:
            return False


class Catalogue:
    """Tools by server and name, immutable. Empty: no authority, and calls are judged untyped."""

    __slots__ = ("_by_identity", "_by_name", "digest", "tools")

    def __init__(self, tools: Iterable[Tool]) -> None:
        self.tools: tuple[Tool, ...] = tuple(tools)
        self._by_identity: dict[tuple[str | None, str], Tool] = {}
        by_name: dict[str, list[Tool]] = {}
        for index, tool in enumerate(self.tools):
            if (tool.server, tool.name) in self._by_identity:
                raise CatalogueError(f"the tool {quoted(tool.identity)} is listed twice", place=f"tools[{index}]")
            self._by_identity[tool.server, tool.name] = tool
            by_name.setdefault(tool.name, []).append(tool)
        self._by_name = {name: tuple(found) for name, found in by_name.items()}
        listed = "\n".join(sorted(f"{tool.identity} {tool.digest}" for tool in self.tools))
        self.digest = f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}"

    @classmethod
    def from_tools(cls, tools: Sequence[Mapping[str, object]], server: str | None = None) -> Catalogue:
        """The catalogue of a list of OpenAI-style or MCP tools; `server` is where all of them live, if it is known."""
        if not isinstance(tools, list | tuple):
            raise CatalogueError("a tool list is a list of tools", help=_SHAPES)
        return cls(_read_tool(tool, f"tools[{index}]", server) for index, tool in enumerate(tools))

    @classmethod
    def read(cls, path: str | Path, server: str | None = None) -> Catalogue:
        """The catalogue in a file: strict JSON, a list of tools, at most 8 MiB. Raises only CatalogueError."""
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise CatalogueError(f"cannot be read: {error.strerror}", path=str(path)) from error
        try:
            return cls._parse(data, server)
        except CatalogueError as error:
            raise error.at(str(path)) from error

    @classmethod
    def _parse(cls, data: bytes, server: str | None) -> Catalogue:
        if len(data) > MAX_BYTES:
            raise CatalogueError(f"is larger than {MAX_BYTES} bytes")
        try:
            tools = strict_json.parse(data, numbers="kept")
        except strict_json.StrictJsonError as error:
            raise CatalogueError(f"is no strict JSON: {error}") from error
        return cls.from_tools(cast("list[Mapping[str, object]]", tools), server)

    @classmethod
    def merged(cls, catalogues: Iterable[Catalogue]) -> Catalogue:
        """All tools of all catalogues. A tool in two of them is kept once where both say the same, else an error."""
        tools: dict[tuple[str | None, str, str], Tool] = {}
        for catalogue in catalogues:
            for tool in catalogue.tools:
                tools.setdefault((tool.server, tool.name, tool.digest), tool)
        return cls(tools.values())

    def get(self, server: str | None, tool: str) -> Tool | None:
        """The tool that a call names. One listed without a server stands for any server, else only for its own."""
        return self._by_identity.get((server, tool)) or self._by_identity.get((None, tool))

    def named(self, tool: str) -> tuple[Tool, ...]:
        """All tools of that name, at whatever server."""
        return self._by_name.get(tool, ())

    def __len__(self) -> int:
        return len(self.tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self.tools)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalogue) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Catalogue({len(self.tools)} tools, {self.digest[:19]})"


_SHAPES = 'a tool is {"type": "function", "function": {"name", "parameters"}} or {"name", "inputSchema"}'


def _read_tool(tool: object, place: str, server: str | None) -> Tool:
    if not isinstance(tool, Mapping):
        raise CatalogueError("a tool is an object", place=place, help=_SHAPES)
    declared: Mapping[str, object] = tool
    if "function" in tool:
        place = f"{place}.function"
        if tool.get("type") != "function" or not isinstance(tool["function"], Mapping):
            raise CatalogueError("is no tool of type `function`", place=place, help=_SHAPES)
        declared = tool["function"]
    elif tool.get("type", "function") != "function":
        raise CatalogueError(
            f"tools of type {quoted(str(tool['type']))} have no schema to judge by", place=place, help=_SHAPES
        )
    name = _name(declared, place)
    description = declared.get("description", "")
    if not isinstance(description, str | None):
        raise CatalogueError("`description` is text", place=f"{place}.description")
    keyword, schema = _schema(declared, place)
    parameters, widened = as_arguments(from_json_schema(schema, place=f"{place}.{keyword}"))
    body = {"name": name, "description": description or "", "parameters": schema}
    return Tool(
        name=name,
        server=server,
        description=description or "",
        parameters=parameters,
        digest=f"sha256:{hashlib.sha256(_canonical(body)).hexdigest()}",
        read_only=_read_only(declared),
        not_understood=widened,
        interface=_canonical(schema),
    )


def _name(declared: Mapping[str, object], place: str) -> str:
    name = declared.get("name")
    if not isinstance(name, str) or not name:
        raise CatalogueError("`name` is missing", place=place, help=_SHAPES)
    if len(name) > MAX_NAME or not name.isprintable() or "/" in name:
        # `server/tool` is how a policy names a tool at a server: with a slash one tool could pass for another.
        raise CatalogueError(
            f"{quoted(name)} cannot name a tool",
            place=f"{place}.name",
            help=f"a name has up to {MAX_NAME} printable characters and no `/`",
        )
    return name


def _schema(declared: Mapping[str, object], place: str) -> tuple[str, object]:
    found = [keyword for keyword in ("parameters", "inputSchema") if declared.get(keyword) is not None]
    if len(found) > 1:
        raise CatalogueError("has both `parameters` and `inputSchema`", place=place, help=_SHAPES)
    if not found:
        if "inputSchema" in declared:
            raise CatalogueError("`inputSchema` is an object", place=f"{place}.inputSchema")
        # OpenAI: omitting `parameters` defines a function without arguments.
        return "parameters", {"type": "object", "properties": {}, "additionalProperties": False}
    return found[0], declared[found[0]]


def _read_only(declared: Mapping[str, object]) -> bool | None:
    annotations = declared.get("annotations")
    hint = annotations.get("readOnlyHint") if isinstance(annotations, Mapping) else None
    return hint if isinstance(hint, bool) else None


def _canonical(value: object) -> bytes:
    try:
        return strict_json.encode(_ordered(value, 0))
    except strict_json.StrictJsonError as error:
        raise CatalogueError(f"is no strict JSON: {error.message}") from error


def _ordered(value: object, depth: int) -> Json:
    """The value with members in order of name and each number in one spelling: 1.0 is 1."""
    if depth > 2 * MAX_DEPTH:
        raise CatalogueError("is nested too deep")
    if isinstance(value, Mapping):
        return {str(name): _ordered(value[name], depth + 1) for name in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_ordered(item, depth + 1) for item in value]
    if isinstance(value, float):
        # A tool list given in process may come from a lax parser.
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise CatalogueError("has a number that JSON does not know")
        return int(value) if value == value.to_integral_value() and value.adjusted() < _PLAIN_DIGITS else value
    if value is None or isinstance(value, str | int):
        return value
    raise CatalogueError("holds what JSON does not know")


_PLAIN_DIGITS = 15

EMPTY_CATALOGUE = Catalogue(())
