"""The hash chain of Records, which shows whether they were changed later.

Theory of operation. A writer that opens the database is an incarnation. It first places an opening row that names the
row before it, then its Records, one row each:

    body     = canonical JSON of the Record, its incarnation and its sequence (version 4: `v`)
    link     = SHA-256("leastward record link v1" NUL, link of the row before in this incarnation, body)
    position = position of the opening row + sequence

The opening row has sequence 0 and the link of 32 zero bytes before it. So every row binds all rows before it: those of
its own incarnation by the links, those of earlier ones by the opening row's `after`. What a chain cannot show by itself
is a tail that is missing, or written anew by someone who can compute SHA-256 too; for that a link is kept outside the
database (`marks`), see docs/records.md.

Everything here is pure: rows go in and out as tuples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import msgspec

from .advised import Advised
from .judging import Judged
from .record import Act, IntentDigest, Record, Shadowed

NO_LINK: Final = bytes(32)
_LINK_DOMAIN: Final = b"leastward record link v1\x00"
_VERSION: Final = 4
"""Version 3 had no `judge`, version 2 also no `memory`, version 1 also no `act`, `approvals`, `ends_session`, `intent`,
`released`, `shadow`; rows of all three are still verified."""


class Row(NamedTuple):
    """One row of the chain as it is stored. `id` repeats the id inside `body` so that it can be looked up."""

    position: int
    id: str
    body: bytes
    link: bytes


class Head(NamedTuple):
    """The end of one incarnation's chain: the place and the link of its last row."""

    incarnation: str
    base: int
    sequence: int
    link: bytes

    @property
    def position(self) -> int:
        return self.base + self.sequence


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the rows are not what was written. `position` is the first bad row, `id` what stands there, if anything.

    Codes: `unreadable` (not a record), `unopened` (its chain has no opening row), `sequence` (rows removed, moved or
    doubled), `position`, `id` (the column differs from the body), `link` (body or link changed), `cut` (the end of the
    chain before is missing), `rewritten` and `truncated` (against a mark kept outside).
    """

    code: Literal["unreadable", "unopened", "sequence", "position", "id", "link", "cut", "rewritten", "truncated"]
    position: int
    id: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` saw: how many rows in how many incarnations, the first problem of each, and the last row."""

    rows: int
    chains: int
    problems: tuple[Problem, ...]
    last: Row | None


def link(before: bytes, body: bytes) -> bytes:
    return hashlib.sha256(_LINK_DOMAIN + before + body).digest()


def opening(incarnation: str, at: str, base: int, after: tuple[int, bytes] | None) -> tuple[Head, Row]:
    """Start a chain at position `base`, after the row with the given position and link (None: there is none)."""
    body = _encode(
        {
            "after": None if after is None else {"link": after[1].hex(), "position": after[0]},
            "at": at,
            "base": base,
            "id": incarnation,
            "incarnation": incarnation,
            "kind": "opened",
            "sequence": 0,
            "v": _VERSION,
        }
    )
    head = Head(incarnation, base, 0, link(NO_LINK, body))
    return head, Row(base, incarnation, body, head.link)


def place(head: Head, record: Record) -> tuple[Head, Row]:
    """Put `record` at the end of the chain. Raises UnicodeEncodeError where a text in it is not Unicode."""
    incarnation, base, sequence, before = head
    sequence += 1
    body = encode(record, incarnation, sequence)
    digest = link(before, body)
    return Head(incarnation, base, sequence, digest), Row(base + sequence, record.id, body, digest)


def encode(record: Record, incarnation: str, sequence: int) -> bytes:
    """The canonical body, version 4: compact JSON, members sorted by name, every member always present."""
    return _encode(
        _Body(
            record.act,
            record.agent,
            record.approvals,
            record.arguments,
            record.at,
            record.call_id,
            record.door,
            record.effect,
            record.ends_session,
            [{"code": e.code, "place": e.place, "rule": e.rule} for e in record.errors] if record.errors else [],
            record.id,
            incarnation,
            record.intent,
            record.judge,
            record.kind,
            record.memory,
            record.memory_version,
            record.mode,
            record.model,
            record.policy_hash,
            record.reason,
            record.released,
            record.roles,
            record.rule,
            record.run,
            sequence,
            record.shadow,
            record.tenant,
            record.text_calls,
            record.tool,
            record.upstream,
            record.user,
        )
    )


class _Body(msgspec.Struct, frozen=True, gc=False):
    """The members in the order of the text. A struct: encoding a dict of this size takes three times as long."""

    act: Act | None
    agent: str | None
    approvals: tuple[str, ...]
    arguments: str | None
    at: str
    call_id: str | None
    door: str
    effect: str
    ends_session: bool
    errors: list[dict[str, str]]
    id: str
    incarnation: str
    intent: IntentDigest | None
    judge: Judged | None
    kind: str
    memory: Advised | None
    memory_version: int
    mode: str
    model: str
    policy_hash: str
    reason: str
    released: str | None
    roles: tuple[str, ...]
    rule: str | None
    run: str
    sequence: int
    shadow: Shadowed | None
    tenant: str | None
    text_calls: str
    tool: str | None
    upstream: str
    user: str | None
    v: int = _VERSION


