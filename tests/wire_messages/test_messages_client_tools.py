"""server/wire/messages/client_tools.py: tools of the API that the client runs are offered and judged as functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from policy_dsl import Catalogue
from server.wire.messages.client_tools import CLIENT_TOOLS

FILE = Path(__file__).parents[2] / "docs" / "anthropic-client-tools.json"
POLICY = """language 1
allow bash(command) as shell when command == "ls"
allow str_replace_based_edit_tool(...) as edits
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, outside: Any) -> Iterator[Any]:
    tools = json.loads(FILE.read_text(encoding="utf-8"))
    with outside.running_gate(tmp_path_factory.mktemp("gate"), POLICY, tools=tools) as running:
        yield running


def test_the_published_catalogue_is_the_newest_of_each_tool() -> None:
    newest = {tool.name: tool.schema for _, tool in sorted(CLIENT_TOOLS.items())}
    catalogue = Catalogue.read(FILE)
    assert {tool.name for tool in catalogue} == newest.keys()
    assert all(tool.same_interface(newest[tool.name]) and tool.not_understood is None for tool in catalogue)


def test_only_granted_ones_stay_and_none_by_another_name_or_date(gate: Any, outside: Any) -> None:
    tools = [
        {"type": "bash_20250124", "name": "bash"},
        {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 100},
        {"type": "memory_20250818", "name": "memory"},
        {"type": "bash_20250124", "name": "str_replace_based_edit_tool"},
        {"type": "bash_20991231", "name": "bash"},
    ]
    calls = [
        {"type": "tool_use", "id": f"t{at}", "name": "bash", "input": {"command": command}}
        for at, command in enumerate(("ls", "rm -r /"))
    ]
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": calls}
    gate.model.script[:] = [outside.whole({**answer, "stop_reason": "tool_use", "usage": {}})]
    body = {"model": "gpt-4o", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "tools": tools}
    said = gate.client.ask("POST", "/v1/messages", body)
    (asked,) = gate.model.asked
    assert asked.tree["tools"] == tools[:2]
    assert [block["id"] for block in said.tree["content"] if block["type"] == "tool_use"] == ["t0"]
