"""server/store/runs.py: the default run's id. Minted runs are tested through the store."""

from __future__ import annotations

from guardrail import Principal
from server.store.runs import default_run


def test_default_runs_differ_where_principal_or_database_do() -> None:
    principals = [Principal("a"), Principal(None, "a"), Principal(None, None, "a"), Principal(roles=frozenset({"a"}))]
    ids = {default_run(identity, who).id for identity in ("x", "y") for who in principals}
    assert len(ids) == 8
    assert all(len(text) == 30 and text.startswith("run-") for text in ids)
