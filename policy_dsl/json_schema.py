"""JSON Schema -> Type: what a tool's declared parameters say about the shape of its arguments.

Theory. A schema is a conjunction: `type`, the object keywords, `enum`, `anyOf`, `allOf`, `$ref` each narrow what fits.
So each keyword is read to a type of its own and the types are intersected. Past a limit (size, depth, alternatives, a
reference to itself) the answer is `Anything` with the reason, which `check` reports: it is safe to know less, because
rules and signatures are still applied to the real value.

Keywords that say nothing about shape (minLength, pattern, format, minimum, description, default ...) are ignored, as
are `not`, `if` and `dependent*`: reading them as absent only makes a type wider. In one place a type is narrower than
its schema: `properties` or `items` without `type` is read as an object or a list, which every such tool means.
The keywords' meaning is that of JSON Schema 2020-12; list-valued `items` is draft-07, `nullable` is OpenAPI 3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from .errors import PolicyError, quoted
from .types import (
    ANYTHING,
    NOTHING,
    NULL,
    Anything,
    Boolean,
    Integer,
    ListOf,
    Member,
    Number,
    Object,
    Text,
    Type,
    Union,
    Values,
    conforms,
    path_name,
    union,
)

MAX_NODES = 5_000
"""Schemas read for one tool before the rest is Anything. Mutually recursive definitions expand factorially; the largest
tool of AgentDojo, AgentDyn and tau-bench has 28."""

MAX_DEPTH = 64
"""As deep as the strict JSON parser reads."""

MAX_OPTIONS = 256
"""Options of an intersection of two unions before it is Anything."""


class CatalogueError(PolicyError):
    """A tool list that cannot be read. `place` is where: `tools[3].inputSchema.properties.to`; `path` is the file."""

    def __init__(self, fault: str, *, place: str = "", path: str = "<tools>", help: str | None = None) -> None:
        super().__init__(f"{place}: {fault}" if place else fault, code="catalogue", path=path, help=help)
        self.fault = fault
        self.place = place

    def at(self, path: str) -> CatalogueError:
        """The same error, found in this file."""
        return CatalogueError(self.fault, place=self.place, path=path, help=self.help)


_NAMED: dict[object, Type] = {
    "string": Text(),
    "number": Number(),
    "integer": Integer(),
    "boolean": Boolean(),
    "null": NULL,
    "array": ListOf(ANYTHING),
    "object": Object({}, closed=False, free=True),
}
_OBJECT_KEYWORDS = frozenset({"properties", "required", "additionalProperties", "patternProperties"})
_LIST_KEYWORDS = frozenset({"items", "prefixItems"})


def from_json_schema(schema: object, *, place: str = "parameters") -> Type:
    """The type of the values that `schema` accepts, or a wider one. `$ref` is resolved inside `schema` only.

    Raises CatalogueError where a keyword holds what no draft of JSON Schema allows there; `place` starts its path.
    """
    return _Reader(schema).read(schema, place, frozenset(), 0)


@dataclass(slots=True)
class _Reader:
    root: object
    nodes: int = field(default=0)

    def read(self, schema: object, place: str, following: frozenset[str], depth: int) -> Type:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            return Anything(f"the schema expands to more than {MAX_NODES} parts")
        if depth > MAX_DEPTH:
            return Anything(f"the schema is nested deeper than {MAX_DEPTH}")
        if isinstance(schema, bool):
            return ANYTHING if schema else NOTHING
        if not isinstance(schema, Mapping):
            raise CatalogueError("a schema is an object, true or false", place=place)
        found: Type = self._own(schema, place, following, depth)
        if "$ref" in schema:
            found = intersect(found, self._reference(schema["$ref"], place, following, depth))
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                found = intersect(found, union(self._branches(schema, keyword, place, following, depth)))
        if "allOf" in schema:
            for branch in self._branches(schema, "allOf", place, following, depth):
                found = intersect(found, branch)
        if schema.get("unevaluatedProperties") is False and isinstance(found, Object):
            found = replace(found, closed=True)
        if schema.get("nullable") is True:
            found = union([found, NULL])
        return found

    def _own(self, schema: Mapping[str, object], place: str, following: frozenset[str], depth: int) -> Type:
        """`type` with the keywords that belong to it, `enum` and `const`."""
        found = self._typed(schema, place, following, depth)
        if "enum" in schema:
            listed = schema["enum"]
            if not isinstance(listed, list):
                raise CatalogueError("`enum` is a list of values", place=f"{place}.enum")
            found = intersect(found, _values(listed))
        if "const" in schema:
            found = intersect(found, _values([schema["const"]]))
        return found

    def _typed(self, schema: Mapping[str, object], place: str, following: frozenset[str], depth: int) -> Type:
        declared = schema.get("type")
        if declared is None:
            names: list[object] = []
            if _OBJECT_KEYWORDS & schema.keys():
                names.append("object")
            elif _LIST_KEYWORDS & schema.keys():
                names.append("array")
            else:
                return ANYTHING
        else:
            names = declared if isinstance(declared, list) else [declared]
        options: list[Type] = []
        for name in names:
            if not isinstance(name, str):
                raise CatalogueError("`type` is a name or a list of names", place=f"{place}.type")
            if name == "object":
                options.append(self._object(schema, place, following, depth))
            elif name == "array":
                options.append(self._list(schema, place, following, depth))
            else:
                options.append(_NAMED.get(name, Anything(f"{quoted(name)} is no type of JSON Schema")))
        return union(options)

    def _object(self, schema: Mapping[str, object], place: str, following: frozenset[str], depth: int) -> Type:
        properties = schema.get("properties", {})
        if not isinstance(properties, Mapping):
            raise CatalogueError("`properties` is an object", place=f"{place}.properties")
        required = schema.get("required", [])
        if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
            raise CatalogueError("`required` is a list of names", place=f"{place}.required")
        further = schema.get("additionalProperties", True)
        free = "patternProperties" in schema or "additionalProperties" in schema or "properties" not in schema
        closed = further is False and "patternProperties" not in schema
        rest: Type = ANYTHING
        if not isinstance(further, bool) and "patternProperties" not in schema:
            rest = self.read(further, f"{place}.additionalProperties", following, depth + 1)
        members: dict[str, Member] = {}
        for name, inner in properties.items():
            kind = self.read(inner, f"{place}.properties.{path_name(str(name))}", following, depth + 1)
            members[name] = Member(kind, name in required)
        for name in required:
            members.setdefault(name, Member(NOTHING if closed else rest, True))
        return Object(members, closed, rest, free=free and not closed)

    def _list(self, schema: Mapping[str, object], place: str, following: frozenset[str], depth: int) -> Type:
        items = schema.get("items", True)
        if "prefixItems" in schema or isinstance(items, list):
            return ListOf(Anything("the schema types a list position by position"))
        return ListOf(self.read(items, f"{place}.items", following, depth + 1))

    def _branches(
        self, schema: Mapping[str, object], keyword: str, place: str, following: frozenset[str], depth: int
    ) -> list[Type]:
        branches = schema[keyword]
        if not isinstance(branches, list) or not branches:
            raise CatalogueError(f"`{keyword}` is a list of schemas", place=f"{place}.{keyword}")
        return [
            self.read(branch, f"{place}.{keyword}[{index}]", following, depth + 1)
            for index, branch in enumerate(branches)
        ]

    def _reference(self, reference: object, place: str, following: frozenset[str], depth: int) -> Type:
        if not isinstance(reference, str):
            raise CatalogueError("`$ref` is text", place=f"{place}.$ref")
        if reference in following:
            return Anything(f"{quoted(reference)} refers to itself")
        target = self._target(reference)
        if target is None:
            return Anything(f"{quoted(reference)} is not defined in this schema")
        return self.read(target, place, following | {reference}, depth + 1)

    def _target(self, reference: str) -> object | None:
        """What a local JSON Pointer (RFC 6901) in a fragment names; None where it names nothing or another document."""
        if reference != "#" and not reference.startswith("#/"):
            return None
        found: object = self.root
        for step in reference.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                return None
            found = found[name]
        return found


def _values(listed: list[object]) -> Type:
    scalars: list[str | int | Decimal | bool | None] = []
    for value in listed:
        exact = Decimal(repr(value)) if isinstance(value, float) else value
        if not (exact is None or isinstance(exact, str | int | Decimal)):
            return Anything("an `enum` or `const` lists an object or a list")
        scalars.append(exact)
    return Values(tuple(scalars)) if scalars else NOTHING


def intersect(left: Type, right: Type) -> Type:
    """The type of the values that fit both."""
    if isinstance(left, Anything):
        return right if left.because is None or not isinstance(right, Anything) else left
    if isinstance(right, Anything) or left == right:
        return left
    if isinstance(left, Union) or isinstance(right, Union):
        ours, theirs = _options(left), _options(right)
        if len(ours) * len(theirs) > MAX_OPTIONS:
            return Anything(f"the schema has more than {MAX_OPTIONS} alternatives")
        return union([intersect(one, other) for one in ours for other in theirs])
    if isinstance(left, Values):
        return _listed(left, right)
    if isinstance(right, Values):
        return _listed(right, left)
    if isinstance(left, ListOf) and isinstance(right, ListOf):
        return ListOf(intersect(left.item, right.item))
    if isinstance(left, Object) and isinstance(right, Object):
        return _both_objects(left, right)
    if {type(left), type(right)} == {Integer, Number}:
        return Integer()
    return NOTHING


def _options(declared: Type) -> tuple[Type, ...]:
    return declared.options if isinstance(declared, Union) else (declared,)


def _listed(values: Values, other: Type) -> Type:
    kept = tuple(value for value in values.values if conforms(value, other) is None)
    return Values(kept) if kept else NOTHING


def _both_objects(left: Object, right: Object) -> Object:
    members: dict[str, Member] = {}
    for name in [*left.members, *(name for name in right.members if name not in left.members)]:
        ours, theirs = _member(left, name), _member(right, name)
        members[name] = Member(intersect(ours.type, theirs.type), ours.required or theirs.required)
    closed = left.closed or right.closed
    free = left.free and right.free and not closed
    return Object(members, closed, intersect(left.rest, right.rest), free=free)


def _member(declared: Object, name: str) -> Member:
    return declared.members.get(name) or Member(NOTHING if declared.closed else declared.rest, False)


def as_arguments(declared: Type) -> tuple[Object, str | None]:
    """The type as a tool's parameters, which are one object, and why it is wider than declared (None: it is not).

    Alternatives of objects become one object: a member is required where all of them require it.
    """
    if isinstance(declared, Object):
        return declared, None
    objects = [option for option in _options(declared) if isinstance(option, Object)]
    if not objects:
        because = declared.because if isinstance(declared, Anything) else None
        return Object({}, closed=False, free=True), because or "the parameters are no object"
    names = dict.fromkeys(name for option in objects for name in option.members)
    members = {
        name: Member(
            union([_member(option, name).type for option in objects]),
            all(_member(option, name).required for option in objects),
        )
        for name in names
    }
    closed = all(option.closed for option in objects)
    rest = union([option.rest for option in objects if not option.closed]) if not closed else ANYTHING
    free = all(option.free for option in objects)
    return Object(members, closed, rest, free=free), "the parameters have alternatives, which are read as one object"
