"""Rules: what grants, withholds, rewrites or hides."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Literal as OneOf

from .conditions import Condition
from .operands import Operand
from .source import NOWHERE, Duration, Span
from .tools import EVERYONE, GroupName, IntentName, Scope, Signature, ToolPattern


class Effect(StrEnum):
    """What a rule does, weakest word last in `STRICTNESS` order of guard: forbid > require approval > ask > allow."""

    ALLOW = "allow"
    ASK = "ask"
    REQUIRE_APPROVAL = "require approval"
    FORBID = "forbid"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person who is asked is told, and how far a yes reaches: for how long, and for how many calls. `by` names
    the roles of which who answers has one; empty where the rule does not say."""

    prompt: str | None = None
    valid: Duration | None = None
    uses: int | None = None
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Validity:
    """`valid from "2026-01-01T00:00Z" until "2027-01-01T00:00Z"`: when the rule is one at all; either may be None."""

    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """Who answers for a rule, where it was decided, and why. Plays no part in deciding."""

    owner: str | None = None
    ticket: str | None = None
    because: str | None = None


@dataclass(frozen=True, slots=True)
class LearnedFrom:
    """What memory had for a learned rule when it was written down: its clause `evidence`.

    `confirming` and `against` are effective counts of cases (a case weighs what its reports do), `reporters` how many
    stand behind them. `bound` is what the rule is right with at least, as its gate reckons, `threshold` what the
    gate asks for, `alpha` the error it allows itself, between 0 and 1. `e_value` is the evidence against "right less
    often than the threshold", `support` how far from the cases behind it the rule may speak. Only an `active` rule
    decides; every other state makes it a shadow rule.
    """

    confirming: Decimal
    against: Decimal
    reporters: int
    bound: Decimal
    threshold: Decimal
    gate: OneOf["beta", "eprocess"]
    alpha: Decimal
    e_value: Decimal
    support: Decimal
    state: OneOf["shadow", "pending", "active", "contested", "dormant", "retired"]


Subject = OneOf["judge", "judge, learnable"]
"""What a grant is subject to, as it is written: the judge may narrow what it grants, and `learnable` lets memory
overturn the judge there."""

UNCONDITIONAL = Terms()
ALWAYS = Validity()
UNSIGNED = Metadata()

LAYERS = ("organisation", "team", "agent", "run")
"""Topmost first. A file without a `layer` line is of the first."""

ABOVE_ALL = 1_000_000_000
"""The priority of limits, clearances and the guards of counters: above every priority that can be written."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence that grants or withholds.

    `name` is what `as` gave it, or None. `signature` is None exactly for the open effects (forbid, require approval).
    The rule matches a call when its scope binds the principal, a tool pattern fits, the signature accepts the
    arguments, `when` is true and `unless` is false. A `shadow` rule is decided and recorded, and changes nothing.

    `layer` and `origin` are set only in a PolicySet: `origin` tells rules that were written from those that stand for a
    limit, a clearance, or the guard of a counter (which forbids calls that the counter cannot count), and from those
    that memory learned or may learn. A Learnable's rule is of origin `learnable` from the start.

    `subject` is set for grants that a judge has to be asked about.

    `learned` is what a `learned` rule was learned from, None for every other one. In a PolicySet a learned rule that is
    not active is a shadow rule, and a learned allow stands inside the learnables it fits.
    """

    effect: Effect
    tools: tuple[ToolPattern | GroupName | IntentName, ...]
    signature: Signature | None
    when: Condition | None
    unless: Condition | None
    name: str | None = None
    priority: int = 0
    message: str | None = None
    scope: Scope = EVERYONE
    terms: Terms = UNCONDITIONAL
    validity: Validity = ALWAYS
    ends_session: bool = False
    shadow: bool = False
    metadata: Metadata = UNSIGNED
    layer: str = LAYERS[0]
    origin: OneOf["written", "limit", "clearance", "counter", "learnable", "learned"] = "written"
    learned: LearnedFrom | None = None
    subject: Subject | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def is_written(self) -> bool:
        """Whether a person wrote it to decide. Only such rules make their layer one that says anything, so that what
        is learned never takes away what another layer grants."""
        return self.origin not in ("learnable", "learned")


@dataclass(frozen=True, slots=True)
class Learnable:
    """`learnable send_email(to, subject, body) when to in mail at own`: the most that memory may open by itself.

    Grants nothing. `rule` is what it would be as an allow; memory's own rules hold only inside it, and every forbid,
    limit, clearance and require approval stands above both.
    """

    rule: Rule
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def name(self) -> str | None:
        return self.rule.name


@dataclass(frozen=True, slots=True)
class SetArgument:
    """`set filter.size = 10` in a rewrite: `path` as in Argument; `value` is computed on the original call."""

    path: tuple[str | int, ...]
    value: Operand
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RemoveArgument:
    """`remove bcc`. Nothing happens where it is absent."""

    path: tuple[str | int, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RedactArgument:
    """`redact body matching /[0-9]{16}/ with "[card]"`: every match in a text, and in each text of a list."""

    path: tuple[str | int, ...]
    pattern: str
    replacement: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Change = SetArgument | RemoveArgument | RedactArgument


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`rewrite send_email set bcc = [], remove cc when has bcc as no-bcc`. Neither grants nor forbids; open arguments.

    All rewrites that match are computed on the original call and applied at once. An error in one forbids the call, and
    so do two that write overlapping paths with different values. `layer` is set only in a PolicySet.
    """

    tools: tuple[ToolPattern | GroupName, ...]
    changes: tuple[Change, ...]
    when: Condition | None
    unless: Condition | None = None
    name: str | None = None
    shadow: bool = False
    scope: Scope = EVERYONE
    metadata: Metadata = UNSIGNED
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Hide:
    """`hide delete_*`: left out of every list of tools. Hiding forbids nothing; other rules decide the calls."""

    tools: tuple[ToolPattern | GroupName, ...]
    scope: Scope = EVERYONE
    span: Span = field(default=NOWHERE, compare=False, repr=False)
