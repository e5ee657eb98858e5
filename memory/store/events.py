"""Events as the log keeps them: canonical bytes, each bound to all before it by a hash chain of its tenant.

    body = canonical JSON of {event, kind, sequence, tenant, through, v}
    link = SHA-256("leastward memory event v1" NUL, link of the row before, body); 32 zero bytes before the first row

`through` orders the fold. Reports are folded when a later event, one that changes what is published, is saved; reports
that arrive while it is being computed stand before it in the log and are folded after it. So such an event names in
`through` the last report that it has seen, and `in_order` puts it right behind that one: what was folded once is folded
in the same order ever after. What the chain does and does not show is what guardrail/chain.py says of Records.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from ..model import Approved, Edited, Event, Refreshed, Rejected, Released, Reported, Retracted, RolledBack

NO_LINK: Final = bytes(32)
_DOMAIN: Final = b"leastward memory event v1\x00"
_VERSION: Final = 1

KINDS: Final[dict[str, type[Any]]] = {
    "approved": Approved,
    "edited": Edited,
    "refreshed": Refreshed,
    "rejected": Rejected,
    "released": Released,
    "reported": Reported,
    "retracted": Retracted,
    "rolled-back": RolledBack,
}
_NAMES: Final = {kind: name for name, kind in KINDS.items()}

Control: TypeAlias = Approved | Edited | Refreshed | Rejected | Released | Retracted | RolledBack
"""Every event but a report: it changes what is published, and is saved together with what it makes."""


class Row(NamedTuple):
    """One event as it is stored. `at`, `kind` and `through` repeat what `body` says, to be searched."""

    sequence: int
    at: int
    kind: str
    through: int | None
    body: bytes
    link: bytes


@dataclass(frozen=True, slots=True)
class Logged:
    """One event and its place. `through` is None for a report."""

    sequence: int
    through: int | None
    event: Event


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the rows are not what was written. `sequence` is the first bad row. `code` is stable."""

    code: Literal["unreadable", "tenant", "sequence", "columns", "link", "truncated"]
    sequence: int
    message: str


class _Body(msgspec.Struct, frozen=True):
    event: msgspec.Raw
    kind: str
    sequence: int
    tenant: str
    through: int | None
    v: Literal[1]


_encode: Final = msgspec.json.Encoder(order="sorted").encode
_read: Final = msgspec.json.Decoder(_Body).decode
_DECODERS: Final = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}


def link(before: bytes, body: bytes) -> bytes:
    return hashlib.sha256(_DOMAIN + before + body).digest()


def place(tenant: str, head: int, before: bytes, event: Event, through: int | None = None) -> Row:
    """Put `event` behind row `head`, whose link is `before`. Raises UnicodeEncodeError for text that is no Unicode."""
    kind = _NAMES[type(event)]
    body = _encode(_Body(msgspec.Raw(_encode(event)), kind, head + 1, tenant, through, _VERSION))
    return Row(head + 1, event.at, kind, through, body, link(before, body))


def logged(row: Row) -> Logged:
    """The event of a row. Raises msgspec.MsgspecError where it is not one."""
    body = _read(row.body)
    return Logged(body.sequence, body.through, _DECODERS[body.kind].decode(body.event))


def in_order(rows: Iterable[Logged], without: frozenset[str] = frozenset()) -> Iterator[Event]:
    """The events in the order in which they are folded, as if no reporter of `without` had ever been heard."""
    waiting: deque[Logged] = deque()
    for row in rows:
        if isinstance(row.event, Reported):
            waiting.append(row)
            continue
        while waiting and waiting[0].sequence <= (row.through or 0):
            yield from _heard(waiting.popleft(), without)
        if not isinstance(row.event, Retracted):
            yield from _heard(row, without)
    for row in waiting:
        yield from _heard(row, without)


def _heard(row: Logged, without: frozenset[str]) -> Iterator[Event]:
    said = row.event.report if isinstance(row.event, Released) else row.event
    if not (isinstance(said, Reported) and said.reporter.id in without):
        yield row.event


def verify(tenant: str, rows: Iterable[Row], head: int, last: bytes) -> tuple[Problem, ...]:
    """Check a tenant's rows, in order, against its `head` and the link there; the first problem, if there is one."""
    before, expected = NO_LINK, 1
    for row in rows:
        problem = _problem(tenant, row, expected, before)
        if problem is not None:
            return (Problem(problem[0], row.sequence, problem[1]),)
        before, expected = row.link, expected + 1
    if (expected - 1, before) != (head, last):
        return (Problem("truncated", expected, f"the log ends at {expected - 1}, its tenant's row says {head}"),)
    return ()


_Found = tuple[Literal["unreadable", "tenant", "sequence", "columns", "link"], str]


def _problem(tenant: str, row: Row, expected: int, before: bytes) -> _Found | None:
    try:
        body = _read(row.body)
        event = _DECODERS[body.kind].decode(body.event)
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, RecursionError):
        return "unreadable", "the row is not an event"
    if body.tenant != tenant:
        return "tenant", "the event is another tenant's"
    if row.sequence != expected or body.sequence != expected:
        return "sequence", f"event {expected} should stand here"
    if (event.at, body.kind, body.through) != (row.at, row.kind, row.through):
        return "columns", "the columns beside the event are not its own"
    if row.link != link(before, row.body):
        return "link", "the event or its link was changed"
    return None
