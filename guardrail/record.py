"""The Record: one Decision as it is kept, who it was for and by what it was decided. chain.py links Records.

Everything here is pure: ids, times and entropy come from outside. Record and Payload are msgspec structs, as Decision
is: one of each is made for every call, and a frozen dataclass of this size takes ten times as long (6 us a Record).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from itertools import product
from typing import Final, Literal

import msgspec

from policy_dsl import RuleError

from .advised import Advised
from .judging import Judged

Kind = Literal["decision", "malformed-answer", "malformed-request", "act"]

_DIGEST_DOMAIN: Final = b"leastward arguments digest v1\x00"


class Payload(msgspec.Struct, frozen=True, gc=False):
    """What may be erased without breaking the chain: the salt of the digest, and the call's arguments, redacted.

    `arguments` is JSON text in UTF-8, and so is `released`: what a rewrite made of them, None where nothing did.
    Without `salt` the digests in the Record say nothing about either. `context` is what memory may ask of the decision,
    as memory wrote it, None where there is no memory; `audit` the probability with which the decision was drawn for a
    person to look at, None where it was not drawn.
    """

    salt: bytes
    arguments: bytes
    released: bytes | None = None
    context: bytes | None = None
    audit: float | None = None


class IntentDigest(msgspec.Struct, frozen=True, gc=False):
    """The transaction intent that a call was read as: its schema, and the hash of its fields (policy_dsl.intents)."""

    hash: str
    name: str
    version: int


class Shadowed(msgspec.Struct, frozen=True, gc=False):
    """What would have been decided with the rules that are only shadows."""

    effect: Literal["allow", "ask", "forbid"]
    rule: str | None


class Act(msgspec.Struct, frozen=True, gc=False):
    """What a person did to a session: took the mark `untrusted` (endorse) or a label (declassify) from it; or to the
    policy of all: published a version of it or put one in force, and then `label` names the version."""

    because: str
    by: str
    label: str
    verb: Literal["endorse", "declassify", "publish", "activate", "rollback"]


class Record(msgspec.Struct, frozen=True, gc=False):
    """A Policy Decision Record: one Decision (or one refused message), who it was for, and by what it was decided.

    `id` is `dec-` and 26 characters (`new_id`); `at` is RFC 3339 in UTC with microseconds (`instant`). `arguments` is
    the salted digest (`arguments_digest`), None where there was no call; `released` the digest of the arguments that a
    rewrite made, None where none did. `text_calls` is the gate's setting for calls written as text. `approvals` are the
    ids of the approvals that a release used. `act` stands in Records of that kind only, `memory` where memory changed
    the decision, `judge` where a judge was asked. `payload` is kept beside the chain, not in it.
    """

    kind: Kind
    id: str
    at: str
    tenant: str | None
    agent: str | None
    user: str | None
    roles: tuple[str, ...]
    run: str
    door: str
    tool: str | None
    call_id: str | None
    arguments: str | None
    effect: Literal["allow", "ask", "forbid"]
    rule: str | None
    reason: str
    errors: tuple[RuleError, ...]
    policy_hash: str
    memory_version: int
    mode: Literal["enforce", "observe"]
    text_calls: str
    upstream: str
    model: str
    released: str | None = None
    intent: IntentDigest | None = None
    approvals: tuple[str, ...] = ()
    shadow: Shadowed | None = None
    ends_session: bool = False
    act: Act | None = None
    memory: Advised | None = None
    judge: Judged | None = None
    payload: Payload | None = None


def new_id(prefix: str, now_ms: int, entropy: bytes) -> str:
    """`prefix`, a hyphen and 26 lower-case characters that sort by time: 48 bits of milliseconds, 80 bits of `entropy`.

    The alphabet is base32hex (RFC 4648 section 7), which unlike plain base32 sorts as the number does.
    """
    if len(entropy) != 10:
        raise ValueError("an id takes 10 bytes of entropy")
    number = int.from_bytes(now_ms.to_bytes(6, "big") + entropy, "big") << 2
    high, middle, low, pair = number >> 100, number >> 50 & _FIFTY_BITS, number & _FIFTY_BITS, _PAIRS
    # Written out: a loop over the 13 pairs takes twice as long, and every exchange has an id.
    return (
        f"{prefix}-{pair[high >> 20]}{pair[high >> 10 & 1023]}{pair[high & 1023]}"
        f"{pair[middle >> 40]}{pair[middle >> 30 & 1023]}{pair[middle >> 20 & 1023]}"
        f"{pair[middle >> 10 & 1023]}{pair[middle & 1023]}"
        f"{pair[low >> 40]}{pair[low >> 30 & 1023]}{pair[low >> 20 & 1023]}{pair[low >> 10 & 1023]}{pair[low & 1023]}"
    )


_PAIRS: Final = tuple(map("".join, product("0123456789abcdefghijklmnopqrstuv", repeat=2)))
_FIFTY_BITS: Final = (1 << 50) - 1


def instant(moment: datetime) -> str:
    """A moment with its zone set as RFC 3339 in UTC with microseconds: `2026-11-22T12:00:00.000000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def arguments_digest(salt: bytes, arguments: bytes) -> str:
    """Hexadecimal SHA-256 of `salt` (16 bytes) and the arguments as the gate encodes them."""
    return hashlib.sha256(_DIGEST_DOMAIN + salt + arguments).hexdigest()
