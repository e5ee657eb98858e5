"""server/cli/desk.py: sessions of `leastward decide`, what happened in them, and drafts from the user's lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policy_dsl import Catalogue, parse, policy_set
from server.cli.desk import Desk
from server.propose import Proposal, Unproposable, propose_entities

POLICY = """\
language 1
allow read(path) as read
allow pay(to, amount) as pay when to from results of read or to from user
allow post(to) as post when after succeeded read(path == call.to)
limit pay to 2 released per session as few
forbid pay as at-night when time between 22:00 and 06:00 in "UTC"
counter paid = sum(amount) of released pay per agent ever
forbid pay as budget when counter paid + amount > 100
rewrite post remove cc when has cc
"""

TEXT = {"type": "string"}
TOOLS = [
    {"name": "read", "inputSchema": {"type": "object", "properties": {"path": TEXT}, "required": ["path"]}},
    {
        "name": "pay",
        "inputSchema": {
            "type": "object",
            "properties": {"to": TEXT | {"description": "IBAN"}, "amount": {"type": "number"}},
            "required": ["to", "amount"],
        },
    },
    {"name": "post", "inputSchema": {"type": "object", "properties": {"to": TEXT, "cc": TEXT}, "required": ["to"]}},
]

AGENT = {"agent": "a"}
NOON = "2026-03-04T12:00:00Z"


@pytest.fixture
def desk() -> Desk:
    return Desk(policy_set([parse(POLICY, "desk.lw")], Catalogue.from_tools(TOOLS)))


def answers(desk: Desk, *lines: dict[str, Any]) -> list[Any]:
    """The effect of each call, or effect and rule where a rule decided."""
    found = []
    for line in lines:
        answer = desk.take(json.dumps(line).encode())
        if answer is not None:
            document = json.loads(answer)
            found.append((document["effect"], document.get("rule")))
    return found


def pay(to: str, amount: int = 1, **line: Any) -> dict[str, Any]:
    return {"tool": "pay", "args": {"to": to, "amount": amount}, "principal": AGENT, "at": NOON, **line}


def test_a_result_is_evidence_for_the_calls_after_it(desk: Desk) -> None:
    read = {"tool": "read", "args": {"path": "bill"}, "call_id": "c1", "principal": AGENT, "at": NOON}
    result = {"result": "pay alice-at-bank", "call_id": "c1"}
    assert answers(desk, pay("alice-at-bank"), read, result, pay("alice-at-bank")) == [
        ("forbid", None),
        ("allow", "read"),
        ("allow", "pay"),
    ]


def test_a_failed_call_is_no_success(desk: Desk) -> None:
    read = {"tool": "read", "args": {"path": "a"}, "call_id": "c1", "at": NOON}
    post = {"tool": "post", "args": {"to": "a"}, "at": NOON}
    assert answers(desk, read, {"result": "no", "call_id": "c1", "status": "error"}, post)[-1] == ("forbid", None)
    assert answers(desk, read, {"result": "yes", "call_id": "c1"}, post)[-1] == ("allow", "post")


def test_allowed_calls_count_and_refused_ones_do_not(desk: Desk) -> None:
    user = {"user": "Pay alice, whatever it takes."}
    assert answers(desk, user, pay("alice"), pay("mallory"), pay("alice"), pay("alice")) == [
        ("allow", "pay"),
        ("forbid", None),
        ("allow", "pay"),
        ("forbid", "few"),
    ]


def test_counters_of_an_agent_outlive_a_session(desk: Desk) -> None:
    lines = [
        line
        for session in ("a", "b")
        for line in ({"user": "Pay alice.", "session": session}, pay("alice", 60, session=session))
    ]
    assert answers(desk, *lines) == [("allow", "pay"), ("forbid", "budget")]


def test_the_time_of_a_line_is_the_time_of_its_session(desk: Desk) -> None:
    night = pay("alice", at="2026-03-04T23:30:00.5+00:00")
    assert answers(desk, {"user": "Pay alice."}, pay("alice"), night) == [("allow", "pay"), ("forbid", "at-night")]


def test_a_rewritten_call_says_what_it_became(desk: Desk) -> None:
    read = {"tool": "read", "args": {"path": "a"}, "call_id": "c1", "at": NOON}
    answers(desk, read, {"result": "", "call_id": "c1"})
    answer = desk.take(json.dumps({"tool": "post", "args": {"to": "a", "cc": "b"}, "at": NOON}).encode())
    assert answer is not None
    document = json.loads(answer)
    assert (document["effect"], document["rewritten"], document["args"]) == ("allow", True, {"to": "a"})


DE, FR = "DE02120300000000202051", "FR1420041010050500013M02606"


def test_each_session_drafts_from_its_own_words() -> None:
    desk = Desk(policy_set([parse(POLICY, "desk.lw")], Catalogue.from_tools(TOOLS)), propose_entities)
    words = {"user": f"Pay {DE}; {FR} is what I paid before.", "session": "a"}
    only = {"user": f"Pay {DE}.", "session": "b"}
    asked = {"user": "What did I pay?", "session": "c"}
    assert answers(desk, words, pay(FR, session="a")) == [("allow", "pay")]
    read = {"tool": "read", "args": {"path": "bill"}, "call_id": "c1", "session": "b", "principal": AGENT, "at": NOON}
    told = {"result": f"pay {FR}", "call_id": "c1", "session": "b"}
    assert answers(desk, only, read, told, pay(FR, session="b"), pay(DE, session="b")) == [
        ("allow", "read"),
        ("forbid", "draft:6"),
        ("allow", "pay"),
    ]
    assert answers(desk, asked, pay(DE, session="c"))[0][0] == "forbid"


def test_the_user_may_say_more_and_what_happened_stays() -> None:
    desk = Desk(policy_set([parse(POLICY, "desk.lw")], Catalogue.from_tools(TOOLS)), propose_entities)
    lines = ({"user": f"Pay {DE}."}, pay(DE), pay(FR), {"user": f"And pay {FR}."}, pay(FR), pay(FR))
    assert [effect for effect, _ in answers(desk, *lines)] == ["allow", "forbid", "allow", "forbid"]


def test_without_a_draft_the_policy_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    def silent(words: str, catalogue: Catalogue) -> Proposal:
        raise Unproposable("the model is away")

    desk = Desk(policy_set([parse(POLICY, "desk.lw")], Catalogue.from_tools(TOOLS)), silent)
    assert answers(desk, {"user": f"Pay {DE}."}, pay(DE)) == [("allow", "pay")]
    assert "no session policy: the model is away" in capsys.readouterr().err
