"""The words of the language as values: everything a parsed policy file is made of.

All nodes are frozen and hashable. `span` says where a node stands in its source and never takes part in equality, so
that `parse(format(p)) == p` is the round-trip law (tests/policy_dsl/test_format.py).

Three families: an *operand* yields a JSON value or an error, a *condition* yields true, false or error (strong Kleene),
a *set* is anything that may stand to the right of `in`: values, a range, or a shape such as `mail at {...}`.
Nothing here evaluates; `reference/` says what each node means and `compile/` makes it fast. The file has over 500 lines
because every word of the language stands in this one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING
from typing import Literal as OneOf

if TYPE_CHECKING:
    from .catalogue import Catalogue

Scalar = str | int | Decimal | bool | None


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a source text: character offsets [start, end), and the 1-based line and column of `start`."""

    start: int
    end: int
    line: int
    column: int


NOWHERE = Span(0, 0, 0, 0)


# --- operands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """One value written in the policy: text, an exact number, true, false or null."""

    value: Scalar
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[1, 2]`: a JSON list written in the policy."""

    items: tuple[Literal, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of the call, or a value inside it: `amount`, `.to`, `filter.dates[0].from`.

    `path[0]` is the argument's name; later steps are member names (text) or 0-based list positions (int).
    """

    path: tuple[str | int, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Element:
    """The element a surrounding quantifier stands on: `name` is its `as` name, `it` where none is written."""

    name: str
    path: tuple[str | int, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LengthOf:
    """`length of x`: characters of text (code points), items of a list, members of an object."""

    operand: Operand
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Exact decimal `+`, `-`, `*`; a result that cannot be held exactly in 1,000 digits is an error."""

    op: OneOf["+", "-", "*"]
    left: Operand
    right: Operand
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Operand = Literal | ListLiteral | Argument | Element | LengthOf | Arithmetic

# --- sets -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SetLiteral:
    """`{ "a", "b", payees }`: values, and the names of other sets whose members it takes over."""

    items: tuple[Scalar, ...]
    names: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SetName:
    """A set defined elsewhere by `set name = ...`."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RangeSet:
    """`low .. high`, both ends included; either numbers or nothing."""

    low: int | Decimal
    high: int | Decimal
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MailSet:
    """`mail at {...}`: one bare ASCII address at a listed domain; `mail under {...}` takes sub-domains too."""

    domains: SetLiteral | SetName
    subdomains: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class WebSet:
    """`https at {...}`: an https URL on port 443 of a listed host; `https under {...}` takes sub-domains too."""

    hosts: SetLiteral | SetName
    subdomains: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


ValueSet = SetLiteral | SetName | RangeSet | MailSet | WebSet

# --- conditions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How two texts are compared where it is written: `ignoring case` (Unicode case folding), `after nfkc`."""

    ignore_case: bool = False
    nfkc: bool = False


EXACT = TextOptions()


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Condition, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Condition, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """`left op right`. `==` and `!=` need one JSON type on both sides (numbers are one type); order needs numbers."""

    op: OneOf["==", "!=", "<", "<=", ">", ">="]
    left: Operand
    right: Operand
    text: TextOptions = EXACT
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """`operand in set`."""

    operand: Operand
    within: ValueSet
    text: TextOptions = EXACT
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Matches:
    """`operand matches /pattern/`: RE2 syntax, the whole value, linear time."""

    operand: Operand
    pattern: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Holds:
    """`starts with`, `ends with`, `contains` on text; `contains` on a list asks for an equal element."""

    kind: OneOf["starts with", "ends with", "contains"]
    operand: Operand
    part: Operand
    text: TextOptions = EXACT
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Under:
    """`operand under "/root"` or `under { "/a", "/b" }`: an absolute, plain path inside one of the roots."""

    operand: Operand
    roots: SetLiteral | SetName
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Runs:
    """`runs one of {...}`: one simple shell command whose program is listed.
    `runs none of {...}`: simple commands joined by && and || only, none of which runs a listed program."""

    kind: OneOf["one of", "none of"]
    operand: Operand
    programs: SetLiteral | SetName
    span: Span = field(default=NOWHERE, compare=False, repr=False)


class JsonType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class IsType:
    """`operand is text`: true or false for any present value; an integer is also a number."""

    operand: Operand
    type: JsonType
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Presence:
    """`has x`: there and not null. `missing x`: not there, or null. `absent x`: not there at all. Never an error."""

    kind: OneOf["has", "missing", "absent"]
    operand: Argument | Element
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Quantified:
    """`each of xs (...)`, `any of xs (...)`: a Kleene fold of `body` over the elements of a list.
    Over an empty list `each` is an error and `any` is false. `name` is what `body` calls the element."""

    kind: OneOf["each", "any"]
    source: Argument | Element
    name: str
    body: Condition
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FromUser:
    """`x from user`: the whole value, normalised and at least 4 characters long, stands in the user's own words."""

    operand: Operand
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RuleRef:
    """The name of another rule, standing for that rule's own condition (acyclic; same signature rules as written)."""

    rule: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """The condition of a rule that writes none: always true."""

    value: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Condition = (
    And
    | Or
    | Not
    | Compare
    | Member
    | Matches
    | Holds
    | Under
    | Runs
    | IsType
    | Presence
    | Quantified
    | FromUser
    | RuleRef
    | Constant
)

# --- statements -----------------------------------------------------------------------------------------------------


class Effect(StrEnum):
    """What a rule does, weakest word last in `STRICTNESS` order of guard: forbid > require approval > ask > allow."""

    ALLOW = "allow"
    ASK = "ask"
    REQUIRE_APPROVAL = "require approval"
    FORBID = "forbid"


@dataclass(frozen=True, slots=True)
class ToolPattern:
    """`tool`, `server/tool`, `get_*`, `*`. `*` matches any run of characters but `/`; no `server` means any server."""

    server: str | None
    tool: str
    quoted: bool = field(default=False, compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GroupName:
    """A group defined elsewhere by `group name = {...}`."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NamedArgument:
    """One name in a signature: `date?` may be absent or null; `attendees(lead, cc?)` closes an object's members too."""

    name: str
    optional: bool = False
    members: Signature | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """`(recipient, amount, date?)`, or `(recipient, ...)` where any further argument is accepted."""

    arguments: tuple[NamedArgument, ...]
    open: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """`for agent "a" on behalf of role "r"`: every written kind must hold; inside one kind, any of the names.
    An empty tuple means the kind is not written."""

    tenants: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def is_everyone(self) -> bool:
        return not (self.tenants or self.agents or self.users or self.roles)


EVERYONE = Scope()


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence that grants or withholds.

    `name` is what `as` gave it, or None. `signature` is None exactly for the open effects (forbid, require approval).
    The rule matches a call when its scope binds the principal, a tool pattern fits, the signature accepts the
    arguments, `when` is true and `unless` is false.
    """

    effect: Effect
    tools: tuple[ToolPattern | GroupName, ...]
    signature: Signature | None
    when: Condition | None
    unless: Condition | None
    name: str | None = None
    priority: int = 0
    message: str | None = None
    scope: Scope = EVERYONE
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class UseTools:
    """`use tools "bank.tools.json"`: the file, relative to the policy file, whose schemas are the authority."""

    path: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SetDefinition:
    name: str
    value: ValueSet
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GroupDefinition:
    name: str
    members: tuple[ToolPattern | GroupName, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Otherwise:
    """`otherwise forbid message "..."`: what a call that nothing grants is told. It never grants."""

    message: str | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Json = Scalar | list["Json"] | dict[str, "Json"]
"""A JSON value as the strict parser gives it: numbers are int or Decimal, never float."""


@dataclass(frozen=True, slots=True)
class UserSays:
    """`user "..."` in a test: the user's own words so far."""

    words: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CallExpectation:
    """`call tool(name: value, ...) => effect [by rule]`. `arguments` is strict JSON text of the object."""

    server: str | None
    tool: str
    arguments: str
    effect: OneOf["allow", "ask", "forbid"]
    rule: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TestBlock:
    """`test "title" as agent "a" on behalf of role "r" at "2026-11-20T10:00Z" { ... }`."""

    __test__ = False  # the name is the language's; pytest must not collect it

    title: str
    principal: Scope
    at: str | None
    steps: tuple[UserSays | CallExpectation, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ScopeBlock:
    """`for agent "..." { rules }`: the scope binds every rule inside. Scopes do not nest."""

    scope: Scope
    rules: tuple[Rule, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Statement = UseTools | SetDefinition | GroupDefinition | Rule | ScopeBlock | Otherwise | TestBlock


@dataclass(frozen=True, slots=True)
class Comment:
    """`# text` with its place; `own_line` is false where it follows code."""

    text: str
    own_line: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """One parsed file, statements in the order written. A rule's own `scope` is set only in a PolicySet."""

    path: str
    language: int
    statements: tuple[Statement, ...]
    source: str = field(compare=False, repr=False)
    comments: tuple[Comment, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PolicySet:
    """One or more files as one immutable, hashed whole: what a Guard decides by.

    `rules` maps each rule's id (its name, or `<file stem>:<line>`) to the rule, in ascending order of id, groups
    resolved to patterns, scopes folded in, and rule references replaced by the conditions they stand for. `sets` holds
    every named set, with member names replaced by members; a set inside a rule has no member names left either.
    `catalogue` is what the files' `use tools` name: the authority on tools, empty where no file names one. `hash` is
    `sha256:` over the canonical text of all files, the rules' ids and the tool schemas.
    """

    files: tuple[PolicyFile, ...]
    rules: Mapping[str, Rule]
    sets: Mapping[str, ValueSet]
    otherwise: str | None
    tests: tuple[TestBlock, ...]
    hash: str
    catalogue: Catalogue