_encode = msgspec.json.Encoder().encode


def verify_chain(rows: Iterable[Row]) -> list[Problem]:
    """The first problem of each incarnation in `rows`, which come in order of position; empty where all is well."""
    return list(verify(rows).problems)


def verify(rows: Iterable[Row], marks: Mapping[int, bytes] | None = None) -> Verification:
    """Check every row of a database, in order of position, and `marks`: links by position that were kept outside."""
    check = _Check(dict(marks or {}))
    for row in rows:
        check.see(row)
    return check.finish()


class _Before(msgspec.Struct, frozen=True):
    link: str
    position: int


class _Members(msgspec.Struct, frozen=True):
    """The members of a body that place it; all others are bound by the link alone."""

    v: Literal[1, 2, 3, 4]
    id: str
    kind: str
    incarnation: str
    sequence: int
    base: int | None = None
    after: _Before | None = None


_read = msgspec.json.Decoder(_Members).decode

_Code = Literal["unreadable", "unopened", "sequence", "position", "id", "link", "cut", "rewritten"]


class _Check:
    """The state of one pass over the rows. After its first problem an incarnation is skipped up to the next opening."""

    def __init__(self, marks: dict[int, bytes]) -> None:
        self.marks = marks
        self.problems: list[Problem] = []
        self.rows = 0
        self.chains = 0
        self.last: Row | None = None
        self.head: Head | None = None
        self.broken: str | None = None

    def see(self, row: Row) -> None:
        self.rows += 1
        mark = self.marks.pop(row.position, None) if self.marks else None
        if mark is not None and mark != row.link:
            self._report("rewritten", row, "the row is not the one that was marked outside the database")
        try:
            members = _read(row.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            if self.broken is None:
                self._break(self.head.incarnation if self.head else "", "unreadable", row, "the row is not a record")
        else:
            if members.kind == "opened":
                self._open(row, members)
            elif members.incarnation != self.broken:
                self._follow(row, members)
        self.last = row

    def finish(self) -> Verification:
        end = 0 if self.last is None else self.last.position
        for position in sorted(self.marks):
            where = "after the last row" if position > end else "among the rows that are there"
            message = f"the row marked outside the database is missing {where}"
            self.problems.append(Problem("truncated", position, None, message))
        return Verification(self.rows, self.chains, tuple(self.problems), self.last)

    def _open(self, row: Row, members: _Members) -> None:
        self.chains += 1
        intact_before, self.broken = self.broken is None, None
        incarnation = members.incarnation
        if members.sequence != 0 or members.base != row.position:
            self._break(incarnation, "position", row, "the opening row was moved")
        elif row.id != incarnation or members.id != incarnation:
            self._break(incarnation, "id", row, "the id beside the opening row is not its own")
        elif row.link != link(NO_LINK, row.body):
            self._break(incarnation, "link", row, "the opening row or its link was changed")
        else:
            self.head = Head(incarnation, row.position, 0, row.link)
            before = None if self.last is None else _Before(self.last.link.hex(), self.last.position)
            if members.after != before and intact_before:
                self._report("cut", row, _cut(members.after, before))

    def _follow(self, row: Row, members: _Members) -> None:
        head, incarnation, sequence = self.head, members.incarnation, members.sequence
        if head is None or incarnation != head.incarnation:
            self._break(incarnation, "unopened", row, f"no opening row of incarnation `{incarnation}` stands before it")
        elif sequence != head.sequence + 1:
            expected = head.sequence + 1
            self._break(incarnation, "sequence", row, f"record {expected} should stand here, found record {sequence}")
        elif row.position != head.base + sequence:
            self._break(incarnation, "position", row, "the position is not the one it was written at")
        elif row.id != members.id:
            self._break(incarnation, "id", row, "the id beside the record is not the record's own")
        elif row.link != link(head.link, row.body):
            self._break(incarnation, "link", row, "the record or its link was changed")
        else:
            self.head = Head(incarnation, head.base, sequence, row.link)

    def _break(self, incarnation: str, code: _Code, row: Row, message: str) -> None:
        self.broken = incarnation
        self._report(code, row, message)

    def _report(self, code: _Code, row: Row, message: str) -> None:
        self.problems.append(Problem(code, row.position, row.id, message))


def _cut(named: _Before | None, found: _Before | None) -> str:
    if named is None:
        return "it says that no row stood before it when it was written, but one does"
    there = "none does" if found is None else f"row {found.position} does, with another link or place"
    return f"row {named.position} should stand before it as it was then, {there}"
