"""server/mcp/servers.py, peer.py, line.py, results.py, offering.py and calling.py: what hostile and broken servers say
(servers.yaml), versions, sessions, and arguments on their way to the tool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from server.exchange import Whole
from server.mcp.results import Judged, ResultError, read_call_result

CASES = yaml.safe_load(Path(__file__).with_name("servers.yaml").read_text(encoding="utf-8"))
POLICY = """language 1
allow s/echo(...)
allow s/remove(...)
allow s/"resources.read"(...)
redact results of s/echo matching /4111/ with "****"
"""


@pytest.fixture(scope="module")
def many(scripting: Any, running: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """One gate in front of one scripted server under many names, so that each case has pins of its own."""
    names = [f"s{number}-{age}" for number in range(len(CASES)) for age in ("new", "old")]
    rules = "\n".join(POLICY.replace("s/", f"{name}/").removeprefix("language 1\n") for name in names)
    with scripting() as (script, url):
        servers = {name: {"url": url} for name in names}
        with running(tmp_path_factory.mktemp("gate"), f"language 1\n{rules}", servers) as gate:
            yield script, gate


@pytest.mark.parametrize(
    "modern", [True, pytest.param(False, marks=pytest.mark.long)], ids=["2026-07-28", "2025-11-25"]
)
@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: CASES[number]["case"])
def test_a_server_comes_to_what_is_written(many: Any, number: int, modern: bool) -> None:
    case, (script, gate) = CASES[number], many
    script.modern = modern
    script.tools(*case.get("tools", [{"name": "echo"}]))
    script.answers["tools/call"] = case["raw"].encode() if "raw" in case else case["call"]
    result = gate.call(case.get("name", "echo"), {}, f"s{number}-{'new' if modern else 'old'}")
    wanted = case["<<"]
    if "code" in wanted:
        assert result["isError"]
        assert result["_meta"]["leastward/refusal"]["code"] == wanted["code"]
        assert result["structuredContent"]["leastward"]["code"] == wanted["code"]
        return
    assert result["content"][0]["text"] == wanted["text"]
    assert result.get("isError", False) == wanted.get("error", False)
    assert result.get("structuredContent") == wanted.get("structured")
    assert wanted.get("holds", "") in json.dumps(result)
    if "holds_not" in wanted:
        assert wanted["holds_not"] not in json.dumps(result)


def test_arguments_arrive_as_they_were_judged_and_nothing_else_does(start: Any, scripted: Any) -> None:
    script, url = scripted
    script.tools({"name": "echo"})
    script.answers["tools/call"] = {"content": []}
    gate = start(POLICY, {"s": {"url": url}})
    arguments = {"a": 9007199254740992, "b": [1, 0.5, None, True], "c": "\u2028\u00e9"}
    gate.modern("tools/call", {"name": "echo", "arguments": arguments, "_meta": {"x/secret": "of the client"}}, "s")
    assert script.called() == [{"name": "echo", "arguments": arguments}]
    assert "of the client" not in json.dumps(script.seen)
    assert "authorization" not in script.headers[-1]


def test_what_a_rule_rewrites_arrives_rewritten(start: Any, scripted: Any) -> None:
    script, url = scripted
    script.tools({"name": "echo"})
    script.answers["tools/call"] = {"content": []}
    gate = start('language 1\nallow s/echo(to)\nrewrite s/echo set to = "team" when to == "all"\n', {"s": {"url": url}})
    gate.call("echo", {"to": "all"}, "s")
    assert script.called() == [{"name": "echo", "arguments": {"to": "team"}}]


def test_a_server_that_ended_its_session_gets_a_new_one_and_the_call_once(start: Any, scripted: Any) -> None:
    script, url = scripted
    script.modern = False
    script.tools({"name": "echo"})
    opened: list[str] = []

    def initialize(message: dict[str, Any]) -> Whole:
        opened.append(f"s{len(opened)}")
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s"}}
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        return Whole(200, body, {"mcp-session-id": opened[-1]})

    def call(message: dict[str, Any]) -> Any:
        return Whole(404, b"{}") if script.headers[-1]["mcp-session-id"] == "s0" else {"content": []}

    script.answers |= {"initialize": initialize, "tools/call": call}
    gate = start(POLICY, {"s": {"url": url}})
    assert "isError" not in gate.call("echo", {}, "s")
    assert opened == ["s0", "s1"]
    assert script.headers[-1]["mcp-protocol-version"] == "2025-06-18"


def test_runs_have_sessions_of_their_own_at_a_server_that_keeps_them(start: Any, scripted: Any) -> None:
    script, url = scripted
    script.modern = False
    script.tools({"name": "echo"})
    script.answers["tools/call"] = {"content": []}
    gate = start(POLICY, {"s": {"url": url}})
    gate.call("echo", {}, "s", x_agent="a")
    gate.call("echo", {}, "s", x_agent="b")
    gate.call("echo", {}, "s", x_agent="a")
    assert [message["method"] for message in script.seen].count("initialize") == 2


def test_a_server_that_is_gone_is_an_error_of_the_tool(start: Any) -> None:
    gate = start(POLICY, {"s": {"url": "http://127.0.0.1:9/mcp"}})
    result = gate.call("echo", {}, "s")
    assert result["_meta"]["leastward/refusal"]["code"] == "server-unavailable"
    assert gate.records()[-1]["reason"] == "server-unavailable"
    status, _, tree = gate.modern("tools/list", {}, "s")
    assert (status, tree["error"]["data"]["code"]) == (200, "server-unavailable")


def test_of_several_servers_those_that_answer_are_listed(start: Any, scripted: Any) -> None:
    script, url = scripted
    script.tools({"name": "echo"})
    gate = start(POLICY, {"s": {"url": url}, "gone": {"url": "http://127.0.0.1:9/mcp"}})
    _, _, tree = gate.modern("tools/list", {}, None)
    assert [tool["name"] for tool in tree["result"]["tools"]] == ["s__echo"]


def test_no_text_of_a_clients_reaches_a_server_with_a_list(start: Any, scripted: Any) -> None:
    """The gate reads the pages itself, and what stands in them is told to the session, and redacted, like a result."""
    script, url = scripted
    capabilities = {"tools": {}, "resources": {}}
    script.answers["server/discover"] = {"supportedVersions": ["2026-07-28"], "capabilities": capabilities}
    pages = {None: ("a:1", "next"), "next": ("a:2", None)}

    def page(message: Any) -> dict[str, Any]:
        uri, cursor = pages[message["params"].get("cursor")]
        more = {} if cursor is None else {"nextCursor": cursor}
        return {"resources": [{"uri": uri, "name": "card 4111"}], **more}

    script.answers["resources/list"] = page
    gate = start(POLICY + 'redact results of s/"resources.list" matching /4111/ with "****"\n', {"s": {"url": url}})
    _, _, tree = gate.modern("resources/list", {"cursor": "what nobody judged"}, "s")
    names = [{"uri": uri, "name": "card ****"} for uri in ("a:1", "a:2")]
    assert (tree["result"]["resources"], tree["result"].get("nextCursor")) == (names, None)
    asked = [message["params"] for message in script.seen if message["method"] == "resources/list"]
    assert [params.get("cursor") for params in asked] == [None, "next"]


def test_at_the_address_of_all_servers_a_name_is_read_in_one_way(start: Any, scripted: Any) -> None:
    script, url = scripted
    script.tools({"name": "echo"})
    gate = start(POLICY, {"s": {"url": url}})
    for name in ("echo", "__echo", "s__", "gone__echo", "S__echo", "s__echo_"):
        assert gate.call(name, {}, None)["_meta"]["leastward/refusal"]["code"] == "unknown-tool", name
    assert script.called() == []


def test_arguments_mirrored_into_headers_say_the_same(start: Any, scripted: Any) -> None:
    script, url = scripted
    schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
    script.tools({"name": "echo", "inputSchema": schema})
    script.answers["tools/call"] = {"content": []}
    gate = start(POLICY, {"s": {"url": url}})
    status, _, tree = gate.modern(
        "tools/call", {"name": "echo", "arguments": {"region": "eu"}}, "s", **{"mcp-param-region": "us"}
    )
    assert (status, tree["error"]["code"]) == (400, -32020)
    assert script.called() == []
    gate.call("echo", {"region": "eu"}, "s", **{"mcp-param-region": "eu"})
    assert script.headers[-1]["mcp-param-region"] == "eu"


WORDS = st.text(max_size=6) | st.sampled_from(['{"a": 1}', "[1, 2]", "[]", '{"a":1,"a":2}', " [1,2] "])
BLOCKS = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, WORDS)
    | st.builds(lambda data: {"type": "image", "data": data, "mimeType": "image/png"}, WORDS)
    | st.builds(lambda text: {"type": "resource", "resource": {"uri": "a:b", "text": text}}, WORDS),
    max_size=4,
)
RESULTS = st.builds(
    lambda blocks, more: {"content": blocks, **more},
    BLOCKS,
    st.just({}) | st.builds(lambda value: {"structuredContent": value}, WORDS | st.lists(WORDS, max_size=3)),
)


@given(RESULTS)
def test_a_result_that_nobody_redacts_leaves_as_it_came(tree: dict[str, Any]) -> None:
    kept = read_call_result(tree)
    before = json.dumps(kept)
    judged = Judged(kept)
    assert json.dumps(judged.settled(judged.answer.content)) == before == json.dumps(tree)


@given(
    st.dictionaries(st.text(max_size=8), WORDS | st.lists(WORDS, max_size=2), max_size=4),
    st.sampled_from(["text", "image", "x"]),
)
def test_any_block_is_known_or_refused(block: dict[str, Any], kind: str) -> None:
    try:
        (kept,) = read_call_result({"content": [{**block, "type": kind}]})["content"]
    except ResultError:
        return
    assert kept.keys() <= {"type", "text", "data", "mimeType"}
