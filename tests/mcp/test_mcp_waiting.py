"""server/mcp/held.py, documents.py and door.py: calls that wait for a person, reports of agents, and a gate that cannot
record."""

from __future__ import annotations

from typing import Any

import pytest

from guardrail import ToolCall
from server.edge import EdgeError
from server.exchange import Caller
from server.mcp import Waiting
from server.store import StoreError

POLICY = """language 1
allow s/echo(text)
ask s/pay(amount)
"""
FORM: dict[str, Any] = {"elicitation": {}}
URL: dict[str, Any] = {"elicitation": {"url": {}}}


class Desk:
    """Approvals, as far as the door asks of them."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url
        self.resumptions: list[tuple[ToolCall, str]] = []

    async def waiting(self, caller: Caller, approval: str) -> Waiting | None:
        return Waiting(f"sealed:{approval}", f"a person has to approve {approval}", self.url)

    async def resumed(self, caller: Caller, asked: ToolCall, state: str) -> None:
        self.resumptions.append((asked, state))
        if not state.startswith("sealed:"):
            raise EdgeError(400, "bad-state", "the state is none of this gate's")


class Asks:
    """The choke point of a gate with approvals: every call of `pay` waits for one."""

    def __init__(self, gate: Any) -> None:
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gate, name)

    async def call(self, *arguments: Any, **more: Any) -> Any:
        outcome = await self._gate.call(*arguments, **more)
        waits = getattr(outcome, "effect", None) is not None and outcome.refusal.code == "needs-approval"
        return outcome._replace(effect="ask", approval="apr-1") if waits else outcome


@pytest.fixture
def server(scripted: Any) -> tuple[Any, dict[str, Any]]:
    script, url = scripted
    script.tools({"name": "echo"}, {"name": "pay"})
    script.answers["tools/call"] = {"content": [{"type": "text", "text": "done"}]}
    return script, {"s": {"url": url}}


@pytest.mark.parametrize(
    ("capabilities", "url", "mode"),
    [(FORM, None, "form"), (URL, "https://gate.example/approvals", "url"), (FORM, "https://gate.example/a", "form")],
)
def test_a_client_that_can_wait_is_asked_to(
    start: Any, server: Any, capabilities: dict[str, Any], url: str | None, mode: str
) -> None:
    desk = Desk(url)
    gate = start(POLICY, server[1], held=desk, around=Asks)
    result = gate.call("pay", {"amount": 5}, "s", capabilities=capabilities)
    assert result["resultType"] == "input_required"
    assert result["requestState"] == "sealed:apr-1"
    request = result["inputRequests"]["approval"]
    assert (request["method"], request["params"]["mode"]) == ("elicitation/create", mode)
    assert request["params"].get("url") == (url if mode == "url" else None)
    again = {"name": "pay", "arguments": {"amount": 5}, "requestState": result["requestState"], "inputResponses": {}}
    gate.modern("tools/call", again, "s", capabilities=capabilities)
    ((asked, state),) = desk.resumptions
    assert (asked.tool, asked.arguments, asked.server, state) == ("pay", {"amount": 5}, "s", "sealed:apr-1")
    assert server[0].called() == [], "looking is no approval"


@pytest.mark.parametrize("capabilities", [{}, {"elicitation": {"url": {}}}, {"elicitation": True}])
def test_a_client_that_cannot_wait_is_told_what_it_waits_for(
    start: Any, server: Any, capabilities: dict[str, Any]
) -> None:
    gate = start(POLICY, server[1], held=Desk(), around=Asks)
    result = gate.call("pay", {"amount": 5}, "s", capabilities=capabilities)
    assert result["isError"]
    assert result["_meta"]["leastward/refusal"]["approval"] == "apr-1"


def test_a_forged_state_is_refused_before_anything_is_decided(start: Any, server: Any) -> None:
    gate = start(POLICY, server[1], held=Desk(), around=Asks)
    params = {"name": "pay", "arguments": {"amount": 5}, "requestState": "forged"}
    status, _, tree = gate.modern("tools/call", params, "s")
    assert (status, tree["error"]["data"]["code"]) == (400, "bad-state")
    assert gate.records() == []


def test_an_agent_can_report_where_memory_is_on(start: Any, server: Any) -> None:
    taken: list[Any] = []

    async def reports(caller: Caller, arguments: Any) -> dict[str, Any]:
        if "decision" not in arguments:
            raise EdgeError(400, "bad-report", "`decision` is missing")
        taken.append((caller.principal.agent, dict(arguments)))
        return {"report": "r1"}

    gate = start(POLICY, server[1], reports=reports)
    names = [tool["name"] for tool in gate.modern("tools/list", {}, "s")[2]["result"]["tools"]]
    assert names == ["echo", "pay", "report_decision"]
    result = gate.call("report_decision", {"decision": "dec-1", "should": "allow"}, "s")
    assert result["structuredContent"] == {"report": "r1"}
    assert taken == [("a", {"decision": "dec-1", "should": "allow"})]
    refused = gate.call("report_decision", {}, "s")
    assert refused["_meta"]["leastward/refusal"]["code"] == "bad-report"


def test_without_memory_there_is_no_such_tool(start: Any, server: Any) -> None:
    gate = start(POLICY, server[1])
    assert gate.call("report_decision", {}, "s")["_meta"]["leastward/refusal"]["code"] == "unknown-tool"


@pytest.mark.parametrize("progress", [False, True])
def test_what_cannot_be_recorded_is_not_run(start: Any, server: Any, progress: bool) -> None:
    class Broken(Asks):
        async def call(self, *arguments: Any, **more: Any) -> Any:
            raise StoreError("the disk is gone")

    gate = start(POLICY, server[1], around=Broken)
    meta = {"progressToken": 1} if progress else {}
    status, _, answer = gate.modern("tools/call", {"name": "echo", "arguments": {"text": "x"}, "_meta": meta}, "s")
    assert status == (200 if progress else 503)
    assert "cannot-record" in answer if progress else answer["error"]["data"]["code"] == "unavailable"
    assert server[0].called() == []


@pytest.mark.parametrize(
    ("method", "params", "result", "rule"),
    [
        (
            "prompts/get",
            {"name": "p"},
            {"messages": [{"role": "user", "content": {"type": "text", "text": "a 4111"}}]},
            '"prompts.get"(name)',
        ),
        ("resources/read", {"uri": "a:b"}, {"contents": [{"uri": "a:b", "text": "a 4111"}]}, '"resources.read"(uri)'),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "x", "value": "y"}},
            {"completion": {"values": ["a 4111"], "hasMore": False}},
            '"completion.complete"(...)',
        ),
    ],
)
def test_documents_are_tools_to_the_policy(
    start: Any, server: Any, method: str, params: dict[str, Any], result: dict[str, Any], rule: str
) -> None:
    name = rule[: rule.index("(")]
    server[0].answers[method] = {**result, "extra": "secret"}
    policy = f'language 1\nallow s/{rule}\nredact results of s/{name} matching /4111/ with "****"\n'
    gate = start(policy, server[1])
    status, _, tree = gate.modern(method, params, "s")
    assert status == 200
    assert "a ****" in str(tree["result"])
    assert "secret" not in str(tree["result"])
    assert gate.records()[-1]["tool"] == f"s/{name.strip(chr(34))}"
    assert gate.modern(method, params, None)[0] == 404
