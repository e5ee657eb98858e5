"""Tests against declared types: comparisons that can only be false or an error, and values that no enum lists.

A rule is about several tools at times. A test that fits some and not others is reported for the first it does not fit:
there an allow never matches and a forbid always does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from policy_dsl.ast import (
    Argument,
    Arithmetic,
    Compare,
    CounterValue,
    DerivedFrom,
    Element,
    FromResults,
    FromUser,
    Holds,
    IsType,
    JsonType,
    LengthOf,
    Like,
    ListLiteral,
    Literal,
    MailSet,
    Matches,
    Member,
    MultipleOf,
    NumberOf,
    Operand,
    Quantified,
    RangeSet,
    Runs,
    Scalar,
    SetLiteral,
    Span,
    Tally,
    Under,
    WebSet,
)
from policy_dsl.catalogue import Tool
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding
from policy_dsl.spelling import scalar
from policy_dsl.types import Type, Union, Values, conforms, describe, inside, json_kind, kinds, union

from .places import Elements, Leaf, each_test, operands, place_of, reads, show, type_of
from .subjects import LIST, NUMBER, TEXT, Kinds, Subject, subjects
from .suggestions import suggestion
from .survey import Survey, finding, members_of, resolved

SIZED: Kinds = frozenset({JsonType.TEXT, JsonType.LIST, JsonType.OBJECT})
SAID: Kinds = TEXT | NUMBER


@dataclass(frozen=True, slots=True)
class Reader:
    """One test read for one tool: the types its operands have there."""

    tool: Tool
    elements: Elements
    survey: Survey

    def type(self, operand: Operand) -> Type:
        return type_of(operand, self.elements, self.tool.parameters)

    def kinds(self, operand: Operand) -> Kinds:
        return kinds(self.type(operand))

    def knows(self, read: Iterable[Operand]) -> bool:
        """Whether the tool has everything that is read: unknown-argument speaks of the rest."""
        return all(self.kinds(value) for operand in read for value in reads(operand))

    def phrase(self, operand: Operand) -> str:
        """The operand and what it is: `amount` of `send_money` is a number."""
        match operand:
            case Literal(None):
                return "the other side is null"
            case Literal(value):
                return f"{quoted(scalar(value))} is {_KIND_WORDS[json_kind(value)]}"
            case ListLiteral():
                return "the other side is a list"
            case LengthOf():
                return "a length is a number"
            case Arithmetic():
                return "the result of arithmetic is a number"
            case NumberOf() | CounterValue() | Tally():
                return "the other side is a number"
            case Argument() | Element():
                place = place_of(operand, self.elements) or operand.path
                return f"{quoted(show(place))} of {quoted(self.tool.name)} is {describe(self.type(operand))}"
        return f"the other side is {describe(self.type(operand))}"


@dataclass(frozen=True, slots=True)
class Fault:
    span: Span
    message: str
    help: str | None = None


def type_mismatch(survey: Survey) -> Iterator[Finding]:
    return _found(survey, "type-mismatch", _mismatches, _misfits)


def unknown_value(survey: Survey) -> Iterator[Finding]:
    return _found(survey, "unknown-value", _unlisted, _never_listed)


def _found(
    survey: Survey,
    code: str,
    look: Callable[[Leaf | Quantified, Reader], Iterator[Fault]],
    look_beside: Callable[[Subject, Reader], Iterator[Fault]],
) -> Iterator[Finding]:
    for subject in subjects(survey):
        for tested in each_test(subject.condition):
            for tool in subject.tools:
                reader = Reader(tool, tested.elements, survey)
                faults = list(look(tested.node, reader)) if reader.knows(operands(tested.node)) else []
                for fault in faults:
                    yield finding(subject.file, code, fault.span, fault.message, fault.help)
                if faults:
                    break
        for tool in subject.tools if subject.parts else ():
            faults = list(look_beside(subject, Reader(tool, {}, survey)))
            for fault in faults:
                yield finding(subject.file, code, fault.span, fault.message, fault.help)
            if faults:
                break


def _mismatches(node: Leaf | Quantified, reader: Reader) -> Iterator[Fault]:
    for operand in operands(node):
        yield from _inner(operand, reader)
    match node:
        case Compare(op="==" | "!=") as compare:
            yield from _never_equal(compare, reader)
        case Compare(op=op, left=left, right=right):
            yield from _needs(left, NUMBER, f"`{op}` compares numbers", reader)
            yield from _needs(right, NUMBER, f"`{op}` compares numbers", reader)
        case Member():
            yield from _never_in(node, reader)
        case Holds():
            yield from _never_holds(node, reader)
        case IsType(operand, asked):
            kind = JsonType.NUMBER if asked is JsonType.INTEGER else asked
            if kind not in reader.kinds(operand):
                yield Fault(node.span, f"{reader.phrase(operand)}, so it is never {asked.value}")
        case Matches(operand, search=True):
            yield from _needs(operand, TEXT, "`contains` a pattern reads text", reader)
        case Matches(operand) | Like(operand) | Under(operand) | Runs(_, operand):
            yield from _needs(operand, TEXT, f"{_WORDS[type(node)]} reads text", reader)
        case FromUser(operand):
            yield from _needs(operand, SAID, "`from user` looks for a text or a number", reader)
        case FromResults(operand):
            yield from _needs(operand, SAID, "`from results of` looks for a text or a number", reader)
        case DerivedFrom(operand):
            yield from _needs(operand, SAID, "`derived from` looks for a text or a number", reader)
        case MultipleOf(operand):
            yield from _needs(operand, NUMBER, "`is multiple of` divides numbers", reader)
        case Quantified(kind, source):
            yield from _needs(source, LIST, f"`{kind} of` goes through a list", reader)


def _misfits(subject: Subject, reader: Reader) -> Iterator[Fault]:
    """What stands outside any test: amounts that a counter adds, places that a rewrite writes."""
    for part in subject.parts:
        if reader.knows([part.operand]):
            yield from _inner(part.operand, reader)
            if part.wanted is not None:
                yield from _needs(part.operand, part.wanted, part.because, reader)
    for change in subject.sets:
        place = Argument(change.path, change.span)
        if reader.knows([place, change.value]) and not reader.kinds(place) & reader.kinds(change.value):
            message = f"{reader.phrase(place)}, {reader.phrase(change.value)}: the tool's schema refuses the call"
            yield Fault(change.value.span, message, _unquote(change.value, reader.kinds(place)))


def _inner(operand: Operand, reader: Reader) -> Iterator[Fault]:
    match operand:
        case LengthOf(measured):
            yield from _needs(measured, SIZED, "`length of` measures text, a list or an object", reader)
        case NumberOf(spelled):
            yield from _inner(spelled, reader)
            yield from _needs(spelled, TEXT, "`number of` reads text", reader)
        case Arithmetic(op, left, right):
            for side in (left, right):
                yield from _inner(side, reader)
                yield from _needs(side, NUMBER, f"`{op}` takes numbers", reader)


def _needs(operand: Operand, wanted: Kinds, rule: str, reader: Reader) -> Iterator[Fault]:
    if not reader.kinds(operand) & wanted:
        yield Fault(operand.span, f"{reader.phrase(operand)}, but {rule}", _unquote(operand, wanted))


def _unquote(operand: Operand, wanted: Kinds) -> str | None:
    if isinstance(operand, Literal) and isinstance(operand.value, str) and wanted == NUMBER:
        return "write the number without quotes"
    return None


def _never_equal(node: Compare, reader: Reader) -> Iterator[Fault]:
    left, right = node.left, node.right
    if reader.kinds(left) & reader.kinds(right):
        return
    side = right if isinstance(right, Literal | ListLiteral) else left
    help = None
    if isinstance(side, Literal):
        wanted = reader.kinds(left if side is right else right)
        help = _unquote(side, wanted) or ("write the text in quotes" if wanted == TEXT else None)
    yield Fault(side.span, f"{reader.phrase(left)}, {reader.phrase(right)}: they are never equal", help)


def _never_in(node: Member, reader: Reader) -> Iterator[Fault]:
    match resolved(node.within, reader.survey.sets):
        case RangeSet():
            yield from _needs(node.operand, NUMBER, "a range holds numbers", reader)
        case MailSet():
            yield from _needs(node.operand, TEXT, "a mail address is text", reader)
        case WebSet():
            yield from _needs(node.operand, TEXT, "a URL is text", reader)
        case SetLiteral() as literal:
            values = members_of(literal, reader.survey.sets)
            if values and not any(json_kind(value) in reader.kinds(node.operand) for value in values):
                held = " and ".join(dict.fromkeys(_MANY_WORDS[json_kind(value)] for value in values))
                yield Fault(node.within.span, f"{reader.phrase(node.operand)}, but this set holds {held}")


def _never_holds(node: Holds, reader: Reader) -> Iterator[Fault]:
    wanted = TEXT | LIST if node.kind == "contains" else TEXT
    rule = "looks into text or a list" if node.kind == "contains" else "reads text"
    yield from _needs(node.operand, wanted, f"`{node.kind}` {rule}", reader)
    held = reader.type(node.operand)
    sought = frozenset[JsonType]()
    for option in held.options if isinstance(held, Union) else (held,):
        if JsonType.TEXT in kinds(option):
            sought |= TEXT
        if JsonType.LIST in kinds(option) and node.kind == "contains":
            sought |= kinds(inside(option, 0))
    if sought and not reader.kinds(node.part) & sought:
        message = f"{reader.phrase(node.part)}, {reader.phrase(node.operand)}: it is never found there"
        yield Fault(node.part.span, message, _unquote(node.part, sought))


def _unlisted(node: Leaf | Quantified, reader: Reader) -> Iterator[Fault]:
    match node:
        case Compare(op="==" | "!=", left=left, right=Literal() as right):
            yield from _not_listed(left, [right.value], right.span, reader)
        case Compare(op="==" | "!=", left=Literal() as left, right=right):
            yield from _not_listed(right, [left.value], left.span, reader)
        case Member(operand=operand, within=within):
            literal = resolved(within, reader.survey.sets)
            if isinstance(literal, SetLiteral):
                yield from _not_listed(operand, members_of(literal, reader.survey.sets), within.span, reader)
        case Holds(kind="contains", operand=operand, part=Literal() as part):
            yield from _not_listed(operand, [part.value], part.span, reader, element=True)


def _never_listed(subject: Subject, reader: Reader) -> Iterator[Fault]:
    for change in subject.sets:
        if isinstance(change.value, Literal):
            yield from _not_listed(Argument(change.path, change.span), [change.value.value], change.value.span, reader)


def _not_listed(
    operand: Operand, values: list[Scalar], span: Span, reader: Reader, element: bool = False
) -> Iterator[Fault]:
    """Values of a kind that the type has, none of which it lists. Only where the type lists all values of the kind."""
    declared = reader.type(operand)
    if element:
        declared = inside(declared, 0)
    listed = [value for option in _options(declared) if isinstance(option, Values) for value in option.values]
    if not listed or isinstance(operand, Literal):
        return
    for value in values:
        if json_kind(value) in kinds(declared) and conforms(value, declared) is not None:
            names = [item if isinstance(item, str) else scalar(item) for item in listed]
            yield Fault(
                span,
                f"{reader.phrase(operand)}, never {quoted(scalar(value))}",
                suggestion(value, names, "its values") if isinstance(value, str) else None,
            )


def _options(declared: Type) -> tuple[Type, ...]:
    whole = union([declared])
    return whole.options if isinstance(whole, Union) else (whole,)


_WORDS: dict[type, str] = {Matches: "`matches`", Like: "`like`", Under: "`under`", Runs: "`runs`"}
_KIND_WORDS: dict[JsonType | None, str] = {
    JsonType.TEXT: "text",
    JsonType.NUMBER: "a number",
    JsonType.BOOLEAN: "true or false",
    JsonType.NULL: "null",
    JsonType.LIST: "a list",
    JsonType.OBJECT: "an object",
    None: "no value of JSON",
}
_MANY_WORDS: dict[JsonType | None, str] = {**_KIND_WORDS, JsonType.NUMBER: "numbers", JsonType.BOOLEAN: "booleans"}
