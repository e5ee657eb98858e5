"""Progent's policies (arXiv 2504.11703) as sentences of this language that mean here what they meant there.

Compared with Progent's engine, the text says openly what went without saying: an argument that a call does not carry
is not looked at (`absent x or ...`), further arguments pass (`...`), patterns are searched for (`contains /.../`),
keywords of JSON Schema hold for one type only (`x is not text or ...`). `strict` prints the tightened version instead.

Known differences, all on the safe side: exact numbers where Python's are floating point (`multipleOf`, NaN); strictly
parsed arguments; Unicode as old as RE2's tables. A pattern or a schema that raised an error there let a forbid pass;
here it is refused at import.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..ast import (
    Argument,
    Condition,
    Effect,
    GroupDefinition,
    GroupName,
    JsonType,
    Matches,
    NamedArgument,
    Rule,
    RuleRef,
    SetLiteral,
    Signature,
    ToolPattern,
)
from ..catalogue import EMPTY_CATALOGUE, Catalogue, Tool
from ..errors import quoted
from ..types import Anything, ListOf, Object, Type, Union
from . import python_pattern
from .page import Paragraph, fresh_name, literals, page, with_shared_sets
from .progent_reading import Policies, ProgentRule, read
from .progent_states import Listing, listings
from .python_pattern import NoCounterpart
from .refusal import pointer
from .schema import OPEN, SchemaReader, signature
from .typed import (
    NOTHING,
    TRUE,
    Table,
    all_of,
    any_of,
    holds_objects,
    of_absent,
    said,
    unless_absent,
    unless_missing,
)

MANY = 4
"""Tools that a rule still names one by one."""

Patterns = tuple[ToolPattern | GroupName, ...]


def import_progent(
    documents: Sequence[tuple[str, str | bytes]], *, tools: Catalogue = EMPTY_CATALOGUE, strict: bool = False
) -> str:
    """The policy text of Progent's files, given as (name, content). `tools` says in a strict text which arguments there
    are. Raises ImportRefused."""
    policies: dict[str, tuple[ProgentRule, ...]] = {}
    for name, content in documents:
        for tool, rules in read(content, name).items():
            policies[tool] = policies.get(tool, ()) + rules
    return _Importer(policies, tools, strict).text([name for name, _ in documents])


@dataclass(slots=True)
class _Importer:
    policies: Policies
    tools: Catalogue
    strict: bool
    hints: dict[SetLiteral, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def text(self, documents: Sequence[str]) -> str:
        paragraphs = [
            paragraph for listing in listings(self.policies, self.exactly) for paragraph in self.listing(listing)
        ]
        head = [f"Imported from {', '.join(documents)}: policies of Progent."]
        head += _HEAD_STRICT if self.strict else _HEAD
        return page(head, with_shared_sets(paragraphs, self.hints), ", ".join(documents))

    # --- one tool's rules in one state ------------------------------------------------------------------------------

    def listing(self, listing: Listing) -> Iterator[Paragraph]:
        groups = [listing.tools]
        if self.strict and len(self.tools):  # each tool closes over its own arguments
            groups = [(tool,) for tool in listing.tools]
        for tools in groups:
            patterns, group = self.patterns(listing, tools)
            yield from group
            built = [self.rule(rule, listing, tools, patterns) for rule in listing.rules]
            if listing.unreached:
                built[-1] = _noted(built[-1], _UNREACHED)
            yield from _ordered_at_ties(built, listing, self.names)
            last = _default(listing, patterns)
            if last is not None:
                yield last

    def patterns(self, listing: Listing, tools: tuple[str, ...]) -> tuple[Patterns, list[Paragraph]]:
        """How rules name these tools: many of them as a group, which is defined first."""
        patterns = tuple(ToolPattern(None, tool) for tool in tools)
        if len(tools) <= MANY:
            return patterns, []
        free = len(listing.rules) == 1 and listing.rules[0].allows and not listing.rules[0].restrictions
        name = fresh_name("always-allowed" if free else f"like-{tools[0]}", self.names)
        self.names.add(name)
        return (GroupName(name),), [Paragraph(GroupDefinition(name, patterns))]

    def rule(self, rule: ProgentRule, listing: Listing, tools: tuple[str, ...], patterns: Patterns) -> Paragraph:
        notes: dict[str, None] = {}
        effect = Effect.ALLOW if rule.allows else Effect.ASK if rule.fallback == "ask" else Effect.FORBID
        tightens = self.strict and rule.allows
        reader = SchemaReader(
            rule.document,
            total=not rule.allows and not self.strict,
            strict=tightens,
            closes=rule.allows,
            notes=notes,
        )
        declared = [tool for name in tools for tool in self.tools.named(name)]
        arguments: list[NamedArgument] = []
        conditions: list[Condition] = []
        for name, schema in rule.restrictions.items():
            operand = Argument((name,))
            table = self.table(reader, rule, name)
            self.remember(table, name)
            condition = said(table, operand, total=reader.total)
            if not self.strict:
                conditions.append(unless_absent(condition, operand))
                if (members := signature(schema)) is not None:
                    arguments.append(NamedArgument(name, True, members))
            elif rule.allows:
                optional = _is_optional(name, declared) or table[JsonType.NULL] == TRUE
                conditions.append(unless_missing(condition, operand) if optional else condition)
                arguments.append(NamedArgument(name, optional, _members(table, schema)))
                _note_unknown(name, declared, notes)
            else:  # a missing argument makes every test an error, which forbids; there it did too
                conditions.append(unless_absent(condition, operand) if of_absent(condition) is False else condition)
        closed = _closed(arguments, declared, notes) if tightens else Signature(tuple(arguments), open=True)
        if tightens and closed.open:
            notes["nothing says which arguments this tool takes: name its list with --tools to close them"] = None
        statement = Rule(
            effect=effect,
            tools=patterns,
            signature=closed if effect is Effect.ALLOW else OPEN if effect is Effect.ASK else None,
            when=_written([*conditions, *listing.since]),
            unless=_written([any_of(listing.until)]) if listing.until else None,
            priority=-rule.priority,
            message=None if rule.allows else _verbatim(rule.message),
            ends_session=effect is Effect.FORBID and rule.fallback == "terminate",
        )
        return Paragraph(statement, tuple(notes))

    def exactly(self, rule: ProgentRule) -> Condition:
        """What the rule asks of the arguments of a call, true or false of every call."""
        reader = SchemaReader(rule.document, total=True)
        return all_of(
            unless_absent(said(self.table(reader, rule, name), Argument((name,)), total=True), Argument((name,)))
            for name in rule.restrictions
        )

    def table(self, reader: SchemaReader, rule: ProgentRule, name: str) -> Table:
        restriction = rule.restrictions[name]
        at = pointer(rule.restrictions_at, name)
        if isinstance(restriction, str):
            return _prefixed(restriction, Argument((name,)), at, reader)
        return reader.table(restriction, Argument((name,)), at)

    def remember(self, table: Table, name: str) -> None:
        """What each list of values is about, for the names of sets."""
        for literal in literals(tuple(table.values())):
            self.hints.setdefault(literal, name)


def _prefixed(pattern: str, operand: Argument, at: str, reader: SchemaReader) -> Table:
    """A restriction that is text: `re.match`, which asks for a beginning and fails for anything but text."""
    try:
        text = python_pattern.whole(pattern) if reader.strict else python_pattern.prefix(pattern)
    except NoCounterpart as error:
        raise reader.refused(f"the pattern {quoted(pattern)}: {error}", at) from error
    return {**NOTHING, JsonType.TEXT: Matches(operand, text)}


def _verbatim(message: str | None) -> str | None:
    """A message without placeholders: braces stand for themselves."""
    return None if message is None else message.replace("{", "{{").replace("}", "}}")


def _written(conditions: Iterable[Condition]) -> Condition | None:
    joined = all_of(conditions)
    return None if joined == TRUE else joined


# --- the order of equals, and what none matches ---------------------------------------------------------------------


def _ordered_at_ties(built: Sequence[Paragraph], listing: Listing, names: set[str]) -> Iterator[Paragraph]:
    """Rules of one level: here the strictest decides, there the first. A forbid after a question gives way to it."""
    rules = [paragraph.statement for paragraph in built]
    assert all(isinstance(rule, Rule) for rule in rules)  # see _Importer.rule
    found: list[Rule] = [rule for rule in rules if isinstance(rule, Rule)]
    for index, rule in enumerate(found):
        earlier = [
            at
            for at in range(index)
            if found[at].priority == rule.priority
            and rule.effect is Effect.FORBID
            and (found[at].effect, found[at].ends_session) != (rule.effect, rule.ends_session)
            and found[at].effect is not Effect.ALLOW
        ]
        for at in earlier:
            if found[at].name is None:
                name = fresh_name(f"{listing.tools[0]}-first", names)
                names.add(name)
                found[at] = replace(found[at], name=name)
        gives_way = [RuleRef(str(found[at].name)) for at in earlier]
        if gives_way:
            unless = any_of([*([rule.unless] if rule.unless is not None else []), *gives_way])
            found[index] = replace(rule, unless=unless)
    for paragraph, rule in zip(built, found, strict=True):
        yield replace(paragraph, statement=rule)


def _default(listing: Listing, patterns: Patterns) -> Paragraph | None:
    """What calls that no rule of the tool matches come to, where that is more than a refusal."""
    last = listing.rules[-1]
    if any(not rule.restrictions for rule in listing.rules):
        return None  # one of them always matches
    if listing.fallback == "message" and listing.message is None:
        return None
    asks = listing.fallback == "ask"
    return Paragraph(
        Rule(
            effect=Effect.ASK if asks else Effect.FORBID,
            tools=patterns,
            signature=OPEN if asks else None,
            when=_written(listing.since),
            unless=_written([any_of(listing.until)]) if listing.until else None,
            priority=-last.priority - 1,
            message=None if asks else _verbatim(listing.message),
            ends_session=listing.fallback == "terminate",
        ),
        ("Progent takes the fallback of a tool's last rule for the calls that none of them matches.",),
    )


# --- signatures -----------------------------------------------------------------------------------------------------


def _members(table: Table, schema: object) -> Signature | None:
    """Open members where an object may pass, so that the signature refuses nothing that the condition lets through."""
    closed = signature(schema)  # type: ignore[arg-type]  # strict JSON came in
    if closed is not None:
        return closed
    return OPEN if holds_objects(table) else None


def _closed(arguments: list[NamedArgument], declared: list[Tool], notes: dict[str, None]) -> Signature:
    """The arguments that the rule tests and those that the schema requires; the optional ones too where the rule tests
    nothing. Open where neither names any."""
    known = {argument.name: argument for argument in arguments}
    left: dict[str, None] = {}
    for tool in declared:
        for name, member in tool.parameters.members.items():
            if member.required or not arguments:
                opened = OPEN if _may_hold_object(member.type) else None
                known.setdefault(name, NamedArgument(name, not member.required, opened))
            elif name not in known:
                left[name] = None
    if left:
        shown = ", ".join(quoted(name) for name in left)
        notes[f"left out because the rule never looked at them: {shown}"] = None
    return Signature(tuple(known.values()), open=not known and not declared)


def _may_hold_object(declared: Type) -> bool:
    match declared:
        case ListOf(item):
            return _may_hold_object(item)
        case Union(options):
            return any(_may_hold_object(option) for option in options)
    return isinstance(declared, Anything | Object)


def _is_optional(name: str, declared: list[Tool]) -> bool:
    found = [tool.parameters.members[name] for tool in declared if name in tool.parameters.members]
    return any(not member.required for member in found)


def _note_unknown(name: str, declared: list[Tool], notes: dict[str, None]) -> None:
    for tool in declared:
        if name not in tool.parameters.members:
            has = ", ".join(quoted(known) for known in tool.parameters.members) or "none"
            notes[
                f"{quoted(name)} is no argument of {quoted(tool.name)} (it has {has}): Progent never looked at it, and "
                "this rule grants nothing until it is put right"
            ] = None


def _noted(paragraph: Paragraph, note: str) -> Paragraph:
    return replace(paragraph, comments=(*paragraph.comments, note))


_UNREACHED = (
    "Progent holds more rules of this tool and never asks them: a drafted rule (priority 100) that does not match ends "
    "its search."
)

_HEAD = [
    "",
    "What went without saying there is written out here:",
    "- the rule with the lower number is asked first there, the higher one here: each priority is negated",
    "- an argument that a call does not carry is not looked at: `absent x or ...`, and `missing` where null may pass",
    "- arguments that a rule does not name may be anything: `...`",
    "- patterns are searched for anywhere in the text: `contains /.../`",
    "- a keyword of JSON Schema holds for one type only: `x is not text or ...`",
    "`leastward import progent --strict` prints what was most likely meant.",
]

_HEAD_STRICT = [
    "",
    "Tightened, so some calls that passed there are refused here: arguments are closed and required, patterns hold "
    "for the whole text, and a test asks for the type that it is about. Read every rule before you rely on it.",
]
