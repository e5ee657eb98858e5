"""What memory knows, as plain values: contexts, cases, reports, abstractions with their evidence and gates.

Nothing here computes more than a look-up; learning/ changes these values, store/ keeps them, voice/ speaks from them.
Times are microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Label = Literal["allow", "forbid"]
"""What a call should have come to, as a report claims or an auditor says; also what an abstraction claims of calls."""

Effect = Literal["allow", "ask", "forbid"]

ReporterKind = Literal["user", "admin", "audit", "automated"]
"""`audit` and `admin` are people who looked on purpose; `automated` is an agent, whose word never widens anything."""

Standing = Literal["accepted", "quarantined", "released", "retracted", "superseded"]
"""`quarantined` counts for nothing until a person lets it count: `released`."""

COUNTING: Final[frozenset[Standing]] = frozenset({"accepted", "released"})

Phase = Literal["shadow", "pending", "active", "contested", "dormant", "retired"]
"""shadow: gathers evidence and says nothing. pending: its gate is open, a person has not approved it. active: speaks.
contested: its region holds both labels and nothing tells them apart. dormant: idle, rolled back or of another policy;
needs to be confirmed anew. retired: a person or a merge took it away for good."""

GateName = Literal["beta", "eprocess"]


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision was made in, as far as memory may ask: typed attributes, each with one value, and free text.

    `tool` is `tool` or `server/tool`. `attributes` is sorted by name; context/ says which names there are and how each
    is spelled as a condition of the language. `words` is the residual text that encoders see; it decides nothing by
    itself, it only bounds how far a rule may reach.
    """

    tool: str
    attributes: tuple[tuple[str, str], ...]
    words: str = ""

    def value(self, attribute: str) -> str | None:
        for name, value in self.attributes:
            if name == attribute:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Condition:
    """A conjunction over a Context: the tool, and for each attribute the values it may have.

    `tests` is sorted by attribute, each with its values sorted; an attribute that the context lacks fails its test.
    """

    tool: str
    tests: tuple[tuple[str, tuple[str, ...]], ...]

    def holds(self, context: Context) -> bool:
        if context.tool != self.tool:
            return False
        has = dict(context.attributes)
        return all(has.get(attribute) in values for attribute, values in self.tests)

    def implies(self, other: Condition) -> bool:
        """Whether every context that this one holds for is one that `other` holds for."""
        if self.tool != other.tool:
            return False
        mine = dict(self.tests)
        return all(attribute in mine and set(mine[attribute]) <= set(values) for attribute, values in other.tests)


