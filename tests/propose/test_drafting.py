"""server/propose/drafting.py, writing.py and restrictions.py: what loads, what waits, what is refused, and that a draft
only ever tightens."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail import ANYONE, Guard, Session, ToolCall
from policy_dsl import Catalogue, PolicySet, compile_policy, format, parse
from policy_dsl.state import StatePlan
from server.propose import Draft, Proposal, Restriction, Unproposable, draft, is_narrower, propose_entities
from server.propose.restrictions import MAX_RESTRICTIONS, Allowed
from server.propose.writing import PATH, written

STRICTNESS = {"allow": 0, "ask": 1, "forbid": 2}


def proposing(*restrictions: Restriction) -> Any:
    return lambda words, catalogue: Proposal(restrictions, "scripted")


def test_a_draft_is_written_in_form(tools: Catalogue, ceiling: PolicySet) -> None:
    drafted = draft("Transfer 25.50 EUR to DE02120300000000202051.", ceiling, tools, propose_entities)
    assert drafted.text == (
        "language 1\n"
        "layer run\n"
        'forbid { "send_email", "create_event", "delete_file", "create_file", "share_file" }\n'
        '  message "The user\'s request does not call for this tool."\n'
        '  because "the user: Transfer 25.50 EUR to DE02120300000000202051."\n'
        'forbid "send_money"\n'
        '  unless recipient in { "DE02120300000000202051" } ignoring case\n'
        '  message "The user\'s request names another value."\n'
        '  because "the user: DE02120300000000202051"\n'
        'forbid "send_money"\n'
        "  unless amount in { 25.50 }\n"
        '  message "The user\'s request names another value."\n'
        '  because "the user: 25.50"\n'
    )
    assert drafted.file is not None
    assert format(drafted.file) == drafted.text
    assert is_narrower(drafted.file)


def decided(policy: PolicySet, tool: str, arguments: dict[str, Any]) -> str:
    session = Session(ANYONE, plan=StatePlan(policy))
    return Guard(compile_policy(policy)).decide(ToolCall(tool, arguments), session).effect


@pytest.mark.parametrize(
    ("arguments", "alone", "drafted"),
    [
        ({"recipient": "DE02120300000000202051", "amount": 5, "subject": ""}, "allow", "allow"),
        ({"recipient": "de02120300000000202051", "amount": 5, "subject": ""}, "allow", "allow"),
        ({"recipient": "DE02120300000000202052", "amount": 5, "subject": ""}, "allow", "forbid"),
        ({"recipient": "DE02120300000000202051", "amount": 5000, "subject": ""}, "forbid", "forbid"),
    ],
)
def test_what_was_named_is_what_is_allowed(
    tools: Catalogue, ceiling: PolicySet, arguments: dict[str, Any], alone: str, drafted: str
) -> None:
    over = draft("Pay DE02120300000000202051 for the tickets.", ceiling, tools, propose_entities).over(ceiling)
    assert decided(ceiling, "send_money", arguments) == alone
    assert decided(over, "send_money", arguments) == drafted


ALLOWED = st.one_of(
    st.builds(Allowed, st.just("recipient"), st.lists(st.sampled_from(["a", "b", "B"]), min_size=1).map(tuple)),
    st.builds(Allowed, st.just("amount"), st.just((5, Decimal("7.5")))),
    st.builds(lambda most: Allowed("amount", most=most), st.integers(0, 2_000)),
    st.builds(lambda least: Allowed("amount", least=least), st.integers(0, 2_000)),
)
RESTRICTIONS = st.one_of(
    st.builds(lambda allowed: Restriction("values", ("send_money",), "w", allowed), ALLOWED),
    st.sampled_from(
        [
            Restriction("no tool", ("delete_file",), "w"),
            Restriction("ask", ("send_money",), "w"),
            Restriction("at most", ("send_money",), "w", times=1),
        ]
    ),
)
CALLS = st.sampled_from(
    [
        ("send_money", {"recipient": "a", "amount": 5, "subject": ""}),
        ("send_money", {"recipient": "c", "amount": 1_500, "subject": ""}),
        ("send_money", {"recipient": "b", "amount": "5", "subject": ""}),
        ("delete_file", {"file_id": "1"}),
        ("get_balance", {}),
        ("launch", {}),
    ]
)


@given(restrictions=st.lists(RESTRICTIONS, max_size=4), call=CALLS)
def test_whatever_is_proposed_no_call_comes_out_milder(
    tools: Catalogue, ceiling: PolicySet, restrictions: list[Restriction], call: tuple[str, dict[str, Any]]
) -> None:
    drafted = draft("w", ceiling, tools, proposing(*restrictions))
    assert drafted.status == "loads"
    over = drafted.over(ceiling)
    assert STRICTNESS[decided(over, *call)] >= STRICTNESS[decided(ceiling, *call)]


@pytest.mark.parametrize(
    ("restriction", "problem"),
    [
        (Restriction("no tool", ("launch",), "w"), "no tool `launch`"),
        (Restriction("no tool", ("delete_*",), "w"), "no tool `delete_*`"),
        (Restriction("values", ("send_money",), "w", Allowed("to", values=("a",))), "no argument `to`"),
        (Restriction("values", ("share_file",), "w", Allowed("permission", values=("owner",))), "unknown-value"),
        (Restriction("values", ("send_money",), "w", Allowed("amount", values=("much",))), "type-mismatch"),
    ],
)
def test_what_the_tools_do_not_have_is_refused(
    tools: Catalogue, ceiling: PolicySet, restriction: Restriction, problem: str
) -> None:
    drafted = draft("w", ceiling, tools, proposing(restriction))
    assert drafted.status == "refused"
    assert problem in " ".join(drafted.problems)
    assert drafted.over(ceiling) is ceiling


def test_too_many_restrictions_are_refused(tools: Catalogue, ceiling: PolicySet) -> None:
    many = [Restriction("no tool", ("delete_file",), "w")] * (MAX_RESTRICTIONS + 1)
    assert draft("w", ceiling, tools, proposing(*many)).status == "refused"


def test_a_proposer_that_has_nothing_leaves_the_ceiling(tools: Catalogue, ceiling: PolicySet) -> None:
    def silent(words: str, catalogue: Catalogue) -> Proposal:
        raise Unproposable("the model is away")

    drafted = draft("w", ceiling, tools, silent)
    assert (drafted.status, drafted.problems, drafted.over(ceiling)) == ("refused", ("the model is away",), ceiling)


def test_an_update_that_narrows_loads_and_one_that_widens_waits(tools: Catalogue, ceiling: PolicySet) -> None:
    def drafting(instead_of: Draft | None, *values: str) -> Draft:
        restriction = Restriction("values", ("send_money",), "w", Allowed("recipient", values=values))
        return draft("w", ceiling, tools, proposing(restriction), instead_of=instead_of)

    first = drafting(None, "a", "b")
    assert drafting(first, "a").status == "loads"
    waiting = drafting(first, "a", "b", "c")
    assert waiting.status == "waits"
    assert waiting.problems == ("gives back values of `send_money`, which an earlier draft took away (w)",)
    assert waiting.over(ceiling) is ceiling


@given(words=st.text(max_size=60))
def test_no_word_of_a_user_becomes_one_of_the_language(words: str, tools: Catalogue) -> None:
    restriction = Restriction("values", ("send_money",), words, Allowed("recipient", values=(words,)))
    text = written(Proposal((restriction,), "p"), tools)
    (layer, rule) = parse(text, PATH).statements
    assert is_narrower(parse(text, PATH))
    assert (type(layer).__name__, type(rule).__name__) == ("Layer", "Rule")
