"""The console in a real browser: what a person sees of a call, and what becomes of the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from server.exchange import Scope

POLICY = """language 1
ask pay(to, amount, note?) as big prompt "Pay {amount}?"
"""
PEOPLE = {
    "approver": {"agent": "console", "user": "eve", "scopes": [Scope.APPROVE]},
    "self": {"scopes": [Scope.APPROVE]},
}
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><b>paid</b>\n  amount = 1\n)\u202e"
WATCHED = """
const isDisabled = (card) => card.querySelector("button.approve").disabled;
window.atFirst = [];
new MutationObserver((changes) => {
  for (const change of changes) window.atFirst.push(...[...change.addedNodes].map(isDisabled));
}).observe(document.getElementById("waiting"), { childList: true });
"""
"""Takes down whether each new call can be approved in the moment it appears."""

BUTTON = "article:nth-of-type({}) button.{}"


@pytest.fixture
def gate(start_gate: Callable[..., Any]) -> Any:
    return start_gate(POLICY, keys=PEOPLE, refusals={"rounds": 0})


def asked(gate: Any, outside: Any, **arguments: Any) -> None:
    gate.model.script.append(says(outside, arguments))
    assert calls(chat(gate)) == []


def chat(gate: Any) -> Any:
    function = {"name": "pay", "parameters": {"type": "object"}}
    return gate.client.chat(tools=[{"type": "function", "function": function}])


def says(outside: Any, arguments: dict[str, Any]) -> Any:
    function = {"name": "pay", "arguments": json.dumps(arguments)}
    entry = {"id": "call_1", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [entry]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return outside.whole({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})


def calls(answer: Any) -> list[Any]:
    message = answer.tree["choices"][0]["message"]
    return [json.loads(entry["function"]["arguments"]) for entry in message.get("tool_calls") or ()]


def enter(browser: Any, gate: Any, key: str) -> None:
    browser.open(f"http://127.0.0.1:{gate.port}/")
    browser.type("#key", key)
    browser.click("#enter button")
    browser.wait_for(lambda: not browser.text("#standing").startswith("Not open"))


def is_armed(browser: Any, place: int) -> Callable[[], Any]:
    script = "return document.querySelector(arguments[0])?.disabled === false"
    return lambda: browser.run(script, BUTTON.format(place, "approve"))


def test_a_yes_lets_exactly_this_call_go(browser: Any, gate: Any, outside: Any) -> None:
    asked(gate, outside, to="ann", amount=101)
    enter(browser, gate, gate.keys["approver"])
    browser.wait_for(is_armed(browser, 1))
    assert browser.text("article pre") == 'pay(\n  amount = 101\n  to = "ann"\n)'
    assert "Pay 101?" in browser.text("article dl")
    assert browser.run("return document.title") == "(1) leastward"
    browser.type("article input", "known payee")
    browser.click(BUTTON.format(1, "approve"))
    browser.wait_for(lambda: browser.text("article .said") == "approved")
    assert calls(chat(gate)) == [{"to": "ann", "amount": 101}]
    browser.wait_for(lambda: "used" in browser.text("#over"))
    assert "eve" in browser.text("#over")
    assert "known payee" in browser.text("#over")
    browser.click("#clear")
    assert browser.text("#waiting") == ""


def test_a_no_is_the_end_of_it(browser: Any, gate: Any, outside: Any) -> None:
    asked(gate, outside, to="ann", amount=101)
    enter(browser, gate, gate.keys["approver"])
    browser.wait_for(is_armed(browser, 1))
    browser.click(BUTTON.format(1, "deny"))
    browser.wait_for(lambda: browser.text("article .said") == "denied")
    gate.model.script.append(says(outside, {"to": "ann", "amount": 101}))
    answer = chat(gate)
    assert calls(answer) == []
    assert "approval-denied" in answer.body.decode()


def test_words_of_an_agent_are_text(browser: Any, gate: Any, outside: Any) -> None:
    asked(gate, outside, to="ann", amount=1, note=HOSTILE)
    browser.open(f"http://127.0.0.1:{gate.port}/")
    browser.complaints()
    enter(browser, gate, gate.keys["approver"])
    browser.wait_for(is_armed(browser, 1))
    shown = browser.text("article pre")
    assert shown.count("\n") == 4, "one argument a line, whatever stands in it"
    assert json.dumps(HOSTILE)[1:-1] in shown
    assert "do not show" in browser.text("article .notes")
    assert browser.run("return document.querySelectorAll('main img, main b').length") == 0
    assert browser.run("return document.title") == "(1) leastward"
    assert [line for line in browser.complaints() if "Content Security Policy" in line or "TrustedHTML" in line] == []


def test_nothing_else_can_run_on_the_page(browser: Any, gate: Any) -> None:
    """Were there a way to put markup into the document, it would do nothing."""
    browser.open(f"http://127.0.0.1:{gate.port}/")
    script = """
    const made = document.createElement("script");
    try { made.text = "document.title = 'owned'"; } catch (error) { return error.name; }
    document.body.append(made);
    return document.title;
    """
    assert browser.run(script) == "TypeError"


def test_a_call_that_comes_later_moves_nothing(browser: Any, gate: Any, outside: Any) -> None:
    """Nobody approves what slid under the pointer; and a new call takes no press at once."""
    place = "return document.querySelector(arguments[0]).getBoundingClientRect().top"
    asked(gate, outside, to="ann", amount=1)
    enter(browser, gate, gate.keys["approver"])
    browser.wait_for(is_armed(browser, 1))
    before = browser.run(place, BUTTON.format(1, "approve"))
    browser.run(WATCHED)
    asked(gate, outside, to="bob", amount=2)
    browser.wait_for(lambda: browser.text("article:nth-of-type(2) pre"))
    assert browser.run("return window.atFirst") == [True]
    assert '"bob"' in browser.text("article:nth-of-type(2) pre")
    assert browser.run(place, BUTTON.format(1, "approve")) == before
    browser.wait_for(is_armed(browser, 2))
    before = browser.run(place, BUTTON.format(2, "approve"))
    browser.click(BUTTON.format(1, "deny"))
    browser.wait_for(lambda: browser.text("article:nth-of-type(1) .said") == "denied")
    assert '"bob"' in browser.text("article:nth-of-type(2) pre"), "what is over stays where it was"
    assert browser.run(place, BUTTON.format(2, "approve")) == before


def test_what_the_gate_refuses_is_said(browser: Any, gate: Any, outside: Any) -> None:
    asked(gate, outside, to="ann", amount=1)
    enter(browser, gate, gate.keys["self"])
    browser.wait_for(is_armed(browser, 1))
    browser.click(BUTTON.format(1, "approve"))
    browser.wait_for(lambda: "(own-run)" in browser.text("article .said"))
    enter(browser, gate, "lw-nothing")
    browser.wait_for(lambda: "(invalid-key)" in browser.text("#standing"))
    assert browser.text("#waiting") == ""
    enter(browser, gate, gate.key)
    browser.wait_for(lambda: "(missing-scope)" in browser.text("#standing"))
