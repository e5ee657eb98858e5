"""Statements, files and policy sets: what rules stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from .conditions import Condition, EventKind, Label
from .operands import Operand, ValueSet
from .rules import Hide, Learnable, Rewrite, Rule
from .session import (
    Clearance,
    CounterDefinition,
    LabelResults,
    Levels,
    Limit,
    RedactResults,
    Source,
    Tracker,
    TrustResults,
)
from .source import NOWHERE, Comment, Scalar, Span
from .tools import GroupName, Scope, ToolPattern

if TYPE_CHECKING:
    from ..catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class UseTools:
    """`use tools "bank.tools.json"`: the file, relative to the policy file, whose schemas are the authority."""

    path: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Import:
    """`import "payments.lw"`, relative to this file, or `import "mail.lw" from package "acme_policies"`: a file inside
    an installed Python package. Each file is read once; a circle is an error."""

    path: str
    package: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Layer:
    """`layer team`: the layer of every rule of this file; once a file, before its rules."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Macro:
    """`define small(x, most) = x is number and x <= most`: a named condition; without parameters, used by bare name.

    A bare name in `body` that is a parameter stands for the operand put in; every other one is the call's argument.
    """

    name: str
    parameters: tuple[str, ...]
    body: Condition
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IntentMap:
    """`intent payment 1 from send_money { amount = amount, to = recipient, rail = "sepa" } ignoring { subject, date }`.

    Says how calls of a tool spell a transaction intent. `fields` hold operands over the tool's arguments; `ignored` are
    arguments that rules on the intent accept without looking at them.
    """

    intent: str
    version: int
    tool: ToolPattern
    fields: tuple[tuple[str, Operand], ...]
    ignored: tuple[str, ...] = ()
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


@dataclass(frozen=True, slots=True)
class UserSays:
    """`user "..."` in a test: the user's own words so far."""

    words: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Given:
    """`given released send_money(amount: 100)`, `given succeeded read_file(path: "a") result {"owner": "b"}`: what has
    happened before. `result` is strict JSON text. A `succeeded` or `failed` step was requested and released too."""

    kind: EventKind
    server: str | None
    tool: str
    arguments: str
    result: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """`given label secret(hr)`: the session carries it."""

    label: Label
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MoveClock:
    """`at "2026-11-20T22:30Z"` among the steps: time goes on to there; never back."""

    at: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CallExpectation:
    """`call tool(name: value, ...) => effect [by rule] [with (name: value)]`. `arguments` is strict JSON text of the
    object, `rewritten` that of what the call must have become."""

    server: str | None
    tool: str
    arguments: str
    effect: OneOf["allow", "ask", "forbid"]
    rule: str | None = None
    rewritten: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TestBlock:
    """`test "title" as agent "a" on behalf of role "r" claim "mfa" = true at "2026-11-20T10:00Z" { ... }`."""

    __test__ = False  # the name is the language's; pytest must not collect it

    title: str
    principal: Scope
    at: str | None
    steps: tuple[Step, ...]
    claims: tuple[tuple[str, Scalar], ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ScopeBlock:
    """`for agent "..." { rules }`: the scope binds every statement inside. Scopes do not nest."""

    scope: Scope
    rules: tuple[Rule | Learnable | Limit | Rewrite | Hide | Clearance | CounterDefinition, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Step = UserSays | Given | GivenLabel | MoveClock | CallExpectation

Statement = (
    UseTools
    | Import
    | Layer
    | Levels
    | SetDefinition
    | GroupDefinition
    | Macro
    | IntentMap
    | CounterDefinition
    | TrustResults
    | LabelResults
    | RedactResults
    | Clearance
    | Limit
    | Rule
    | Learnable
    | Rewrite
    | Hide
    | ScopeBlock
    | Otherwise
    | TestBlock
)


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

    `rules` maps each rule's id (its name, or `<file stem>:<line>`) to the rule, in ascending order of id: groups
    resolved to patterns, scopes and validity folded in, references and macros replaced by the conditions they stand
    for, rules on an intent written out as `<id>/<tool>` for each tool that maps it, limits and clearances as the
    forbids they stand for (`origin`), and for each counter a forbid `counter:<name>` of the calls it cannot count. A
    learned allow is written out as `<id>/<learnable's id>` for each learnable that it fits, and holds where both do.
    `learnable` maps each learnable's id to its rule (an allow of origin `learnable`), written out like `rules`; no id
    stands in both, and without memory no learnable decides anything.
    `sets` holds every named set, with member names replaced by members; a set inside a rule has no member names left
    either. `catalogue` is what the files' `use tools` name: the authority on tools, empty where no file names one.
    `otherwise` maps a layer to its message, only where a file of that layer writes the statement.
    `trackers` are what Seen and Tally refer to by place, `sources` what FromSource does.
    `hash` is `sha256:` over the canonical text of all files, the rules' ids and the tool schemas.
    """

    files: tuple[PolicyFile, ...]
    rules: Mapping[str, Rule]
    sets: Mapping[str, ValueSet]
    otherwise: Mapping[str, str | None]
    tests: tuple[TestBlock, ...]
    hash: str
    catalogue: Catalogue
    trackers: tuple[Tracker, ...] = ()
    sources: tuple[Source, ...] = ()
    levels: tuple[str, ...] = ()
    labels: tuple[LabelResults, ...] = ()
    trust: tuple[TrustResults, ...] = ()
    redactions: tuple[RedactResults, ...] = ()
    rewrites: Mapping[str, Rewrite] = field(default_factory=dict)
    hidden: tuple[Hide, ...] = ()
    intents: tuple[IntentMap, ...] = ()
    learnable: Mapping[str, Rule] = field(default_factory=dict)
