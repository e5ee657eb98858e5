"""Policy versions in the database: signed bundles as they came, and which of them is in force.

policy_version     a bundle that was published, under a number that this database gave it; never changed but by another
                   signature of the same content, never deleted
policy_activation  each time that a version was put in force; the last row names the one that is

A change travels with its Record into one transaction. An Activated says which activation its author saw last, and the
primary key of `policy_activation` lets one of two such writes stand, at whichever replica they are made: the other one
fails with PolicyMoved, and nothing of it is written.

All SQL about policy versions stands here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from .errors import PolicyMoved
from .sql import Connection

Manner = Literal["activate", "rollback"]


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A published bundle without its bytes. `digest` is SHA-256 of its manifest, `serial` what its signer numbered it
    with, `signed_by` the fingerprints of the keys that signed it. `published_at` is RFC 3339."""

    number: int
    digest: str
    serial: int
    policy_hash: str
    signed_by: tuple[str, ...]
    author: str
    published_at: str
    because: str


@dataclass(frozen=True, slots=True)
class Activation:
    """One time that a version was put in force, `instead_of` another one (0: of none), under the Record `record`."""

    ordinal: int
    version: int
    instead_of: int
    manner: Manner
    author: str
    made_at: str
    because: str
    record: str


@dataclass(frozen=True, slots=True)
class Published:
    """A new version. `number` is the one after the newest that its author saw."""

    version: PolicyVersion
    bundle: bytes


@dataclass(frozen=True, slots=True)
class Countersigned:
    """Other signatures on the content of a version: its bundle with all of them."""

    number: int
    digest: str
    signed_by: tuple[str, ...]
    bundle: bytes


@dataclass(frozen=True, slots=True)
class Activated:
    """A version is put in force; its `ordinal` is the one after the newest activation that its author saw."""

    activation: Activation


PolicyChange = Published | Countersigned | Activated


def apply(connection: Connection, change: PolicyChange) -> None:
    """Inside the writer's transaction. Raises PolicyMoved."""
    sql, values = _APPLY[type(change)](change)
    if connection.execute(sql, values).rowcount != 1:
        raise PolicyMoved("somebody else changed the policy versions meanwhile")


def _publish(change: Published) -> tuple[str, tuple[Any, ...]]:
    kept = change.version
    return (
        f"INSERT INTO policy_version ({_VERSION}, bundle) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",  # noqa: S608 (constant names)
        (
            kept.number, kept.digest, kept.serial, kept.policy_hash, json.dumps(kept.signed_by), kept.author,
            kept.published_at, kept.because, change.bundle,
        ),
    )  # fmt: skip


def _countersign(change: Countersigned) -> tuple[str, tuple[Any, ...]]:
    return (
        "UPDATE policy_version SET signed_by = ?, bundle = ? WHERE number = ? AND digest = ?",
        (json.dumps(change.signed_by), change.bundle, change.number, change.digest),
    )


def _activate(change: Activated) -> tuple[str, tuple[Any, ...]]:
    made = change.activation
    return (
        f"INSERT INTO policy_activation ({_ACTIVATION}) SELECT ?, number, ?, ?, ?, ?, ?, ? FROM policy_version"  # noqa: S608 (constant names)
        " WHERE number = ? AND (SELECT coalesce(max(ordinal), 0) FROM policy_activation) = ? ON CONFLICT DO NOTHING",
        (
            made.ordinal, made.instead_of, made.manner, made.author, made.made_at, made.because, made.record,
            made.version, made.ordinal - 1,
        ),
    )  # fmt: skip


_APPLY: Final[Mapping[type, Callable[[Any], tuple[str, tuple[Any, ...]]]]] = {
    Published: _publish,
    Countersigned: _countersign,
    Activated: _activate,
}

_VERSION: Final = "number, digest, serial, policy_hash, signed_by, author, published_at, because"
_ACTIVATION: Final = "ordinal, version, instead_of, manner, author, made_at, because, record"


def newest(connection: Connection, most: int) -> list[PolicyVersion]:
    """The versions, newest first."""
    rows = connection.execute(
        f"SELECT {_VERSION} FROM policy_version ORDER BY number DESC LIMIT ?",  # noqa: S608 (constant names)
        (most,),
    )
    return [_version(row) for row in rows]


def one(connection: Connection, number: int) -> PolicyVersion | None:
    return _found(connection, "number = ?", number)


def of_digest(connection: Connection, digest: str) -> PolicyVersion | None:
    return _found(connection, "digest = ?", digest)


def bundle(connection: Connection, number: int) -> bytes | None:
    """The bundle of a version as it was published."""
    row = connection.execute("SELECT bundle FROM policy_version WHERE number = ?", (number,)).fetchone()
    return None if row is None else bytes(row[0])


def activations(connection: Connection, most: int) -> list[Activation]:
    """The newest first: that one names the version in force."""
    rows = connection.execute(
        f"SELECT {_ACTIVATION} FROM policy_activation ORDER BY ordinal DESC LIMIT ?",  # noqa: S608 (constant names)
        (most,),
    )
    return [Activation(*row) for row in rows]


def _found(connection: Connection, where: str, value: object) -> PolicyVersion | None:
    row = connection.execute(f"SELECT {_VERSION} FROM policy_version WHERE {where}", (value,)).fetchone()  # noqa: S608 (constant text)
    return None if row is None else _version(row)


def _version(row: Sequence[Any]) -> PolicyVersion:
    number, digest, serial, policy_hash, signed_by, *rest = row
    return PolicyVersion(number, digest, serial, policy_hash, tuple(json.loads(signed_by)), *rest)
