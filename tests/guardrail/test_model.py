"""guardrail/model.py: a Principal's key is as good as its parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail import ANYONE, Principal, ToolCall

# Few characters, among them those that quoting has to deal with: near misses are then common.
names = st.one_of(st.none(), st.text(alphabet="a,'\"()\\ \n", max_size=4))
roles = st.frozensets(names.filter(lambda name: name is not None), max_size=2)
chains = st.lists(names.filter(lambda name: name is not None), max_size=2).map(tuple)
principals = st.builds(Principal, names, names, names, roles, via=chains)


@given(principals, principals)
def test_keys_are_equal_exactly_where_the_parts_are(one: Principal, other: Principal) -> None:
    assert (one.key == other.key) == (one == other)


@given(principals)
def test_claims_are_no_part_of_who_acts(one: Principal) -> None:
    claimed = Principal(one.tenant, one.agent, one.user, one.roles, {"level": 9}, one.via)
    assert claimed == one
    assert claimed.key == one.key


def test_nobody_in_particular() -> None:
    assert Principal() == ANYONE
    assert Principal(agent="") != ANYONE


def test_what_was_judged_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ToolCall("pay", {}).tool = "drop"  # type: ignore[misc]
