"""server/mcp/inquiries.py, rounds.py, conversing.py and returning.py: what a server asks of a client, and answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.edge import EdgeError
from server.mcp import Rounds
from server.mcp.inquiries import claims, read_answer, read_inquiry, shown
from server.mcp.results import ResultError
from server.mcp.rounds import Asked, Round

POLICY = """language 1
allow shop/echo(text)
allow shop/"elicitation.create"(message, action, content(...)) when not (message contains "password")
allow shop/"roots.list"(roots)
"""
ALL = ["elicitation", "sampling", "roots"]
FORM = {"type": "object", "properties": {"name": {"type": "string"}}}
CAN: dict[str, Any] = {"elicitation": {"form": {}}, "roots": {}}
CALL: dict[str, Any] = {"name": "echo", "arguments": {"text": "hi"}}
YES = {"action": "accept", "content": {"name": "Ann"}}
KEY = b"k" * 32


def elicits(message: str = "Your name?", **more: Any) -> dict[str, Any]:
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": FORM, **more}}


def asking_server(question: dict[str, Any]) -> Any:
    """tools/call of a server that asks first, with a state of its own."""

    def answer(message: dict[str, Any]) -> dict[str, Any]:
        params = message["params"]
        if "inputResponses" not in params:
            return {"resultType": "input_required", "inputRequests": {"q": question}, "requestState": "own-state"}
        return {"content": [{"type": "text", "text": json.dumps(params["inputResponses"])}]}

    return answer


@pytest.fixture
def behind(start: Any, scripted: Any) -> Any:
    def made(question: dict[str, Any], questions: Any = ALL, policy: str = POLICY) -> tuple[Any, Any]:
        script, url = scripted
        script.tools({"name": "echo"})
        script.answers["tools/call"] = asking_server(question)
        servers = {"shop": {"url": url, "questions": questions}}
        return start(policy, servers, rounds=Rounds(lambda: KEY)), script

    return made


def test_a_question_and_its_answer(behind: Any) -> None:
    """The client is told who asks; the server gets its own state and the answer; both calls and the answer are
    recorded, and the words of the question stand beside the answer."""
    gate, script = behind(elicits())
    asked = gate.modern("tools/call", CALL, capabilities=CAN)[2]["result"]
    (request,) = asked["inputRequests"].values()
    assert request["params"]["message"] == "The MCP server `shop` asks: Your name?"
    assert "own-state" not in json.dumps(asked)
    assert script.seen[-1]["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] == CAN
    back = {"requestState": asked["requestState"], "inputResponses": {"q": YES, "more": YES}}
    result = gate.modern("tools/call", {**CALL, **back}, capabilities=CAN)[2]["result"]
    assert json.loads(result["content"][0]["text"]) == {"q": YES}
    assert script.called()[-1]["requestState"] == "own-state"
    told = [(record["tool"].removeprefix("shop/"), record["effect"]) for record in gate.records()]
    assert told == [("echo", "allow"), ("echo", "allow"), ("elicitation.create", "allow")]


@pytest.mark.parametrize(
    ("question", "questions", "capabilities", "code"),
    [
        (elicits(), [], CAN, "server-asks"),
        (elicits(), ["roots"], {"elicitation": {}}, "server-asks"),
        (elicits(), ALL, {}, "server-asks"),
        (elicits(), ALL, {"elicitation": {"url": {}}}, "server-asks"),
        (elicits(), ["roots"], CAN, "server-unreadable"),
        (elicits("Your\u202e name?"), ALL, CAN, "server-unreadable"),
        (elicits("n" * 8_001), ALL, CAN, "server-unreadable"),
        (elicits(mode="url", url="https://x.example"), ALL, CAN, "server-unreadable"),
        ({"method": "sampling/createMessage", "params": {}}, ALL, {**CAN, "sampling": {}}, "server-unreadable"),
        ({"method": "tools/call", "params": {}}, ALL, CAN, "server-unreadable"),
    ],
)
def test_a_question_that_nobody_is_asked(
    behind: Any, question: Any, questions: Any, capabilities: Any, code: str
) -> None:
    gate, _ = behind(question, questions)
    result = gate.call("echo", CALL["arguments"], capabilities=capabilities)
    assert result["_meta"]["leastward/refusal"]["code"] == code


def test_an_answer_that_the_policy_withholds(behind: Any) -> None:
    """It is a call from the client to the server, so a rule may look at what was asked and at what is said."""
    gate, script = behind(elicits("Your password?"))
    asked = gate.modern("tools/call", CALL, capabilities=CAN)[2]["result"]
    back = {"requestState": asked["requestState"], "inputResponses": {"q": YES}}
    result = gate.modern("tools/call", {**CALL, **back}, capabilities=CAN)[2]["result"]
    assert result["_meta"]["leastward/refusal"]["code"] == "no-rule"
    assert len(script.called()) == 1


def test_no_question_where_no_answer_could_be_granted(behind: Any) -> None:
    gate, _ = behind(elicits(), policy="language 1\nallow shop/echo(text)\n")
    result = gate.call("echo", CALL["arguments"], capabilities=CAN)
    assert result["_meta"]["leastward/refusal"]["code"] == "server-unreadable"


def test_a_state_is_of_one_principal_and_one_call(behind: Any) -> None:
    gate, script = behind(elicits())
    asked = gate.modern("tools/call", CALL, capabilities=CAN)[2]["result"]
    back = {"requestState": asked["requestState"], "inputResponses": {"q": YES}}
    other = {"name": "echo", "arguments": {"text": "ho"}}
    for params, more in (
        ({**other, **back}, {}),
        ({**CALL, **back}, {"x-agent": "b"}),
        ({**CALL, **back, "requestState": back["requestState"][:-4] + "AAAA"}, {}),
        ({**CALL, **back, "requestState": "own-state"}, {}),
    ):
        status, _, tree = gate.modern("tools/call", params, capabilities=CAN, **more)
        assert (status, tree["error"]["data"]["code"]) == (400, "bad-state")
    assert len(script.called()) == 1


@pytest.mark.parametrize("answer", [12, {}, {"action": "maybe"}, {"action": "accept", "content": {"a": {"b": 1}}}])
def test_an_answer_that_is_none(behind: Any, answer: Any) -> None:
    gate, script = behind(elicits())
    params = {**CALL, "inputResponses": {"q": answer}}
    status, _, tree = gate.modern("tools/call", params, capabilities=CAN)
    assert (status, tree["error"]["code"]) == (400, -32602)
    assert script.called() == []
    assert gate.records() == []


@pytest.mark.parametrize("names", [["what nobody judged"], ["n" * 65], [""], [f"q{number}" for number in range(17)]])
def test_answers_that_nobody_asked_for_have_names_that_carry_nothing(behind: Any, names: list[str]) -> None:
    gate, script = behind(elicits())
    params = {**CALL, "inputResponses": dict.fromkeys(names, YES)}
    status, _, tree = gate.modern("tools/call", params, capabilities=CAN)
    assert (status, tree["error"]["code"], script.called()) == (400, -32602, [])
    gate.modern("tools/call", {**CALL, "inputResponses": {"room-1": {"roots": []}}}, capabilities=CAN)
    assert script.called()[-1]["inputResponses"] == {"room-1": {"roots": []}}


@given(state=st.text(max_size=80) | st.binary(min_size=32, max_size=80).map(lambda raw: "lwq1." + raw.hex()))
def test_no_text_opens_that_was_not_sealed(state: str) -> None:
    with pytest.raises(EdgeError):
        Rounds(lambda: KEY).opened(state, "p", "c")


def test_a_sealed_round_is_over_after_an_hour() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    round = Round(2, {"q": Asked("elicitation/create", {"message": "m"})}, "own", "held", {"q": YES})
    state = Rounds(lambda: KEY, lambda: now).seal("p", "c", round)
    assert Rounds(lambda: KEY, lambda: now).opened(state, "p", "c") == round
    for key, at, who, call in (
        (KEY, now + timedelta(hours=2), "p", "c"),
        (KEY, now, "q", "c"),
        (KEY, now, "p", "d"),
        (b"o" * 32, now, "p", "c"),
    ):
        with pytest.raises(EdgeError):
            Rounds(lambda key=key: key, lambda at=at: at).opened(state, who, call)


SAMPLING: dict[str, Any] = {"messages": [{"role": "user", "content": {"type": "text", "text": "t"}}], "maxTokens": 5}
CLAIMED: dict[str, Any] = {"elicitation": {}, "sampling": {}, "roots": {}}


@pytest.mark.parametrize(
    "more",
    [
        {"includeContext": "allServers"},
        {"tools": []},
        {"maxTokens": None},
        {"systemPrompt": 1},
        {"messages": [{"role": "system", "content": {"type": "text", "text": "t"}}]},
        {"messages": [{"role": "user", "content": {"type": "tool_use"}}]},
    ],
)
def test_sampling_that_is_not_passed_on(more: dict[str, Any]) -> None:
    read_inquiry("q", "sampling/createMessage", SAMPLING, CLAIMED)
    with pytest.raises(ResultError):
        read_inquiry("q", "sampling/createMessage", {**SAMPLING, **more}, CLAIMED)


def test_members_that_nobody_knows_are_dropped() -> None:
    inquiry = read_inquiry("q", "sampling/createMessage", {**SAMPLING, "_meta": {}, "metadata": {"a": 1}}, CLAIMED)
    assert inquiry.params == SAMPLING
    assert shown("s", inquiry)["params"] == SAMPLING
    assert read_answer("roots/list", {"roots": [{"uri": "file:///a", "x": 1}], "y": 2}) == {
        "roots": [{"uri": "file:///a"}]
    }


def test_what_is_claimed_is_what_both_have() -> None:
    assert claims(frozenset(ALL), {"elicitation": {}, "sampling": {"tools": {}}}) == {
        "elicitation": {"form": {}},
        "sampling": {},
    }
    assert claims(frozenset(["roots"]), {"elicitation": {}}) == {}
    assert claims(frozenset(ALL), {"elicitation": {"url": {}}, "roots": True}) == {}
