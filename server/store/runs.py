"""Runs: an opaque id bound to the principal it was minted for. Another principal's id is as good as none."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from guardrail import Principal, new_id

from .sql import Connection


@dataclass(frozen=True, slots=True)
class Run:
    """`principal_key` is the `key` of the Principal that the run belongs to."""

    id: str
    principal_key: str


def default_run(identity: str, principal: Principal) -> Run:
    """The run of a principal that minted none: always the same one in the database with this `identity`."""
    return _default_run(identity, principal.key)


@lru_cache(maxsize=4096)
def _default_run(identity: str, principal_key: str) -> Run:
    digest = hashlib.sha256(f"leastward default run v1\0{identity}\0{principal_key}".encode()).digest()
    return Run(new_id("run", 0, digest[:10]), principal_key)


def run_with(connection: Connection, run_id: str) -> Run | None:
    row = connection.execute("SELECT id, principal_key FROM run WHERE id = ?", (run_id,)).fetchone()
    return None if row is None else Run(*row)
