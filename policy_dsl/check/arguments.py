"""Argument names against the declared parameters, and against a rule's own signature: misspelt ones, forgotten ones,
objects left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy_dsl.ast import NamedArgument, Signature, Span
from policy_dsl.catalogue import Tool
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding
from policy_dsl.types import Anything, ListOf, Object, Type, Union, describe, inside, is_closed_throughout, kinds

from .places import EACH, Place, each_test, operands, place_of, readings, reads, show
from .subjects import Subject, subjects
from .suggestions import suggestion
from .survey import Survey, finding


def unknown_argument(survey: Survey) -> Iterator[Finding]:
    """A name that none of the tools has: in signatures and their member lists, and in everything that reads a call."""
    for site in survey.read:
        if site.tools and site.rule.signature is not None:
            owner = f"{quoted(site.tools[0].name)} has no argument"
            objects = [tool.parameters for tool in site.tools]
            for named, *said in _unknown_names(site.rule.signature, objects, owner, "arguments"):
                yield finding(site.file, "unknown-argument", name_span(named), *said)
    for subject in subjects(survey):
        for tools, place, span in _places(subject):
            faults = [place_fault(tool, place) for tool in tools]
            if faults and all(faults) and faults[0] is not None:
                yield finding(subject.file, "unknown-argument", span, *faults[0])


def _places(subject: Subject) -> Iterator[tuple[tuple[Tool, ...], Place, Span]]:
    """What is read, where it is written, and of which tools' calls."""
    read = [(value, place_of(value, {})) for part in subject.parts for value in reads(part.operand)]
    for tested in each_test(subject.condition):
        for operand in operands(tested.node):
            read += [(value, place_of(value, tested.elements)) for value in reads(operand)]
    for value, place in read:
        if place is not None:
            yield subject.tools, place, value.span
    for asked in subject.called:
        yield subject.calling, asked.path, asked.span


def required_unnamed(survey: Survey) -> Iterator[Finding]:
    """A closed signature without an argument that every call carries: the rule can grant nothing."""
    for site in survey.read:
        signature = site.rule.signature
        if signature is None or signature.open or not site.tools:
            continue
        names = {named.name for named in signature.arguments}
        left_out = [
            [name for name, member in tool.parameters.members.items() if member.required and name not in names]
            for tool in site.tools
        ]
        if all(left_out):
            missing = ", ".join(quoted(name) for name in left_out[0])
            yield finding(
                site.file,
                "required-unnamed",
                signature.span,
                f"every call of {quoted(site.tools[0].name)} carries {missing}, so this rule matches none",
                "name it, or write `...` to accept arguments that are not named",
            )


def tested_unnamed(survey: Survey) -> Iterator[Finding]:
    """A test of what the rule's closed signature leaves out, which no call it is asked about carries."""
    for site in survey.read:
        signature = site.rule.signature
        for reading in readings(site.condition) if signature is not None else ():
            found = _left_out(signature, reading.place)
            if found is None or reading.guarded(found[0]) or EACH in reading.place[len(found[0]) :]:
                continue  # the last: an element, whose list is read before it
            place, names = found
            if site.tools and all(place_fault(tool, place) for tool in site.tools):
                continue  # unknown-argument speaks of it
            says = (
                f"the signature of {site.called} leaves out {quoted(show(place))}, so no call that matches carries it"
            )
            what = "named arguments" if len(place) == 1 else "named members"
            help = suggestion(str(place[-1]), names, what)
            yield finding(site.file, "tested-unnamed", reading.operand.span, says, help)


def _left_out(signature: Signature | None, place: Place) -> tuple[Place, list[str]] | None:
    """The shortest start of the place that a closed signature does not name, and what it names there."""
    for index, step in enumerate(place):
        if signature is None or signature.open:
            return None
        if isinstance(step, str):
            named = {one.name: one for one in signature.arguments}
            if step not in named:
                return place[: index + 1], list(named)
            signature = named[step].members
    return None


