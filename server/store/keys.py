"""API keys: issue, list and revoke them in the database, and know their owners from memory.

A secret is 32 random bytes, so one SHA-256 is enough: a slow hash protects what people can guess, and nobody guesses
256 bits. The database holds the hash only.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from guardrail import Principal
from server.exchange import Caller, Scope

from .sql import Connection

SECRET_PREFIX: Final = "lw-"  # noqa: S105 (a mark that scanners for leaked keys can look for)
SECRET_LENGTH: Final = len(SECRET_PREFIX) + 43

_ID: Final = re.compile(r"key-[0-9a-v]{26}")
"""Callers with a signed token or none have ids of other forms."""

_COLUMNS: Final = 'id, tenant, agent, "user", roles, scopes, speaks_for_user, label, made_at, revoked_at'
_SCOPES: Final[frozenset[str]] = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key without its secret. Times are RFC 3339; `revoked_at` is None while the key is good."""

    id: str
    tenant: str
    agent: str
    user: str | None
    roles: tuple[str, ...]
    scopes: tuple[Scope, ...]
    speaks_for_user: bool
    label: str
    made_at: str
    revoked_at: str | None

    @property
    def caller(self) -> Caller:
        principal = Principal(self.tenant, self.agent, self.user, frozenset(self.roles))
        return Caller(principal, frozenset(self.scopes), self.id, self.speaks_for_user)


def new_secret() -> str:
    """`lw-` and 43 url-safe characters: 256 bits from the system's generator."""
    return SECRET_PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def insert(connection: Connection, secret: str, info: KeyInfo) -> None:
    connection.execute(
        f"INSERT INTO api_key (digest, {_COLUMNS}) VALUES (?{', ?' * 10})",  # noqa: S608 (constant columns)
        (
            digest_of(secret),
            info.id,
            info.tenant,
            info.agent,
            info.user,
            json.dumps(info.roles),
            json.dumps(info.scopes),
            int(info.speaks_for_user),
            info.label,
            info.made_at,
            info.revoked_at,
        ),
    )


def one(connection: Connection, key_id: str) -> KeyInfo | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM api_key WHERE id = ?", (key_id,)).fetchone()  # noqa: S608 (constant columns)
    return None if row is None else _info(row)


def everyone(connection: Connection) -> list[KeyInfo]:
    """All keys, revoked ones too, oldest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM api_key ORDER BY id")  # noqa: S608 (constant columns)
    return [_info(row) for row in rows]


def revoke(connection: Connection, key_id: str, now: str) -> bool:
    """Whether there was such a key. The earlier time counts: one that was rotated may end sooner, never later."""
    changed = connection.execute(
        "UPDATE api_key SET revoked_at = CASE WHEN revoked_at < ? THEN revoked_at ELSE ? END WHERE id = ?",
        (now, now, key_id),
    ).rowcount
    return changed > 0


class Held(NamedTuple):
    """Who a key speaks for, and when it ends: RFC 3339, None while nobody rotated or revoked it."""

    caller: Caller
    until: str | None


def ring(connection: Connection, now: str) -> Mapping[bytes, Held]:
    """Who each good key speaks for, by the digest of its secret."""
    rows = connection.execute(
        f"SELECT digest, {_COLUMNS} FROM api_key WHERE revoked_at IS NULL OR revoked_at > ?",  # noqa: S608 (constant columns)
        (now,),
    )
    return {bytes(digest): Held((info := _info(row)).caller, info.revoked_at) for digest, *row in rows}


class RingById:
    """The ring by the ids of its keys, made anew where it is another one."""

    def __init__(self) -> None:
        self._ring: Mapping[bytes, Held] = {}
        self._held: dict[str, Held] = {}

    def still_speaks(self, caller: Caller, ring: Mapping[bytes, Held], now: str) -> bool:
        """See Store.still_speaks."""
        if not _ID.fullmatch(caller.key_id):
            return True
        if self._ring is not ring:
            self._ring, self._held = ring, {held.caller.key_id: held for held in ring.values()}
        held = self._held.get(caller.key_id)
        return held is not None and (held.until is None or held.until > now)


def known_scopes(scopes: Collection[str]) -> tuple[Scope, ...]:
    """Sorted, each once. Raises ValueError for a scope that does not exist."""
    if unknown := sorted(set(scopes) - _SCOPES):
        known = ", ".join(f"`{scope}`" for scope in Scope)
        raise ValueError(f"there is no scope `{unknown[0]}`: a scope is one of {known}")
    return tuple(sorted(Scope(scope) for scope in set(scopes)))


def _info(row: Sequence[Any]) -> KeyInfo:
    key_id, tenant, agent, user, roles, scopes, speaks_for_user, label, made_at, revoked_at = row
    return KeyInfo(
        key_id,
        tenant,
        agent,
        user,
        tuple(json.loads(roles)),
        known_scopes(json.loads(scopes)),
        bool(speaks_for_user),
        label,
        made_at,
        revoked_at,
    )
