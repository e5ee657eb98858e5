"""One contract for every adapter: what a framework with a scripted model must have run, and what its agent was told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from guardrail import Principal
from server.in_process import Door, open_doors, open_gate
from server.store import StoreError
from server.tool_gate import Released, ToolAnswer, Withheld

POLICY = """language 1
allow add(a, b) as sums
rewrite add set b = 2 as at-most-two when b > 2
forbid add as no-nines when a == 9 message "Nine is too much."
require approval for add as big when a == 5
allow read(...)
trust results of read
redact results of read matching /[0-9]{4}/ with "****"
allow send(...) as after-read when after succeeded read
allow fails(...)
allow again(...) as once-failed when after failed fails
"""

Turn = tuple[str, dict[str, Any]]

TURNS: Sequence[Turn] = (
    ("add", {"a": 1, "b": 7}),
    ("add", {"a": 9, "b": 1}),
    ("add", {"a": 5, "b": 1}),
    ("send", {"text": "too early"}),
    ("read", {}),
    ("send", {"text": "now"}),
)

Drive = Callable[[Door, Sequence[Turn]], Awaitable[list[str]]]
"""Lets the framework's agent make these calls one after the other; what its model was told of each."""


class Tools:
    """The tools themselves; `ran` is what really happened."""

    def __init__(self) -> None:
        self.ran: list[tuple[Any, ...]] = []

    def add(self, a: int, b: int) -> str:
        """Add."""
        self.ran.append(("add", a, b))
        return str(a + b)

    def read(self) -> str:
        """Read."""
        self.ran.append(("read",))
        return "pin 1234"

    def send(self, text: str) -> str:
        """Send."""
        self.ran.append(("send", text))
        return "sent"

    def fails(self) -> str:
        """Fail."""
        self.ran.append(("fails",))
        raise ConnectionError("the line is dead")


class Contract:
    """What is asked of an adapter, each time with a gate of its own."""

    def __init__(self, config: Path, outside: Any) -> None:
        self.tools = Tools()
        self.config = config
        self._outside = outside

    def inside(self, steps: Callable[[Door], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            async with open_gate(self.config, Principal("t", "a")) as door:
                return await steps(door)

        return asyncio.run(opened())

    def doors(self, steps: Callable[[Callable[[Principal], Door]], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            async with open_doors(self.config) as doors:
                return await steps(doors)

        return asyncio.run(opened())

    def keeps(self, drive: Drive, *, redacts: bool = True) -> None:
        """Rewrites are seen, refused calls do not run and the agent goes on, results are observed and redacted."""
        told = self.inside(lambda door: drive(door, TURNS))
        assert self.tools.ran == [("add", 1, 2), ("read",), ("send", "now")]
        rewritten, forbidden, asked, early, read, sent = told
        assert (rewritten, read, sent) == ("3", "pin ****" if redacts else "pin 1234", "sent")
        assert "Nine is too much." in forbidden
        assert "needs-approval" in asked
        assert re.search(r"\bapr-[0-9a-v]{26}\b", asked)
        assert "no-rule" in early
        assert self.effects() == ["allow", "forbid", "ask", "forbid", "allow", "allow"]

    def runs_nothing_unrecorded(self, drive: Drive) -> Exception | list[str]:
        """Where the gate fails no tool is run, whatever becomes of the agent: what it was told, or what was raised."""

        async def closed() -> Exception | list[str]:
            async with open_gate(self.config, Principal("t", "a")) as door:
                pass
            with pytest.raises(StoreError):
                await door.decide("read", {})
            try:
                return await drive(door, TURNS[:1])
            except Exception as error:
                return error

        said = asyncio.run(closed())
        assert self.tools.ran == []
        return said

    def effects(self) -> list[str]:
        return [one["effect"] for one in self._outside.read_records(self.config.parent / "gate.db")]

    @staticmethod
    async def knows_of_failure(door: Door) -> bool:
        async def reach(arguments: dict[str, Any]) -> ToolAnswer:
            return ToolAnswer("again")

        outcome = await door.call("again", {}, reach)
        assert isinstance(outcome, Released | Withheld)
        return isinstance(outcome, Released)


@pytest.fixture
def contract(tmp_path: Path, outside: Any) -> Contract:
    (tmp_path / "gate.lw").write_text(POLICY)
    (tmp_path / "leastward.yaml").write_text("policies: ['*.lw']\ndatabase: gate.db\n")
    return Contract(tmp_path / "leastward.yaml", outside)


@pytest.fixture
def needs() -> Callable[[str], None]:
    """`needs("agents")`: skipped where that framework is not installed."""

    def check(module: str) -> None:
        if find_spec(module) is None:
            pytest.skip(f"`{module}` is not installed (docs/adapters.md names the extras)")

    return check
