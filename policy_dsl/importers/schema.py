"""JSON Schema 2020-12 as conditions of this language, keyword by keyword (`_KEYWORDS`).

Each keyword says something about values of one type and nothing about the others, so it is read to a Table (typed.py);
keywords of one schema are joined with `and`. A keyword that our conditions cannot say is refused with its place, one
that says nothing (`title`, `format`, an unknown word) is passed over with a note: Progent, whose schemas these are,
passed over it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, cast

from ..ast import (
    Argument,
    Compare,
    Condition,
    Element,
    IfThen,
    IsType,
    Json,
    JsonType,
    LengthOf,
    ListLiteral,
    Literal,
    Matches,
    MultipleOf,
    NamedArgument,
    Presence,
    Quantified,
    Scalar,
    Signature,
)
from ..errors import quoted
from . import python_pattern
from .python_pattern import NoCounterpart
from .refusal import ImportRefused, pointer
from .typed import (
    ANYTHING,
    FALSE,
    KINDS,
    NOTHING,
    TRUE,
    Table,
    all_of,
    any_of,
    denied,
    kind_of,
    listed,
    none_of,
    one_of,
    only,
    pointwise,
    said,
    unless_absent,
)

OPEN: Final = Signature((), open=True)

Place = Argument | Element


@dataclass(frozen=True, slots=True)
class SchemaReader:
    """How schemas of one rule are read. `total`: see typed.py. `strict`: as the author most likely meant it, which is
    never wider: patterns hold for the whole text, and a keyword of one type asks for that type.

    `closes`: what stands at this place closes its objects by the rule's signature (`signature`), so that
    `additionalProperties: false` need not be a condition. `notes` gets what was passed over; `document` is what
    refusals call the source, `depth` counts the quantifiers around.
    """

    document: str
    total: bool
    strict: bool = False
    closes: bool = False
    depth: int = 0
    notes: dict[str, None] = field(default_factory=dict)

    def condition(self, schema: Json, operand: Place, at: str) -> Condition:
        """What the schema asks of a value that is there."""
        return said(self.table(schema, operand, at), operand, total=self.total)

    def table(self, schema: Json, operand: Place, at: str) -> Table:
        if isinstance(schema, bool):
            return ANYTHING if schema else NOTHING
        if not isinstance(schema, dict):
            raise self.refused("a schema is an object, true or false", at)
        tables: list[Table] = []
        for keyword, value in schema.items():
            place = pointer(at, keyword)
            if keyword in _KEYWORDS:
                tables.append(_KEYWORDS[keyword](self, value, _Site(operand, schema, place)))
            elif keyword in _REFUSED and value is not False:
                raise self.refused(f"{quoted(keyword)} cannot be said", place, _REFUSED[keyword])
            elif keyword == "format":
                self.note(f"`format: {value}` was never looked at", at)
            elif keyword not in _ANNOTATIONS and keyword not in _REFUSED:
                self.note(f"{quoted(keyword)} is no keyword of JSON Schema and was never looked at", at)
        if self.strict and "type" not in schema:
            tables.append(_meant(schema))
        return pointwise(all_of, tables)

    def sub(self, **changes: object) -> SchemaReader:
        return replace(self, **{"closes": False, **changes})  # type: ignore[arg-type]  # names and types as declared

    def exactly(self) -> SchemaReader:
        """For what is denied, or decides which of two branches holds: no error may stand for false, and what is
        tightened there would widen the whole."""
        return self.sub(total=True, strict=False)

    def note(self, text: str, at: str) -> None:
        self.notes[f"{at}: {text}"] = None

    def refused(self, fault: str, at: str, help: str | None = None) -> ImportRefused:
        return ImportRefused(fault, path=self.document, place=at, help=help)


def signature(schema: Json) -> Signature | None:
    """The signature that closes an object argument as `additionalProperties: false` does; None where it stays open."""
    if (
        not isinstance(schema, dict)
        or schema.get("type") != "object"
        or schema.get("additionalProperties") is not False
    ):
        return None
    properties = schema.get("properties", {})
    names = properties if isinstance(properties, dict) else {}
    return Signature(
        tuple(NamedArgument(name, True, signature(inner) or OPEN) for name, inner in names.items()), open=False
    )


def _meant(schema: Mapping[str, Json]) -> Table:
    """The types that the keywords of a schema without `type` speak of; all where they speak of none."""
    meant = {kind for keyword in schema for kind in _SPEAKS_OF.get(keyword, ())}
    return {kind: TRUE if not meant or kind in meant else FALSE for kind in KINDS}


# --- keywords -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Site:
    """What a keyword looks at, the schema it stands in, and its own place."""

    operand: Place
    schema: Mapping[str, Json]
    at: str


_Keyword = Callable[[SchemaReader, Json, _Site], Table]


def _type(reader: SchemaReader, value: Json, site: _Site) -> Table:
    names = value if isinstance(value, list) else [value]
    table = dict(NOTHING)
    for name in names:
        if not isinstance(name, str) or name not in _TYPES:
            raise reader.refused(f"{quoted(str(name))} is no type of JSON Schema", site.at)
        kind = _TYPES[name]
        if name != "integer":
            table[kind] = TRUE
        elif table[kind] != TRUE:
            table[kind] = IsType(site.operand, JsonType.INTEGER)
    return table


def _enum(reader: SchemaReader, value: Json, site: _Site) -> Table:
    if not isinstance(value, list):
        raise reader.refused("`enum` is a list of values", site.at)
    table = dict(NOTHING)
    by_kind: dict[JsonType, list[Json]] = {}
    for item in value:
        by_kind.setdefault(kind_of(item), []).append(item)
    for kind, items in by_kind.items():
        if kind is JsonType.NULL or (kind is JsonType.BOOLEAN and {True, False} <= set(cast("list[bool]", items))):
            table[kind] = TRUE
        elif kind is JsonType.LIST:
            table[kind] = any_of(_equals_list(reader, cast("list[Json]", item), site) for item in items)
        elif kind is JsonType.OBJECT:
            raise reader.refused("a whole object to be equal to cannot be said", site.at, "use `properties`")
        else:
            table[kind] = listed(site.operand, cast("list[Scalar]", list(dict.fromkeys(cast("list[Scalar]", items)))))
    return table


def _equals_list(reader: SchemaReader, items: list[Json], site: _Site) -> Condition:
    if any(isinstance(item, list | dict) for item in items):
        raise reader.refused("a list of lists or objects to be equal to cannot be said", site.at)
    return Compare("==", site.operand, ListLiteral(tuple(Literal(cast(Scalar, item)) for item in items)))


def _const(reader: SchemaReader, value: Json, site: _Site) -> Table:
    return _enum(reader, [value], site)


def _pattern(reader: SchemaReader, value: Json, site: _Site) -> Table:
    if not isinstance(value, str):
        raise reader.refused("`pattern` is text", site.at)
    try:
        if reader.strict:
            return only(JsonType.TEXT, Matches(site.operand, python_pattern.whole(value)))
        return only(JsonType.TEXT, Matches(site.operand, python_pattern.search(value), search=True))
    except NoCounterpart as error:
        raise reader.refused(f"the pattern {quoted(value)}: {error}", site.at) from error


def _ordered(sign: str) -> _Keyword:
    def keyword(reader: SchemaReader, value: Json, site: _Site) -> Table:
        number = _number(reader, value, site)
        return only(JsonType.NUMBER, Compare(sign, site.operand, Literal(number)))  # type: ignore[arg-type]  # a sign

    return keyword


def _multiple(reader: SchemaReader, value: Json, site: _Site) -> Table:
    step = _number(reader, value, site)
    if step <= 0:
        raise reader.refused("`multipleOf` is above 0", site.at)
    return only(JsonType.NUMBER, MultipleOf(site.operand, step))


def _measured(kind: JsonType, sign: str, empty: int) -> _Keyword:
    """Characters, items or members counted; `empty` is the bound that says nothing."""

    def keyword(reader: SchemaReader, value: Json, site: _Site) -> Table:
        bound = _count(reader, value, site)
        if bound == empty:
            return ANYTHING
        if kind is JsonType.LIST and sign == "<=" and bound == 0:
            return only(kind, _is_empty(site.operand))
        return only(kind, Compare(sign, LengthOf(site.operand), Literal(bound)))  # type: ignore[arg-type]  # a sign

    return keyword


def _items(reader: SchemaReader, value: Json, site: _Site) -> Table:
    if "prefixItems" in site.schema and value is not True:
        raise reader.refused("`items` after `prefixItems` cannot be said", site.at)
    if isinstance(value, list):
        raise reader.refused("a list of schemas is `prefixItems` in JSON Schema 2020-12", site.at)
    each = _body(reader, value, site)
    if each.body == TRUE:
        return ANYTHING
    empty = _is_empty(site.operand)
    if reader.strict and each.body != FALSE:
        return only(JsonType.LIST, each)  # an empty list is let through where somebody says so
    return only(JsonType.LIST, empty if each.body == FALSE else any_of([empty, each]))


def _contains(reader: SchemaReader, value: Json, site: _Site) -> Table:
    least = _count(reader, site.schema.get("minContains", 1), site)
    if least == 0:
        return ANYTHING
    if least > 1:
        raise reader.refused("`minContains` above 1 cannot be said", site.at)
    some = replace(_body(reader, value, site), kind="any")
    if some.body in (TRUE, FALSE):
        return only(JsonType.LIST, FALSE if some.body == FALSE else denied(_is_empty(site.operand)))
    return only(JsonType.LIST, some)


def _body(reader: SchemaReader, schema: Json, site: _Site) -> Quantified:
    name = "it" if reader.depth == 0 else f"it{reader.depth + 1}"
    inner = reader.sub(depth=reader.depth + 1)
    return Quantified("each", site.operand, name, inner.condition(schema, Element(name), site.at))


def _prefix_items(reader: SchemaReader, value: Json, site: _Site) -> Table:
    conditions = []
    for index, inner in enumerate(_schemas(reader, value, site)):
        element = _inside(site.operand, index)
        condition = reader.sub().condition(inner, element, pointer(site.at, index))
        if condition != TRUE:
            conditions.append(any_of([Compare("<=", LengthOf(site.operand), Literal(index)), condition]))
    return only(JsonType.LIST, all_of(conditions))


def _properties(reader: SchemaReader, value: Json, site: _Site) -> Table:
    conditions = []
    for name, inner in _named(reader, value, site).items():
        member = _inside(site.operand, name)
        closing = reader.sub(closes=reader.closes and signature(inner) is not None)
        condition = closing.condition(inner, member, pointer(site.at, name))
        conditions.append(unless_absent(condition, member))
    return only(JsonType.OBJECT, all_of(conditions))


def _required(reader: SchemaReader, value: Json, site: _Site) -> Table:
    return only(JsonType.OBJECT, _there(reader, value, site))


def _there(reader: SchemaReader, value: Json, site: _Site) -> Condition:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise reader.refused("a list of names is expected", site.at)
    return none_of([Presence("absent", _inside(site.operand, cast(str, name))) for name in value])


def _dependent_required(reader: SchemaReader, value: Json, site: _Site) -> Table:
    conditions = [
        any_of([Presence("absent", _inside(site.operand, name)), _there(reader, names, site)])
        for name, names in _named(reader, value, site).items()
    ]
    return only(JsonType.OBJECT, all_of(conditions))


def _additional(reader: SchemaReader, value: Json, site: _Site) -> Table:
    if value is True or value == {}:
        return ANYTHING
    if value is False and reader.closes:
        return ANYTHING
    raise reader.refused(
        "`additionalProperties` cannot be said here",
        site.at,
        "only `false`, of an argument of type `object` in an allow, where the signature closes the object",
    )


def _all_of(reader: SchemaReader, value: Json, site: _Site) -> Table:
    return pointwise(all_of, _branches(reader.sub(), value, site))


def _any_of(reader: SchemaReader, value: Json, site: _Site) -> Table:
    return pointwise(any_of, _branches(reader.sub(), value, site))


def _one_of(reader: SchemaReader, value: Json, site: _Site) -> Table:
    return pointwise(one_of, _branches(reader.exactly(), value, site))


def _not(reader: SchemaReader, value: Json, site: _Site) -> Table:
    return pointwise(none_of, [reader.exactly().table(value, site.operand, site.at)])


def _if(reader: SchemaReader, value: Json, site: _Site) -> Table:
    test = reader.exactly().table(value, site.operand, site.at)
    around = site.at.rpartition("/")[0]
    then, otherwise = (
        reader.sub().table(site.schema[word], site.operand, pointer(around, word)) if word in site.schema else ANYTHING
        for word in ("then", "else")
    )
    return {kind: _branched(test[kind], then[kind], otherwise[kind]) for kind in KINDS}


def _branched(test: Condition, then: Condition, otherwise: Condition) -> Condition:
    if test in (TRUE, FALSE):
        return then if test == TRUE else otherwise
    if then == otherwise:
        return then
    if TRUE in (then, otherwise) or FALSE in (then, otherwise):
        return all_of([any_of([denied(test), then]), any_of([test, otherwise])])
    return IfThen(test, then, otherwise)


def _nothing(reader: SchemaReader, value: Json, site: _Site) -> Table:
    """Read with another keyword of the same schema."""
    return ANYTHING


# --- what keywords hold -----------------------------------------------------------------------------------------------


def _branches(reader: SchemaReader, value: Json, site: _Site) -> list[Table]:
    return [
        reader.table(schema, site.operand, pointer(site.at, index))
        for index, schema in enumerate(_schemas(reader, value, site))
    ]


def _schemas(reader: SchemaReader, value: Json, site: _Site) -> list[Json]:
    if not isinstance(value, list) or not value:
        raise reader.refused("a list of schemas is expected", site.at)
    return value


def _named(reader: SchemaReader, value: Json, site: _Site) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise reader.refused("an object is expected", site.at)
    return value


def _number(reader: SchemaReader, value: Json, site: _Site) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise reader.refused("a number is expected", site.at)
    return value


def _count(reader: SchemaReader, value: Json, site: _Site) -> int:
    number = _number(reader, value, site)
    if number != int(number) or number < 0:
        raise reader.refused("a whole number is expected", site.at)
    return int(number)


def _inside(operand: Place, step: str | int) -> Place:
    return replace(operand, path=(*operand.path, step))


def _is_empty(operand: Place) -> Condition:
    return Compare("==", operand, ListLiteral(()))


# --- tables ---------------------------------------------------------------------------------------------------------

_TYPES: Final = {
    "null": JsonType.NULL,
    "string": JsonType.TEXT,
    "number": JsonType.NUMBER,
    "integer": JsonType.NUMBER,
    "boolean": JsonType.BOOLEAN,
    "array": JsonType.LIST,
    "object": JsonType.OBJECT,
}

_KEYWORDS: Final[dict[str, _Keyword]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minLength": _measured(JsonType.TEXT, ">=", 0),
    "maxLength": _measured(JsonType.TEXT, "<=", -1),
    "minimum": _ordered(">="),
    "maximum": _ordered("<="),
    "exclusiveMinimum": _ordered(">"),
    "exclusiveMaximum": _ordered("<"),
    "multipleOf": _multiple,
    "items": _items,
    "prefixItems": _prefix_items,
    "contains": _contains,
    "minContains": _nothing,
    "minItems": _measured(JsonType.LIST, ">=", 0),
    "maxItems": _measured(JsonType.LIST, "<=", -1),
    "properties": _properties,
    "required": _required,
    "dependentRequired": _dependent_required,
    "additionalProperties": _additional,
    "minProperties": _measured(JsonType.OBJECT, ">=", 0),
    "maxProperties": _measured(JsonType.OBJECT, "<=", -1),
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "then": _nothing,
    "else": _nothing,
}

_REFUSED: Final[dict[str, str | None]] = {
    "uniqueItems": "no condition compares the items of one list with each other",
    "maxContains": "no condition counts the items that fit",
    "patternProperties": "no condition looks at the names of members",
    "propertyNames": "no condition looks at the names of members",
    "unevaluatedProperties": None,
    "unevaluatedItems": None,
    "dependentSchemas": "write it with `anyOf` and `required`",
    "dependencies": "write it with `dependentRequired`",
    "additionalItems": "it is `items` in JSON Schema 2020-12",
    "$ref": "write the schema out where it is used",
    "$dynamicRef": "write the schema out where it is used",
    "$recursiveRef": "write the schema out where it is used",
}

_ANNOTATIONS: Final = {
    *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
    *("$schema", "$id", "$anchor", "$comment", "$defs", "definitions"),
    *("contentEncoding", "contentMediaType", "contentSchema"),
}

_SPEAKS_OF: Final[dict[str, tuple[JsonType, ...]]] = {
    **dict.fromkeys(["pattern", "minLength", "maxLength", "format"], (JsonType.TEXT,)),
    **dict.fromkeys(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"], (JsonType.NUMBER,)),
    **dict.fromkeys(["items", "prefixItems", "contains", "minItems", "maxItems"], (JsonType.LIST,)),
    **dict.fromkeys(
        ["properties", "required", "additionalProperties", "minProperties", "maxProperties"], (JsonType.OBJECT,)
    ),
}
