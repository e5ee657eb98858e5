"""Approvals in the database: what was asked, what people answered, and which release used a yes.

A change travels with the Records it belongs to, into one transaction: Asked with the Record of the ask, Answered with
that of the person's act, Used with that of the release. A Used that finds no yes left fails its own write and no other:
the primary key of `approval_use` decides, so one yes is one release however many ask at once.

All SQL about approvals stands here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from . import outbox
from .errors import AlreadyAnswered, AlreadyUsed
from .sql import Connection

ApprovalState = Literal["pending", "approved", "denied", "used", "expired"]


@dataclass(frozen=True, slots=True)
class Approval:
    """One call that waits, or waited, for a person. Times are RFC 3339 in UTC.

    `arguments` is canonical JSON text of what was judged (members sorted, secrets replaced): what the approver sees.
    `digest` binds server, tool and the arguments as they are (server/approvals/binding.py). `sealed` holds the call
    itself, encrypted, where `arguments` cannot give it back. `expires_at` is the end of the wait while pending, the end
    of the yes once approved. `by_roles` are groups: who answers has a role of each. `uses` is how many releases a yes
    is good for, `used` how many there were.
    """

    id: str
    tenant: str
    principal_key: str
    agent: str | None
    user: str | None
    run: str
    decision: str
    door: str
    server: str | None
    tool: str
    arguments: str
    digest: str
    policy_hash: str
    rule: str | None
    prompt: str | None
    by_roles: tuple[tuple[str, ...], ...]
    uses: int
    valid_seconds: int
    state: ApprovalState
    asked_at: str
    expires_at: str
    decided_by: str | None = None
    decided_at: str | None = None
    because: str | None = None
    used: int = 0
    sealed: bytes | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A pending approval, to be kept with the Record of its ask. One that stands already is left as it is. `announced`
    puts a new one into the outbox (outbox.py), as people are to be told of it."""

    approval: Approval
    announced: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A person's answer to a pending approval; `expires_at` is the end of the yes."""

    approval: str
    tenant: str
    state: Literal["approved", "denied"]
    by: str
    because: str
    at: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Used:
    """The release, under the Record `decision`, of the call that an approval was given for."""

    approval: str
    digest: str
    policy_hash: str
    decision: str
    at: str


ApprovalChange = Asked | Answered | Used


def apply(connection: Connection, change: ApprovalChange) -> None:
    """Inside the writer's transaction. Raises AlreadyUsed, AlreadyAnswered."""
    _APPLY[type(change)](connection, change)


def _ask(connection: Connection, change: Asked) -> None:
    asked = change.approval
    # A wait that is over holds the place of its call in the index of pending ones until somebody asks anew.
    connection.execute(
        "UPDATE approval SET state = 'expired', sealed = NULL"
        " WHERE run = ? AND digest = ? AND policy_hash = ? AND state = 'pending' AND expires_at <= ?",
        (asked.run, asked.digest, asked.policy_hash, asked.asked_at),
    )
    values = [getattr(asked, name) for name in _KEPT]
    values[_KEPT.index("by_roles")] = json.dumps(asked.by_roles)
    new = connection.execute(
        f"INSERT INTO approval ({', '.join(_COLUMNS)}) VALUES (?{', ?' * (len(_KEPT) - 1)})"  # noqa: S608 (constant names)
        " ON CONFLICT DO NOTHING",
        values,
    ).rowcount
    if new and change.announced:
        outbox.put(connection, asked.id, asked.asked_at)


def _answer(connection: Connection, change: Answered) -> None:
    answered = connection.execute(
        "UPDATE approval SET state = ?, decided_by = ?, because = ?, decided_at = ?, expires_at = ?,"
        " sealed = CASE ? WHEN 'denied' THEN NULL ELSE sealed END"
        " WHERE id = ? AND tenant = ? AND state = 'pending' AND expires_at > ?",
        (
            change.state, change.by, change.because, change.at, change.expires_at,
            change.state, change.approval, change.tenant, change.at,
        ),
    ).rowcount  # fmt: skip
    if answered != 1:
        raise AlreadyAnswered("the approval is not pending any more")


def _use(connection: Connection, change: Used) -> None:
    used = connection.execute(
        "INSERT INTO approval_use (approval, ordinal, decision, used_at)"  # noqa: S608 (constant text)
        f" SELECT id, 1 + {_USES}, ?, ? FROM approval"
        " WHERE id = ? AND digest = ? AND policy_hash = ? AND state = 'approved' AND expires_at > ?"
        f" AND uses > {_USES} ON CONFLICT DO NOTHING",
        (change.decision, change.at, change.approval, change.digest, change.policy_hash, change.at),
    ).rowcount
    if used != 1:
        raise AlreadyUsed("the approval was used before, or is over")
    connection.execute(
        f"UPDATE approval SET state = 'used', sealed = NULL WHERE id = ? AND uses = {_USES}",  # noqa: S608 (constant text)
        (change.approval,),
    )


_APPLY: Final[Mapping[type, Callable[[Connection, Any], None]]] = {Asked: _ask, Answered: _answer, Used: _use}

_USES: Final = "(SELECT count(*) FROM approval_use WHERE approval_use.approval = approval.id)"

_KEPT: Final = (
    "id", "tenant", "principal_key", "agent", "user", "run", "decision", "door", "server", "tool", "arguments",
    "digest", "policy_hash", "rule", "prompt", "by_roles", "uses", "valid_seconds", "state", "asked_at", "expires_at",
    "decided_by", "decided_at", "because", "sealed",
)  # fmt: skip

