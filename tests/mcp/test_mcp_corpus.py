"""Every MCP case of the project's attack corpus, through the real door (server/mcp), the real choke point and a real
store, to a server that notes what arrives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.attack.neutral import policy_text

CORPUS = Path(__file__).parents[1] / "corpus" / "attack" / "cases.jsonl"
CASES = [case for case in map(json.loads, CORPUS.read_text(encoding="utf-8").splitlines()) if case["protocol"] == "mcp"]
PINNED = "tool_names_mcp-018"


def tools_of(case: dict[str, Any]) -> list[str]:
    """The tools that the server has: those of the rules, and the one that is called if a server could have it."""
    return sorted({rule["tool"] for rule in case["rules"]})


@pytest.fixture(scope="module")
def gate(scripting: Any, running: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """One gate; each case is a server of its own, so that its rules bind nobody else."""
    rules = "".join(rules_at(f"c{number}", case) for number, case in enumerate(CASES))
    with scripting() as (script, url):
        servers = {f"c{number}": {"url": url} for number in range(len(CASES))}
        folder = tmp_path_factory.mktemp("gate")
        with running(folder, f"language 1\n{rules}", servers, list_seconds=0.0) as gate:
            yield script, gate


def rules_at(server: str, case: dict[str, Any]) -> str:
    """The case's rules, for the tools of one server."""
    words = policy_text(case["rules"]).removeprefix("language 1\n")
    return words.replace('allow "', f'allow {server}/"').replace('forbid "', f'forbid {server}/"')


def test_the_corpus_has_them_all() -> None:
    assert len(CASES) == 34


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: CASES[number]["id"])
def test_a_case_comes_out_as_labelled(gate: Any, number: int) -> None:
    case, (script, door) = CASES[number], gate
    server = f"c{number}"
    script.answers["tools/call"] = {"content": [{"type": "text", "text": "done"}]}
    if case["id"] == PINNED:
        (shown,) = case["context"]["current_tools"]
        before = {**shown, "inputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
        script.tools(before)
        assert "isError" not in door.call("git_log", {"n": 1}, server)
        script.tools(shown)
    else:
        script.tools(*({"name": name} for name in tools_of(case)))
    session = door.opened("2025-11-25", server)
    script.seen.clear()
    status, _, tree = door.post(case["payload"]["body"].encode(), server, **session)
    arrived = script.called()
    if case["expected"] == "allow":
        sent = json.loads(case["payload"]["body"])
        assert status == 200
        assert "error" not in tree
        assert arrived == ([sent["params"]] if sent["method"] == "tools/call" else [])
    else:
        assert arrived == []
        if case["expected"] == "reject_4xx":
            assert status >= 400 or "error" in tree
