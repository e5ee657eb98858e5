"""server/approvals/service.py, asking.py: the transcripts of queue.yaml against a real store."""

from __future__ import annotations

import asyncio
import re
import string
from pathlib import Path
from typing import Any

import pytest
import yaml

from guardrail import ToolCall
from policy_dsl import encode_json, strict_json
from server.approvals import shown
from server.edge import EdgeError
from server.exchange import Caller
from server.store import Run

CASES = yaml.safe_load((Path(__file__).parent / "queue.yaml").read_text())
CALL = re.compile(r"call (\S+) (\S+) (\{.*\})( in new)?(?: by (\w+))?")
LONG = "x" * 400


class Play:
    """Plays one transcript; approvals have letters in the order in which they are seen."""

    def __init__(self, gate: Any, people: dict[str, Caller]) -> None:
        self.gate, self.people = gate, people
        self.letters: dict[str, str] = {}

    def letter(self, name: str) -> str:
        return self.letters.setdefault(name, string.ascii_uppercase[len(self.letters)])

    def named(self, letter: str) -> str:
        return next((name for name, known in self.letters.items() if known == letter), letter)

    async def step(self, line: str) -> str:
        match line.split(" ", 1):
            case ["call", _]:
                return await self.call(line)
            case ["yes" | "no" as answer, rest]:
                who, letter = rest.split()
                return await self.answer(who, self.named(letter), answer == "yes")
            case ["wait", seconds]:
                self.gate.clock.go(float(seconds))
            case ["policy", text]:
                self.gate.policy = f"language 1\n{text}\n"
            case ["see", who]:
                return await self.see(who)
            case ["ready", rest]:
                who, door = rest.split()
                caller = self.people[who]
                found = await self.gate.approvals.ready(self.gate.run_of(caller), caller.tenant, door)
                said = [
                    f"{self.letter(one.approval.id)} {one.call.tool} {encode_json(dict(one.call.arguments)).decode()}"
                    for one in found
                ]
                return ", ".join(said).replace('":', '": ').replace(',"', ', "') or "nothing"
            case _:
                raise AssertionError(line)
        return "ok"

    async def call(self, line: str) -> str:
        found = CALL.fullmatch(line)
        assert found is not None, line
        who, tool, arguments, in_new, door = found.groups()
        caller = self.people[who]
        run: Run = await self.gate.store.mint_run(caller.principal) if in_new else self.gate.run_of(caller)
        tree = strict_json.parse_object(arguments.replace("LONG", LONG))
        came = await self.gate.call(caller, run, ToolCall(tool, tree, "call_1"), door or "chat")
        if came.approval is None:
            return str(came.said)
        return f"{came.said} {'by ' if came.said == 'released' else ''}{self.letter(came.approval.id)}"

    async def answer(self, who: str, name: str, approve: bool) -> str:
        try:
            return str((await self.gate.approvals.decide(name, self.people[who], approve, "it is so")).state)
        except EdgeError as error:
            return f"{error.status} {error.code}"

    async def see(self, who: str) -> str:
        pending, over = await self.gate.approvals.listed(self.people[who].tenant)
        assert all(one.state == "pending" for one in pending)
        return ", ".join(self._line(one) for one in [*pending, *over]) or "nothing"

    def _line(self, approval: Any) -> str:
        call = shown(approval)["call"].replace("(\n  ", "(").replace("\n)", ")").replace("\n  ", ", ")
        return f"{self.letter(approval.id)} {approval.state} {call}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_transcript(case: dict[str, Any], make_gate: Any, people: dict[str, Caller]) -> None:
    bounds = {
        name: tuple(value) if isinstance(value, list) else value for name, value in case.get("bounds", {}).items()
    }
    play = Play(make_gate(**bounds), people)
    lines = case["steps"].splitlines()
    assert len(lines) % 2 == 0

    async def run() -> None:
        for does, says in zip(lines[::2], lines[1::2], strict=True):
            assert does.startswith(">> ")
            got, wanted = await play.step(does[3:]), says.removeprefix("<< ")
            if does.startswith(">> see") and "(" not in wanted:
                got = re.sub(r" \w+\([^)]*\)", "", got)
            assert got == wanted, does

    asyncio.run(run())
    assert play.gate.store.verify().problems == ()