def missing_member_list(survey: Survey) -> Iterator[Finding]:
    """A named argument that may hold an open object: as written, the rule matches only calls where it holds none."""
    for site in survey.read:
        for named in site.rule.signature.arguments if site.rule.signature else ():
            for tool in site.tools:
                declared = inside(tool.parameters, named.name)
                if named.members is None and objects_in(declared) and not is_closed_throughout(declared):
                    who = f"{quoted(named.name)} of {quoted(tool.name)}"
                    message = f"{who} can hold an object, and then the rule does not match"
                    help = _member_help(named.name, declared)
                    yield finding(site.file, "missing-member-list", named.span, message, help)
                    break


def _member_help(name: str, declared: Type) -> str:
    members = ", ".join(member for found in objects_in(declared) for member in found.members)
    return f"list its members, `{name}({members or 'a, b?'})`, or open it with `{name}(...)`"


def name_span(named: NamedArgument) -> Span:
    """The name alone, without the `?` or member list after it."""
    span = named.span
    return Span(span.start, min(span.end, span.start + len(named.name)), span.line, span.column)


def objects_in(declared: Type) -> list[Object]:
    """The object types that a value is, or that the elements of a list are: what a member list closes."""
    match declared:
        case Object():
            return [declared]
        case ListOf(item):
            return objects_in(item)
        case Union(options):
            return [found for option in options for found in objects_in(option)]
    return []


def _may_be_anything(declared: Type) -> bool:
    """Whether an object of which nothing is known may stand there, by itself or in a list, as where a schema refers to
    itself."""
    match declared:
        case ListOf(item):
            return _may_be_anything(item)
        case Union(options):
            return any(map(_may_be_anything, options))
    return isinstance(declared, Anything)


def _unknown_names(
    signature: Signature, objects: Sequence[Object], owner: str, what: str
) -> Iterator[tuple[NamedArgument, str, str]]:
    """Each name that no object has, with message and help, and so on inwards through member lists."""
    known = [name for found in objects for name in found.members]
    for named in signature.arguments:
        if named.name not in known and not any(found.free for found in objects):
            yield named, f"{owner} {quoted(named.name)}", suggestion(named.name, known, what)
            continue
        declared = [inside(found, named.name) for found in objects]
        deeper = [found for kind in declared for found in objects_in(kind)]
        if named.members is None or any(map(_may_be_anything, declared)):
            continue
        if deeper:
            yield from _unknown_names(named.members, deeper, f"{quoted(named.name)} has no member", "members")
        else:
            message = f"{quoted(named.name)} is {describe(declared[0])} and has no members"
            yield named, message, "leave out the parentheses"


def place_fault(tool: Tool, place: Place) -> tuple[str, str] | None:
    """Message and help where the tool can have nothing at the place. That a value is no list, type-mismatch says."""
    found: Type = tool.parameters
    for index, step in enumerate(place):
        inner = inside(found, 0 if step is EACH else step)
        if step is EACH and not kinds(inner):
            return None
        owner = quoted(tool.name) if index == 0 else f"{quoted(show(place[:index]))} of {quoted(tool.name)}"
        what = "argument" if index == 0 else "member"
        objects = [option for option in _options(found) if isinstance(option, Object)]
        if isinstance(step, str) and objects:
            names = [name for option in objects for name in option.members]
            if step not in names and not any(option.free for option in objects):
                return f"{owner} has no {what} {quoted(step)}", suggestion(step, names, f"{what}s")
        elif not kinds(inner):
            inside_it = quoted(step) if isinstance(step, str) else "positions"
            return f"{owner} is {describe(found)}, with no {inside_it} inside", "test the value itself"
        found = inner
    return None


def _options(declared: Type) -> tuple[Type, ...]:
    return declared.options if isinstance(declared, Union) else (declared,)
