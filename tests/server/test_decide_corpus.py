"""server/dry_run.py and server/gate.py: the corpus of decisions (tests/corpus/decide) over HTTP, as the engines run it
in process. Calls go through `/v1/decide`; what the user said reaches the gate only with a chat, so these cases are
model answers, and their Records are compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.exchange import Scope

CORPUS = Path(__file__).parents[1] / "corpus" / "decide"
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['case']}")
    for file in sorted(CORPUS.glob("*.yaml"))
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))
    if "server" not in case  # the settings have no word for the server of `tools`
]
TENANTS = sorted({param.values[0].get("principal", {}).get("tenant", "nobody") for param in CASES})


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, outside: Any) -> Iterator[Any]:
    keys = {
        tenant: {"tenant": tenant, "agent": "asks", "scopes": [Scope.CALL, Scope.DECIDE], "speaks_for_user": True}
        for tenant in TENANTS
    }
    with outside.running_gate(
        tmp_path_factory.mktemp("gate"), "language 1\n", tools=[], keys=keys, refusals={"style": "message"}
    ) as running:
        yield running


def wanted(call: dict[str, Any]) -> dict[str, Any]:
    rule = call.get("rule")
    errors = [dict(zip(("rule", "code", "place"), error, strict=True)) for error in call.get("errors", [])]
    reason = call.get("reason", "no-rule" if rule is None else "rule")
    return {"effect": call["effect"], "rule": rule, "reason": reason, "errors": errors}


def decided(client: Any, case: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    tool = f"{call['server']}/{call['tool']}" if "server" in call else call["tool"]
    line = {"tool": tool, "args": call["args"], "principal": case.get("principal", {})}
    answer = client.ask("POST", "/v1/decide", line)
    assert answer.status == 200, answer.body
    return {name: answer.tree[name] for name in ("effect", "rule", "reason", "errors")}


def released(gate: Any, outside: Any, client: Any, case: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """The same of the Record of a call that a model makes after all that the user said; it leaves if it is allowed."""
    gate.model.script[:] = [outside.saying({"calls": [[call["tool"], call["args"]]]})]
    messages = [{"role": "user", "content": text} for text in case["user"]]
    answer = client.ask("POST", "/v1/chat/completions", {"model": "m", "messages": messages})
    assert answer.status == 200, answer.body
    message = answer.tree["choices"][0]["message"]
    assert bool(message.get("tool_calls")) == (call["effect"] == "allow")
    record = gate.records()[-1]
    assert record["id"] == answer.headers["x-leastward-decision"]
    return {name: record[name] for name in ("effect", "rule", "reason", "errors")}


@pytest.mark.parametrize("case", CASES)
def test_the_corpus_over_http(gate: Any, outside: Any, case: dict[str, Any]) -> None:
    gate.decide_by(case["policy"], case.get("tools", []))
    client = gate.with_key(case.get("principal", {}).get("tenant", "nobody"))
    for call in case["calls"]:
        if "/" in call["tool"]:
            continue  # in a line this is the name of a server and a tool there
        got = released(gate, outside, client, case, call) if "user" in case else decided(client, case, call)
        assert got == wanted(call), json.dumps(call)


def test_almost_all_of_the_corpus_runs_here() -> None:
    assert len(CASES) >= 95
    assert sum("user" in param.values[0] for param in CASES) >= 3
