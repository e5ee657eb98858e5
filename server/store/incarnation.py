"""What the ledgers of both databases write beside the Records: the first row of an incarnation's chain; and until when
payloads are kept.

Each opening of a database for writing is an incarnation, and its first row says after which row of the database it came
(guardrail.chain.opening).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from guardrail import Clock, instant, new_id
from guardrail.chain import Head, Row, opening

from .errors import StoreUnavailable
from .sql import Connection

PURGE_ROWS: Final = 500
"""Payloads erased in one transaction, so that producers never wait long behind it."""

SECONDS_A_DAY: Final = 86_400

BEYOND: Final = 2**63 - 1
"""The largest integer of both databases: above every position."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Which database a store began with (`identity`), and for how many days it keeps payloads."""

    identity: str
    clock: Clock
    retention_days: int

    def check(self, connection: Connection, at: str) -> None:
        """The database must be the one that this store began with. Raises StoreUnavailable."""
        (identity,) = connection.execute("SELECT identity FROM store").fetchone()
        if identity != self.identity:
            raise StoreUnavailable(f"another database stands at the {at}")

    @property
    def today(self) -> int:
        """Days since 1970, UTC: when a payload is written."""
        return int(self.clock().timestamp()) // SECONDS_A_DAY

    @property
    def oldest_day(self) -> int:
        """Payloads that were written before it are over."""
        return self.today - self.retention_days

    @property
    def oldest(self) -> str:
        """Approvals that were over before it are, too."""
        return instant(self.clock() - timedelta(days=self.retention_days))


@dataclass(frozen=True, slots=True)
class Incarnation:
    """One opening of a database for writing; `at` is when."""

    name: str
    at: str

    @classmethod
    def now(cls, clock: Clock) -> Incarnation:
        moment = clock()
        return cls(new_id("inc", int(moment.timestamp() * 1000), os.urandom(10)), instant(moment))

    def first(self, connection: Connection, position: int | None = None) -> tuple[Head, Row]:
        """The end of its chain, and the row to be written: at `position`, after the newest row below it; None: right
        after the newest row of all."""
        last = connection.execute(
            "SELECT position, link FROM record WHERE position < ? ORDER BY position DESC LIMIT 1",
            (BEYOND if position is None else position,),
        ).fetchone()
        after = None if last is None else (int(last[0]), bytes(last[1]))
        if position is None:
            position = 1 if after is None else after[0] + 1
        return opening(self.name, self.at, position, after)
