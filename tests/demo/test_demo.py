"""server/cli/demo.py, server/demo/stage.py and outcome.py: the whole demonstration, and when it would not have held."""

from __future__ import annotations

import json

import pytest

from guardrail.chain import Problem, Verification
from server.cli import main
from server.demo import Line, Outcome


def test_the_demonstration_holds(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["demo", "--json"])
    document = json.loads(capsys.readouterr().out)
    wrong = [call for call in document["calls"] if not call["is_right"]]
    assert (code, document["held"], wrong) == (0, True, [])
    assert document["records"]["problems"] == []
    for streamed in (True, False):
        attacked = [call for call in document["calls"] if call["streamed"] is streamed and call["is_attack"]]
        assert attacked
        assert {call["effect"] for call in attacked} <= {"ask", "forbid"}
        assert all(call["decision"].startswith("dec-") for call in attacked)
    # One Record for each call and one for the opening of the chain: nothing was decided twice.
    assert document["records"]["rows"] == len(document["calls"]) + 1


def line(*, is_attack: bool, effect: str | None, released: bool) -> Line:
    return Line("t", False, "pay", {}, is_attack, effect, None, None, None, released, 1.0)


@pytest.mark.parametrize(
    ("is_attack", "effect", "released", "right"),
    [
        (True, "forbid", False, True),
        (True, "ask", False, True),
        (True, "forbid", True, False),
        (True, "allow", True, False),
        (True, None, False, False),
        (False, "allow", True, True),
        (False, "allow", False, False),
        (False, "ask", False, False),
        (False, None, False, False),
    ],
)
def test_what_is_right(is_attack: bool, effect: str | None, released: bool, right: bool) -> None:
    assert line(is_attack=is_attack, effect=effect, released=released).is_right is right


def test_a_broken_chain_does_not_hold() -> None:
    good = (line(is_attack=False, effect="allow", released=True),)
    problem = Problem("link", 3, None, "the record or its link was changed")
    assert Outcome(good, Verification(4, 1, (), None)).held
    assert not Outcome(good, Verification(4, 1, (problem,), None)).held
