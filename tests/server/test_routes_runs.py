"""server/routes_runs.py: minting."""

from __future__ import annotations

import json
import re
from typing import Any

from server.exchange import Scope


def test_a_run_is_minted_for_the_caller(gate: Any) -> None:
    key = gate.issue(Scope.RUNS)
    runs = []
    for _ in range(2):
        status, headers, body = gate.ask("POST", "/v1/runs", key=key)
        assert status == 200
        run = json.loads(body)["id"]
        assert re.fullmatch(r"run-[0-9a-z]{26}", run)
        assert headers["x-leastward-run"] == run
        runs.append(run)
    assert runs[0] != runs[1]
    principal = gate.store.caller_for(key).principal
    assert gate.store.run_for(runs[0], principal).principal_key == principal.key
