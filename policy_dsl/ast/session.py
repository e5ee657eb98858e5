"""What a session remembers and what its results are worth: counters, limits, labels, trust.

A *tracker* is what the state engine keeps for one written counter or event; `state/` feeds it, one step an event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as OneOf

from .conditions import Condition, Event, EventKind, Label
from .operands import Operand
from .source import NOWHERE, Duration, Span
from .tools import EVERYONE, GroupName, IntentName, Scope, ToolPattern

Owner = OneOf["session", "agent", "user", "tenant"]
"""Whose events are counted together. An event of a principal without that part is owned by nobody else's counter."""

Measure = OneOf["count", "sum", "max", "distinct"]


@dataclass(frozen=True, slots=True)
class Calendar:
    """`each day in "Europe/Berlin"`: begins anew with each hour, day, ISO week, month or year of that zone."""

    unit: OneOf["hour", "day", "week", "month", "year"]
    zone: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sliding:
    """`within 7 days`: what happened at most that long ago."""

    duration: Duration
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ever:
    """`ever`: never forgotten. Written where the owner outlives a session, so that it is no accident."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


Window = Calendar | Sliding | Ever


@dataclass(frozen=True, slots=True)
class CounterDefinition:
    """`counter paid = sum(amount) of released send_money by recipient per agent each day in "UTC" since refused login`.

    `value` is None exactly for `count`. `released` counts what was released and has not been observed to fail;
    `requested` counts every call, refused ones too. `window` is None only for the owner session.
    """

    name: str
    measure: Measure
    value: Operand | None
    event: Event
    keys: tuple[Operand, ...]
    owner: Owner
    window: Window | None
    since: Event | None = None
    scope: Scope = EVERYONE
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Limit:
    """`limit send_money to 1_000 of amount released by recipient per agent each day in "UTC" as n when C message M`.

    Counts itself: `value` None counts calls, else sums it. A call that would pass `bound` is forbidden, whatever its
    priority says; an error in `value`, `keys` or `when` forbids too. Sugar for a counter and a forbid.
    """

    tools: tuple[ToolPattern | GroupName | IntentName, ...]
    bound: Operand
    value: Operand | None
    kind: EventKind
    keys: tuple[Operand, ...]
    owner: Owner
    window: Window | None
    when: Condition | None = None
    name: str | None = None
    message: str | None = None
    shadow: bool = False
    scope: Scope = EVERYONE
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Levels:
    """`levels public < internal < secret`: label names, lowest first. Labels that are in no levels stand apart."""

    names: tuple[str, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LabelResults:
    """`label results of read_file(path under "/hr") as secret(hr) when result contains "salary"`.

    `arguments` and `when` are tested on the call and its answer; an error in either labels.
    """

    tools: tuple[ToolPattern | GroupName, ...]
    arguments: Condition | None
    label: Label
    when: Condition | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TrustResults:
    """`trust results of get_balance`: answers the gate observed are not untrusted. With `claimed`, also those that a
    client only claims (over an LLM API every result is a claim)."""

    tools: tuple[ToolPattern | GroupName, ...]
    claimed: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RedactResults:
    """`redact results of get_profile matching /[0-9]{16}/ with "[card]"`: before the model or the client sees them."""

    tools: tuple[ToolPattern | GroupName, ...]
    pattern: str
    replacement: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Clearance:
    """`clearance of send_email is { internal, secret(hr) }`: forbid where the session exceeds it. Sugar for a forbid
    above every priority; `none` (an empty tuple) lets no label at all pass."""

    tools: tuple[ToolPattern | GroupName | IntentName, ...]
    labels: tuple[Label, ...]
    name: str | None = None
    message: str | None = None
    scope: Scope = EVERYONE
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# --- resolved -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Feed:
    """Calls that move a tracker: names resolved, intents put in. `value` is what is added, `keys` where."""

    kind: EventKind
    tools: tuple[ToolPattern, ...]
    condition: Condition | None
    value: Operand | None
    keys: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Answers that a value may come from: those of `tools`, those that carry `label`, or those that nothing trusts."""

    tools: tuple[ToolPattern, ...] = ()
    label: Label | None = None
    untrusted: bool = False


@dataclass(frozen=True, slots=True)
class Tracker:
    """What the state engine keeps. Equal definitions are one tracker; `id` is a digest of all that follows, so that
    state outlives a policy version that does not touch it.

    Measures `last` (when a feed last came) and `previous` (whether the latest event of the feed's kind was one) answer
    Seen; the others answer Tally. `resets` forget everything before them.
    """

    id: str
    measure: OneOf["count", "sum", "max", "distinct", "last", "previous"]
    feeds: tuple[Feed, ...]
    resets: tuple[Feed, ...]
    owner: Owner
    window: Window | None
    scope: Scope = EVERYONE
