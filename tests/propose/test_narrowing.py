"""server/propose/narrowing.py: what may widen is seen, whatever it is dressed as; what an update gives back, too."""

from __future__ import annotations

import pytest

from policy_dsl import parse
from server.propose import Proposal, Restriction, is_narrower
from server.propose.narrowing import given_back
from server.propose.restrictions import Allowed

NARROW = [
    "layer run",
    "forbid send_money",
    'forbid send_money unless recipient in { "a" }',
    "require approval for send_money",
    "limit send_money to 1 released per session",
]
WIDENING = [
    "allow send_money(...)",
    "ask send_money(...)",
    "shadow forbid send_money",
    'set payees = { "attacker" }',
    "group harmless = { send_money }",
    "trust results of get_balance",
    "rewrite send_money set amount = 1",
    "define gold = amount <= 1",
    'for agent "a" { allow send_money(...) }',
    'import "other.lw"',
    "otherwise forbid",
]


@pytest.mark.parametrize("statement", NARROW)
def test_narrow(statement: str) -> None:
    assert is_narrower(parse(f"language 1\n{statement}\n", "draft.lw"))


def test_another_layer() -> None:
    assert not is_narrower(parse("language 1\nlayer team\nforbid delete_file\n", "draft.lw"))


@pytest.mark.parametrize("statement", WIDENING)
def test_widening(statement: str) -> None:
    assert not is_narrower(parse(f"language 1\nforbid delete_file\n{statement}\n", "draft.lw"))


def of(kind: str, *tools: str, allowed: Allowed | None = None, times: int = 0) -> Restriction:
    return Restriction(kind, tools or ("pay",), "words", allowed, times)  # type: ignore[arg-type]  # kinds as plain text


NO_TOOL = of("no tool")
TO_A = of("values", allowed=Allowed("to", values=("a",)))
TO_A_OR_B = of("values", allowed=Allowed("to", values=("A", "b")))
BY_A = of("values", allowed=Allowed("by", values=("a",)))
IN_MAY = of("values", allowed=Allowed("on", days=("05-01",)))
MAY_OR_JUNE = of("values", allowed=Allowed("on", days=("05-01", "06-01")))
AT_A = of("values", allowed=Allowed("url", hosts=("a.example",)))
AT_A_OR_B = of("values", allowed=Allowed("url", hosts=("a.example", "b.example")))
FEW = of("values", allowed=Allowed("sum", most=5))
MANY = of("values", allowed=Allowed("sum", most=50))
FROM_5 = of("values", allowed=Allowed("sum", least=5))
FROM_50 = of("values", allowed=Allowed("sum", least=50))
ONCE, TWICE, ASKED = of("at most", times=1), of("at most", times=2), of("ask")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TO_A_OR_B, TO_A),
        (MAY_OR_JUNE, IN_MAY),
        (AT_A_OR_B, AT_A),
        (MANY, FEW),
        (FROM_5, FROM_50),
        (TWICE, ONCE),
        (ASKED, ASKED),
        *((one, NO_TOOL) for one in (TO_A, IN_MAY, FEW, ONCE, ASKED, NO_TOOL)),
    ],
)
def test_an_update_that_narrows(old: Restriction, new: Restriction) -> None:
    assert given_back(Proposal((old,), "p"), Proposal((new, BY_A), "p")) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TO_A, TO_A_OR_B),
        (TO_A, BY_A),
        (IN_MAY, MAY_OR_JUNE),
        (AT_A, AT_A_OR_B),
        (FEW, MANY),
        (FEW, FROM_5),
        (FROM_50, FROM_5),
        (ONCE, TWICE),
        (NO_TOOL, ASKED),
        (NO_TOOL, TO_A),
        (ASKED, TO_A),
        (TO_A, ASKED),
        (NO_TOOL, of("no tool", "read")),
    ],
)
def test_an_update_that_gives_back(old: Restriction, new: Restriction) -> None:
    assert given_back(Proposal((old,), "p"), Proposal((new,), "p")) == (old,)


def test_one_tool_of_two_is_given_back() -> None:
    old, new = of("no tool", "pay", "post"), of("no tool", "post")
    assert given_back(Proposal((old,), "p"), Proposal((new,), "p")) == (of("no tool", "pay"),)
