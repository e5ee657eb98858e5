"""The client's eye on server/mcp (front.py, door.py, calling.py, peer.py, http_line.py): the official SDK's client in
front of the gate, the official SDK's server behind it, in both kinds of protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import mcp
import pytest
from mcp.shared.exceptions import MCPError

POLICY = """language 1
allow shop/echo(text) when text != "secret"
allow shop/add(a, b)
allow shop/fail()
allow shop/slow(steps)
allow shop/"resources.read"(uri) when uri starts with "note://"
forbid shop/remove
    message "nothing is removed here"
"""
MODES = (pytest.param("auto", marks=pytest.mark.long), "legacy", "2026-07-28")


@pytest.fixture(scope="module")
def gate(shop: Any, tmp_path_factory: pytest.TempPathFactory, running: Any) -> Iterator[Any]:
    with running(tmp_path_factory.mktemp("gate"), POLICY, {"shop": {"url": shop[1]}}) as gate:
        yield gate


def with_client(url: str, mode: str, body: Callable[[mcp.Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with asyncio.timeout(20), mcp.Client(url, mode=mode) as client:
            try:
                return await body(client)
            except MCPError as error:  # inside the client's task groups, which would wrap it
                return error.error

    return asyncio.run(run())


@pytest.mark.parametrize("mode", MODES)
def test_a_list_holds_what_could_be_granted(gate: Any, mode: str) -> None:
    tools = with_client(gate.url(), mode, lambda client: client.list_tools()).tools
    assert [tool.name for tool in tools] == ["add", "echo", "fail", "slow"]
    assert tools[1].input_schema["properties"] == {"text": {"title": "Text", "type": "string"}}


@pytest.mark.parametrize("mode", MODES)
def test_an_allowed_call_arrives_as_it_is_recorded(gate: Any, shop: Any, mode: str) -> None:
    shop[0].calls.clear()
    result = with_client(gate.url(), mode, lambda client: client.call_tool("add", {"a": 2, "b": 40}))
    assert not result.is_error
    assert result.structured_content == {"result": 42}
    assert shop[0].calls == [("add", {"a": 2, "b": 40})]
    record = gate.records()[-1]
    assert (record["effect"], record["tool"], record["door"]) == ("allow", "shop/add", "mcp")
    assert result.meta["leastward/decision"] == record["id"]


@pytest.mark.parametrize("mode", MODES)
def test_a_refused_call_is_an_error_of_the_tool_and_reaches_nobody(gate: Any, shop: Any, mode: str) -> None:
    shop[0].calls.clear()
    result = with_client(gate.url(), mode, lambda client: client.call_tool("remove", {"name": "x"}))
    assert result.is_error
    told = result.meta["leastward/refusal"]
    assert told["code"] == gate.records()[-1]["reason"]
    assert told["decision"] == gate.records()[-1]["id"]
    assert shop[0].calls == []


@pytest.mark.parametrize("mode", MODES)
def test_a_failure_of_the_tool_is_passed_on(gate: Any, mode: str) -> None:
    result = with_client(gate.url(), mode, lambda client: client.call_tool("fail", {}))
    assert result.is_error
    assert result.content[0].text == "Error executing tool fail"


@pytest.mark.parametrize("mode", MODES)
def test_progress_is_passed_on_in_numbers(gate: Any, mode: str) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    call = lambda client: client.call_tool("slow", {"steps": 3}, progress_callback=progressed)  # noqa: E731
    result = with_client(gate.url(), mode, call)
    assert result.content[0].text == "done"
    assert heard == [(1.0, 3.0, None), (2.0, 3.0, None), (3.0, 3.0, None)]


@pytest.mark.parametrize("mode", MODES)
def test_a_resource_is_read_where_the_policy_allows_it(gate: Any, mode: str) -> None:
    result = with_client(gate.url(), mode, lambda client: client.read_resource("note://one"))
    assert result.contents[0].text == "the note one"
    assert gate.records()[-1]["tool"] == "shop/resources.read"
    refused = with_client(gate.url(), mode, lambda client: client.read_resource("file:///etc/passwd"))
    assert refused.code == -32010
    assert refused.data["decision"] == gate.records()[-1]["id"]


@pytest.mark.parametrize("mode", MODES)
def test_prompts_are_not_there_where_no_rule_names_them(gate: Any, mode: str) -> None:
    refused = with_client(gate.url(), mode, lambda client: client.get_prompt("greeting", {"name": "x"}))
    assert refused.code == -32010


def test_all_servers_at_one_address(gate: Any, shop: Any) -> None:
    async def both(client: mcp.Client) -> tuple[Any, Any]:
        return await client.list_tools(), await client.call_tool("shop__add", {"a": 1, "b": 1})

    listed, result = with_client(gate.url(None), "auto", both)
    assert [tool.name for tool in listed.tools] == ["shop__add", "shop__echo", "shop__fail", "shop__slow"]
    assert result.structured_content == {"result": 2}