@dataclass(frozen=True, slots=True)
class Observed:
    """One Decision as memory is told of it, by who reports or audits it. Made from its Record and what lies beside.

    `base` is the effect without memory, `effect` what was decided. `principal` is the key of who acted
    (guardrail.Principal.key). `audited` is the probability with which the decision was drawn for audit, None where it
    was not drawn.
    """

    id: str
    tenant: str
    at: int
    principal: str
    context: Context
    base: Effect
    effect: Effect
    policy_hash: str
    audited: float | None = None


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who says it. `principal` is as in Observed; `unit` is the part of the organisation, for caps."""

    id: str
    tenant: str
    kind: ReporterKind
    principal: str = ""
    unit: str = ""


# --- events: what happened, in order; the state of a tenant is a pure function of them --------------------------------


@dataclass(frozen=True, slots=True)
class Reported:
    """A report was received. `key` is the idempotency key. An adjudicated audit is a report of kind `audit`."""

    at: int
    observed: Observed
    reporter: Reporter
    label: Label
    because: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate from outside, such as a model wrote: in calls where `condition` holds, `label` is right.

    It is data. It becomes an abstraction only by the checks that every candidate goes through; `rationale` is shown to
    people and decides nothing.
    """

    label: Label
    condition: Condition
    rationale: str = ""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A refresh ran. `policy_hash` is the policy in force, empty where it is not known; `proposals` what a Proposer
    said before it, kept here so that the refresh can be replayed without asking again."""

    at: int
    seed: int
    policy_hash: str = ""
    proposals: tuple[Proposal, ...] = ()


@dataclass(frozen=True, slots=True)
class Approved:
    """A person approved one version of an abstraction. `narrows_to` only for the label forbid: what it may do."""

    at: int
    by: str
    abstraction: str
    version: int
    narrows_to: Literal["ask", "forbid"] = "ask"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A person took an abstraction away for good."""

    at: int
    by: str
    abstraction: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """A person narrowed an abstraction before it is kept (ICAL): `condition` implies the old one, so it fires on no
    more inputs. Its evidence begins anew."""

    at: int
    by: str
    abstraction: str
    condition: Condition
    rationale: str = ""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A person put an earlier snapshot in force again; abstractions that were not in it become dormant."""

    at: int
    by: str
    snapshot: int


@dataclass(frozen=True, slots=True)
class Retracted:
    """All that a reporter said is taken out: the state becomes what it were without."""

    at: int
    by: str
    reporter: str


@dataclass(frozen=True, slots=True)
class Released:
    """A person let a quarantined report count. It carries the report: a fold looks nothing up in the log."""

    at: int
    by: str
    report: Reported


Event = Reported | Refreshed | Approved | Rejected | Edited | RolledBack | Retracted | Released


# --- the state of one tenant ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Report:
    """A Reported as it counts. `weight` was fixed before its label was read (trust of the reporter at that moment)."""

    sequence: int
    at: int
    decision: str
    reporter: str
    kind: ReporterKind
    unit: str
    label: Label
    weight: float
    standing: Standing
    because: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A decision that was reported on. `sequence` is that of its first report; `vector` indexes nothing: encoders read
    `context.words`."""

    id: str
    sequence: int
    at: int
    context: Context
    base: Effect
    effect: Effect
    policy_hash: str
    audited: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One case's word on one abstraction: whether its claim was right there. Never from a case that induced it.

    `weight` is that of the reports behind it, fixed before the label was read; `reporters` whose they are.
    """

    abstraction: str
    decision: str
    sequence: int
    at: int
    right: bool
    weight: float
    reporters: tuple[str, ...]
    units: tuple[str, ...]
    audit: bool


@dataclass(frozen=True, slots=True)
class GateReading:
    """What a gate said when it was last read. `bound` is the posterior's lower quantile, `log_e` the e-process;
    `confirming` and `against` are effective counts; `open` is after hysteresis. `why` is a stable code."""

    gate: GateName
    open: bool
    why: str
    confirming: float
    against: float
    reporters: int
    audits: int
    bound: float
    log_e: float
    threshold: float
    alpha: float


@dataclass(frozen=True, slots=True)
class Abstraction:
    """A generalised rule that owns evidence: in calls where `condition` holds, `label` is right.

    `id` is `L-` and 10 characters of a digest of label and condition, so that the same lesson has the same name in
    every history. `version` grows with every change of what it fires on. `exceptions` are ids of local abstractions
    carved out of it (its `unless`); `parent` is what this one was carved out of. `made` is the sequence of the event it
    was made at: only later cases are evidence. `support` are the cases it was induced from or confirmed by; it fires
    only within `radius` of at least two of them (voice/). `encoder` is the id of the encoder that measured `radius`: a
    distance of one encoder says nothing about that of another. `approved` is the version a person approved.
    """

    id: str
    version: int
    label: Label
    condition: Condition
    made: int
    made_at: int
    policy_hash: str
    support: tuple[str, ...]
    radius: float
    alpha: float
    phase: Phase = "shadow"
    exceptions: tuple[str, ...] = ()
    parent: str | None = None
    approved: int | None = None
    approved_by: str | None = None
    narrows_to: Literal["ask", "forbid"] = "ask"
    fired_at: int = 0
    rationale: str = ""
    reading: GateReading | None = None
    encoder: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """How an abstraction came to be: from which parents, by what, and from the digest of which cases."""

    child: str
    parents: tuple[str, ...]
    act: Literal["induce", "split", "merge", "narrow", "broaden"]
    at: int
    evidence: str


@dataclass(slots=True)
class State:
    """All that memory knows of one tenant. Mutable while it is folded; `learning.canonical` is its text for equality.

    `sequence` is that of the last event folded in, `snapshot` the version of the last snapshot published, 0 for none.
    """

    tenant: str
    sequence: int = 0
    snapshot: int = 0
    policy_hash: str = ""
    reports: list[Report] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    abstractions: dict[str, Abstraction] = field(default_factory=dict)
    evidence: dict[str, dict[str, Evidence]] = field(default_factory=dict)
    """By abstraction, then by decision: one case is one piece of evidence, however often it is reported."""
    lineage: list[Lineage] = field(default_factory=list)
    made: int = 0
    """How many abstractions have alpha: the k of alpha spending. It is spent when one has evidence worth reading."""
    trust: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By reporter: how often it agreed and disagreed with auditors."""
    audited: dict[str, Label] = field(default_factory=dict)
    """By decision: what an auditor said."""
    index: Any = field(default=None, compare=False, repr=False)
    """What learning/ has made of the rest to find things in it; made again where it is missing, never stored."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What memory says from one moment on: everything that voice/ needs of a State, immutable and hashed.

    `abstractions` are all that may fire, of every phase but retired; only active ones change a decision.
    `supports` maps a case's id to its words and attributes. `version` is 0 for the empty one.
    """

    tenant: str
    version: int
    policy_hash: str
    abstractions: tuple[Abstraction, ...]
    supports: Mapping[str, Context]
    digest: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What memory has to say to one decision, and on what grounds; it stands in the Record.

    `effect` is what the decision becomes. `fired` are the ids of all abstractions that hold for the context, speaking
    or not. `base` is the effect without memory.
    """

    effect: Effect
    abstraction: str
    version: int
    base: Effect
    reading: GateReading
    fired: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """How conservative memory is. One per tenant; the defaults are the product's.

    Costs: the thresholds follow from what a missed harm and a false block cost (`thresholds`). `floor` keeps a gate
    valid under symmetric label flips of any rate below one half (docs/memory-mathematics.md). `contradiction` is how
    many confirmations by users one contradiction by a user weighs: failures are reported, right decisions seldom are.
    """

    missed_harm: float = 9.0
    false_block: float = 1.0
    floor: float = 0.6
    alpha: float = 0.05
    allow_gate: GateName = "eprocess"
    forbid_gate: GateName = "beta"
    prior: tuple[float, float] = (1.0, 1.0)
    least_reporters: int = 2
    least_days: int = 2
    half_life_days: float = 90.0
    idle_days: float = 180.0
    flips: float = 0.2
    report_weight: float = 0.5
    new_reporter_weight: float = 0.5
    contradiction: float = 2.0
    reporter_share: float = 0.34
    unit_share: float = 0.5
    audit_for_allow: bool = True
    approval_for_allow: bool = True
    narrows_to: Literal["ask", "forbid"] = "ask"
    reports_a_day: int = 50
    burst_alpha: float = 0.001
    support_quantile: float = 0.9
    least_support: int = 2
    most_abstractions: int = 2_000

    @property
    def allow_threshold(self) -> float:
        return max(self.floor, self.missed_harm / (self.missed_harm + self.false_block))

    @property
    def forbid_threshold(self) -> float:
        return max(self.floor, self.false_block / (self.missed_harm + self.false_block))