_COLUMNS: Final = tuple('"user"' if name == "user" else name for name in _KEPT)
"""Quoted where it is a word of SQL: PostgreSQL takes `user` for who is connected."""

_PLAIN: Final = ", ".join(name for name in _COLUMNS if name != "state")
_NOW: Final = (
    f"SELECT {_PLAIN}, CASE WHEN state IN ('pending', 'approved') AND expires_at <= ? THEN 'expired' ELSE state END"  # noqa: S608 (constant names)
    f" AS state, {_USES} AS used FROM approval"
)
"""The approvals as they stand at a moment: nobody writes down that a time has passed."""


def one(connection: Connection, approval_id: str, now: str) -> Approval | None:
    found = _read(connection, f"{_NOW} WHERE id = ?", (now, approval_id))
    return found[0] if found else None


def listed(connection: Connection, tenant: str, states: Sequence[ApprovalState], most: int, now: str) -> list[Approval]:
    """Those of a tenant in one of `states`, newest first."""
    places = ", ".join("?" * len(states))
    sql = f"SELECT * FROM ({_NOW} WHERE tenant = ?) AS standing WHERE state IN ({places}) ORDER BY id DESC LIMIT ?"  # noqa: S608 (places only)
    return _read(connection, sql, (now, tenant, *states, most))


def fitting(connection: Connection, run: str, digest: str, policy_hash: str, now: str) -> Approval | None:
    """The approval of exactly this call in this run under this policy: a yes that holds, else the newest one."""
    sql = (
        f"SELECT * FROM ({_NOW} WHERE run = ?) AS standing WHERE digest = ? AND policy_hash = ?"  # noqa: S608 (constant text)
        " ORDER BY state = 'approved' DESC, id DESC LIMIT 1"
    )
    found = _read(connection, sql, (now, run, digest, policy_hash))
    return found[0] if found else None


def approved(connection: Connection, run: str, tenant: str, now: str) -> list[Approval]:
    """Every yes of a run that holds and is not used up, oldest first."""
    sql = f"SELECT * FROM ({_NOW} WHERE run = ? AND tenant = ?) AS standing WHERE state = 'approved' ORDER BY id"  # noqa: S608 (constant text)
    return _read(connection, sql, (now, run, tenant))


def open_runs(connection: Connection, now: str) -> set[str]:
    """The runs in which something waits for a person, or for its release."""
    rows = connection.execute(
        "SELECT DISTINCT run FROM approval WHERE state IN ('pending', 'approved') AND expires_at > ?", (now,)
    )
    return {run for (run,) in rows}


def asked(connection: Connection, principal_key: str, since: str, now: str) -> list[tuple[str, bool, bool]]:
    """What a principal asked `since` then or still waits for: id, whether it is of that time, whether it is pending."""
    rows = connection.execute(
        "SELECT id, asked_at > ?, state = 'pending' AND expires_at > ? FROM approval"
        " WHERE principal_key = ? AND (asked_at > ? OR (state = 'pending' AND expires_at > ?))",
        (since, now, principal_key, since, now),
    )
    return [(name, bool(recent), bool(pending)) for name, recent, pending in rows]


def standing(connection: Connection, now: str) -> tuple[dict[ApprovalState, int], str | None]:
    """How many approvals of all tenants stand how, and when the oldest that waits was asked for."""
    sql = f"SELECT state, count(*), min(asked_at) FROM ({_NOW}) AS standing GROUP BY state"  # noqa: S608 (constant text)
    rows = list(connection.execute(sql, (now,)))
    oldest = next((asked_at for state, _, asked_at in rows if state == "pending"), None)
    return {state: count for state, count, _ in rows}, oldest


def erase(connection: Connection, record_id: str) -> None:
    """Forget what the call of this Record held; the approval itself stays. A yes that waits for its call is over."""
    connection.execute(
        "UPDATE approval SET arguments = '{}', prompt = NULL, sealed = NULL, because = NULL,"
        " state = CASE WHEN state IN ('pending', 'approved') THEN 'expired' ELSE state END WHERE decision = ?",
        (record_id,),
    )


def purge(connection: Connection, before: str, most: int) -> int:
    """Delete approvals that were over `before`. The uses go first: what is over cannot be used again without them."""
    over = "SELECT id FROM approval WHERE expires_at < ? ORDER BY expires_at LIMIT ?"
    if connection.execute(over, (before, 1)).fetchone() is None:
        return 0
    connection.execute(f"DELETE FROM approval_use WHERE approval IN ({over})", (before, most))  # noqa: S608 (constant text)
    connection.execute(f"DELETE FROM approval_outbox WHERE approval IN ({over})", (before, most))  # noqa: S608 (same)
    return connection.execute(f"DELETE FROM approval WHERE id IN ({over})", (before, most)).rowcount  # noqa: S608 (same)


def _read(connection: Connection, sql: str, values: Sequence[Any]) -> list[Approval]:
    cursor = connection.execute(sql, tuple(values))
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return [Approval(**{**row, "by_roles": _groups(json.loads(row["by_roles"]))}) for row in rows]


def _groups(kept: list[Any]) -> tuple[tuple[str, ...], ...]:
    """Approvals asked for before several rules counted have the roles of one, as a list of texts."""
    if kept and isinstance(kept[0], str):
        return (tuple(kept),)
    return tuple(tuple(group) for group in kept)
