"""Real tool lists and real calls: every schema is understood, and calls that worked fit their tool's type.

Reads the recordings named by LEASTWARD_DATA. A misfit here is a call that the gate would refuse as bad-arguments.
"""

from __future__ import annotations

import json
import lzma
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from policy_dsl import Catalogue, parse_json
from policy_dsl.types import Anything, conforms

DATA = os.environ.get("LEASTWARD_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="LEASTWARD_DATA names no folder of recordings")


def _read(name: str) -> bytes:
    with lzma.open(Path(DATA or "", name)) as file:
        return file.read()


def _agentdojo() -> dict[str, Catalogue]:
    suites = json.loads(_read("agentdojo_runs/suites_v1.2.2.json.xz"))
    return {name: Catalogue.from_tools(suite["tools"]) for name, suite in suites.items()}


def _lists() -> list[list[dict[str, Any]]]:
    suites = (
        "agentdojo_runs/suites_v1.2.2.json.xz",
        "agentdyn_runs/suites.json.xz",
        "tau/taubench_v1_tasks_tools.json.xz",
    )
    return [suite["tools"] for name in suites for suite in json.loads(_read(name)).values()]


def test_every_schema_is_understood() -> None:
    tools = [tool for listed in _lists() for tool in Catalogue.from_tools(listed)]
    assert len(tools) == 170
    assert [tool.name for tool in tools if tool.not_understood is not None] == []
    anything = [
        f"{tool.name}.{name}"
        for tool in tools
        for name, member in tool.parameters.members.items()
        if isinstance(member.type, Anything)
    ]
    assert anything == ["create_file.content"] * 2  # declared without a type in both of AgentDyn's suites


def test_recorded_calls_that_worked_fit_their_tool() -> None:
    """gpt-4o on AgentDojo, benign runs that solved their task: two calls give a text where the schema wants a list."""
    catalogues = _agentdojo()
    seen, misfits = 0, Counter[tuple[str, str]]()
    for line in _read("agentdojo_runs/gpt-4o-2024-05-13.jsonl.xz").splitlines():
        run: Any = parse_json(line, numbers="kept")
        if run["kind"] != "benign" or run["utility"] is not True:
            continue
        for call in run["calls"]:
            if not call.get("err"):
                seen += 1
                tool = catalogues[run["suite"]].get(None, call["tool"])
                assert tool is not None
                misfit = conforms(call["args"], tool.parameters)
                if misfit is not None:
                    misfits[call["tool"], misfit] += 1
    assert seen == 230
    assert misfits == {("get_car_price_per_day", "company_name"): 2}
