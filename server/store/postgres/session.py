"""psycopg's connection as the store's modules use one: `?` for a value, and an end to every wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import psycopg

from ..sql import Cursor
from .watch import Watch


class Session:
    """One connection, used by one thread at a time. Statements are transactions of their own unless BEGIN is sent."""

    def __init__(self, raw: psycopg.Connection[tuple[Any, ...]], watch: Watch) -> None:
        self._raw = raw
        self._watch = watch

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        with self._watch.over(self._raw.fileno()):
            return cast(Cursor, self._raw.execute(_translated(sql), values))

    @contextmanager
    def together(self) -> Iterator[None]:
        """The statements inside go out without waiting for each other's answers, and have answered at the end."""
        with self._watch.over(self._raw.fileno()), self._raw.pipeline():
            yield

    @property
    def broken(self) -> bool:
        return self._raw.closed or self._raw.broken

    @property
    def idle(self) -> bool:
        """Outside a transaction."""
        return self._raw.info.transaction_status is psycopg.pq.TransactionStatus.IDLE

    def close(self) -> None:
        self._raw.close()


@lru_cache(maxsize=256)
def _translated(sql: str) -> bytes:
    """The store's SQL holds no literal with a question mark; a test reads all of it."""
    return sql.replace("%", "%%").replace("?", "%s").encode()
