"""Checkpoints: the chain's end, written outside the database with a message authentication code.

A checkpoint says which link stood at which position at a time. It is one line of JSON in a file that only grows, made
with HMAC-SHA256 under a key file that should not lie on the same machine's disk for longer than `audit anchor` runs.
Whoever holds the key can forge checkpoints (it is not a signature); the standard library has no signature scheme.
docs/records.md says what to do with the file.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from guardrail.chain import Row
from policy_dsl import strict_json

from .errors import AnchorError

_DOMAIN: Final = b"leastward checkpoint v1\x00"


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=False):
    """Row `position` of database `store` had the link `link` (hexadecimal) when `at` was the time."""

    v: int
    store: str
    position: int
    id: str
    link: str
    at: str


class _Line(Checkpoint, frozen=True, forbid_unknown_fields=True):
    mac: str


@dataclass(frozen=True, slots=True, repr=False)
class AnchorKey:
    """The secret under which checkpoints are made and checked."""

    secret: bytes

    @classmethod
    def read(cls, path: Path) -> AnchorKey:
        try:
            text = path.read_text(encoding="ascii").strip()
            secret = bytes.fromhex(text)
        except (OSError, ValueError) as error:
            raise AnchorError(f"the key file `{path.name}` cannot be read") from error
        if len(secret) < 32:
            raise AnchorError(f"the key file `{path.name}` holds less than 32 bytes")
        return cls(secret)

    @classmethod
    def make(cls, path: Path) -> AnchorKey:
        """Write a new key of 32 bytes, in hexadecimal, readable by the owner only; never over another file."""
        key = cls(secrets.token_bytes(32))
        try:
            _append(path, key.secret.hex().encode("ascii"), os.O_EXCL)
        except OSError as error:
            raise AnchorError(f"the key file `{path.name}` cannot be made") from error
        return key

    def code(self, checkpoint: Checkpoint) -> str:
        return hmac.new(self.secret, _DOMAIN + msgspec.json.encode(_plain(checkpoint)), hashlib.sha256).hexdigest()


def checkpoint(store: str, last: Row, at: str) -> Checkpoint:
    return Checkpoint(1, store, last.position, last.id, last.link.hex(), at)


def write(path: Path, key: AnchorKey, made: Checkpoint) -> None:
    """Append a checkpoint to the file (mode 0600 if new) and make it durable. Raises AnchorError."""
    line = msgspec.json.encode({**_plain(made), "mac": key.code(made)})
    try:
        _append(path, line)
    except OSError as error:
        raise AnchorError(f"the checkpoint file `{path.name}` cannot be written") from error


def read(path: Path, key: AnchorKey, store: str) -> list[Checkpoint]:
    """Every checkpoint of the file. Raises AnchorError, naming the line, unless all are whole, ours and of `store`."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise AnchorError(f"the checkpoint file `{path.name}` cannot be read") from error
    return [_checked(line, number, key, store) for number, line in enumerate(lines, 1)]


def marks(checkpoints: Sequence[Checkpoint]) -> dict[int, bytes]:
    """What `guardrail.record.verify` compares with: links by position."""
    return {made.position: bytes.fromhex(made.link) for made in checkpoints}


def _checked(line: bytes, number: int, key: AnchorKey, store: str) -> Checkpoint:
    try:
        strict_json.parse(line)
        read_line = msgspec.json.decode(line, type=_Line)
        bytes.fromhex(read_line.link)
    except ValueError as error:
        raise AnchorError(f"line {number} is not a checkpoint") from error
    members = _plain(read_line)
    members.pop("mac")
    made = Checkpoint(**members)
    if made.v != 1:
        raise AnchorError(f"line {number} is a checkpoint of version {made.v}, known is 1")
    if not hmac.compare_digest(key.code(made), read_line.mac):
        raise AnchorError(f"line {number} was not made with this key, or was changed")
    if made.store != store:
        raise AnchorError(f"line {number} is of another database")
    return made


def _plain(made: Checkpoint) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.structs.asdict(made)
    return dict(sorted(members.items()))


def _append(path: Path, line: bytes, flags: int = 0) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC | flags, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with suppress(OSError):
        os.fsync(directory)
    os.close(directory)
