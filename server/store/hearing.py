"""Who wants to be told that another replica changed something, and telling them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Change = Literal["api_key", "approval", "mcp_pin", "policy_activation"]
"""A key, a person's answer, the pin of a tool, a policy version put in force: the table in which it stands."""


class Hearing:
    """It saves waiting for the next look and replaces none: nobody is told on SQLite, or while the database is away."""

    def __init__(self) -> None:
        self._told: list[tuple[Change, Callable[[str], None]]] = []

    def on(self, table: Change, told: Callable[[str], None]) -> None:
        """Have `told` called with the id of what was changed; empty: look at all. It is called from another thread, and
        must not block. To be called before the Store is started."""
        self._told.append((table, told))

    def heard(self, table: str, which: str) -> None:
        """Empty: anything may have changed."""
        for wanted, told in self._told:
            if table in ("", wanted):
                told(which)
