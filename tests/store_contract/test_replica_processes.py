"""server/turns.py, over three processes of `leastward serve` on one PostgreSQL: limits, approvals, revoked keys.

Times are printed, for docs/replicas.md (`pytest -s`); what is asserted is only that it comes to hold.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.exchange import Scope
from server.store import Store

POLICY = """language 1
allow pay(to, amount) as small when to == "ann"
allow note(text) as noted
limit pay to 5 released per agent within 1 hour as five
require approval for note as seen
"""
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("pay", "note")]
REPLICAS = 3

pytestmark = pytest.mark.long


@dataclass
class Gates:
    store: Store
    ports: list[int]
    outside: Any

    def key(self, agent: str, *scopes: Scope) -> str:
        return self.store.issue_key("t", agent, list(scopes or (Scope.CALL,)))[0]

    def ask(self, at: int, key: str, words: str) -> Any:
        body = {"model": "m", "messages": [{"role": "user", "content": words}], "tools": TOOLS}
        return self.outside.client(self.ports[at % REPLICAS], key).ask("POST", "/v1/chat/completions", body)

    def honour(self, key: str) -> list[bool]:
        return [self.outside.client(port, key).ask("GET", "/tools").status != 401 for port in self.ports]


@pytest.fixture(scope="module")
def gates(postgres_server: Any, outside: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    def answer(asked: Any) -> Any:
        tool = asked.tree["messages"][-1]["content"].split()[0]
        calls = {"pay": [["pay", '{"to":"ann","amount":1}']], "note": [["note", '{"text":"n"}']]}.get(tool)
        return outside.saying({"calls": calls} if calls else {"text": "nothing"})(asked)

    root = Path(__file__).parents[2]
    url = postgres_server.copy()
    with ExitStack() as stack:
        model = stack.enter_context(closing(outside.model(answer)))
        ports, started = [], []
        for number in range(REPLICAS):
            folder = tmp_path_factory.mktemp(f"gate{number}")
            ports.append(outside.chosen_port())
            config = outside.write_config(folder, POLICY, model.port, ports[-1], database=url, refusals={"rounds": 0})
            log = stack.enter_context((folder / "gate.log").open("wb"))
            process = subprocess.Popen([*outside.serve, str(config)], cwd=root, stdout=log, stderr=log, env=os.environ)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            started.append(process)
        made = Gates(Store.open(url), ports, outside)
        probe = made.key("probe")

        def all_serve() -> bool:
            assert all(process.poll() is None for process in started)
            try:
                return all(made.honour(probe))
            except OSError:
                return False

        outside.wait_for(all_serve, 60)
        yield made


def calls_in(answer: Any) -> int:
    if answer.status != 200:
        return 0
    return len(json.loads(answer.body)["choices"][0]["message"].get("tool_calls", []))


def at_once(count: int, ask: Any) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def test_a_limit_holds_over_all_replicas(gates: Gates) -> None:
    key = gates.key("payer")
    gates.outside.wait_for(lambda: all(gates.honour(key)))
    released = at_once(12, lambda number: calls_in(gates.ask(number, key, "pay")))
    assert sum(released) <= 5
    for number in range(12):  # a call that lost every race was refused, and may be asked again
        released.append(calls_in(gates.ask(number, key, "pay")))
    assert sum(released) == 5


@pytest.mark.parametrize("races", [20, 1000])
def test_one_yes_is_one_release_in_every_race(gates: Gates, races: int) -> None:
    agent, approver = gates.key(f"noter{races}"), gates.key("console", Scope.APPROVE)
    gates.outside.wait_for(lambda: all(gates.honour(agent)) and all(gates.honour(approver)))
    tally = []
    for race in range(races):
        assert calls_in(gates.ask(race, agent, "note")) == 0
        client = gates.outside.client(gates.ports[(race + 1) % REPLICAS], approver)
        [pending, *_] = client.ask("GET", "/v1/approvals").tree["pending"]
        assert client.ask("POST", f"/v1/approvals/{pending['id']}", {"approve": True}).status == 200
        tally.append(sum(at_once(6, lambda number: calls_in(gates.ask(number, agent, "nothing")))))
    print(f"\nreleases per yes over {races} races: {sorted(set(tally))}")
    assert set(tally) == {1}


def test_a_revoked_key_ends_at_every_replica(gates: Gates) -> None:
    took = []
    for number in range(5):
        secret, info = gates.store.issue_key("t", f"leaver{number}", [Scope.CALL])
        gates.outside.wait_for(lambda secret=secret: all(gates.honour(secret)))
        gates.store.revoke_key(info.id)
        begun = time.perf_counter()
        gates.outside.wait_for(lambda secret=secret: not any(gates.honour(secret)))
        took.append(time.perf_counter() - begun)
    print(f"\na revoked key ended everywhere after {statistics.median(took):.2f} s (max {max(took):.2f}, n=5)")
