"""server/store/hearing.py: who wanted to know of a table is told of it, and all are where anything may have changed."""

from __future__ import annotations

from server.store.hearing import Hearing


def test_who_wanted_to_know_is_told() -> None:
    hearing, told = Hearing(), list[tuple[str, str]]()
    hearing.on("approval", lambda which: told.append(("first", which)))
    hearing.on("approval", lambda which: told.append(("second", which)))
    hearing.on("mcp_pin", lambda which: told.append(("pins", which)))
    hearing.heard("approval", "apr-1")
    assert told == [("first", "apr-1"), ("second", "apr-1")]
    hearing.heard("policy_activation", "")
    hearing.heard("another", "apr-1")
    assert len(told) == 2
    hearing.heard("", "")
    assert told[2:] == [("first", ""), ("second", ""), ("pins", "")]
