"""Policy versions at two gates on one PostgreSQL: both serve what one puts in force, and of two people one wins."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from policy_dsl import load
from server.exchange import Scope
from server.versions import SigningKey, collected

KEYS = {"admin": {"agent": "desk", "user": "ada", "scopes": [Scope.ADMIN, Scope.DECIDE]}}


@pytest.fixture
def gates(postgres_server: Any, outside: Any, tmp_path: Path) -> Iterator[list[Any]]:
    key = SigningKey.make(tmp_path / "ops.pem")
    policies = {"trusted_keys": {"ops": key.public.text}}
    url = postgres_server.copy()
    with ExitStack() as stack:
        started = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            gate = outside.running_gate(tmp_path / name, "", keys=KEYS, database=url, policies=policies)
            started.append(stack.enter_context(gate))
        yield started


def publish(gate: Any, tmp_path: Path, tool: str, serial: int) -> None:
    path = tmp_path / f"{tool}.lw"
    path.write_text(f"language 1\nallow {tool}(path)\n")
    bundle = collected([str(path)], None, load([path]), serial).signed(SigningKey.read(tmp_path / "ops.pem"))
    body = {"bundle": json.loads(bundle.encoded())}
    assert gate.with_key("admin").ask("POST", "/v1/policies", body).status == 200


def put(gate: Any, manner: str, number: int, expected: int) -> Any:
    body = {"expected": expected, "because": "so", "widens": True}
    return gate.with_key("admin").ask("POST", f"/v1/policies/{number}/{manner}", body)


def allows(gate: Any, tool: str) -> bool:
    answer = gate.with_key("admin").ask("POST", "/v1/decide", {"tool": tool, "args": {"path": "a"}})
    return bool(answer.tree["effect"] == "allow")


def test_both_gates_serve_what_one_of_them_put_in_force(gates: list[Any], outside: Any, tmp_path: Path) -> None:
    one, two = gates
    for serial, tool in enumerate(("read", "stat", "list"), 1):
        publish(gates[serial % 2], tmp_path, tool, serial)
    assert put(one, "activate", 1, 0).status == 200
    assert allows(one, "read")
    outside.wait_for(lambda: allows(two, "read"))
    assert two.ready()[0] == 200

    answers: list[tuple[int, int]] = []

    def race(gate: Any, number: int) -> None:
        answers.append((put(gate, "activate", number, 1).status, number))

    threads = [threading.Thread(target=race, args=pair) for pair in ((one, 2), (two, 3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200, 409]
    won = next(number for status, number in answers if status == 200)
    for gate in gates:
        outside.wait_for(lambda gate=gate: allows(gate, {2: "stat", 3: "list"}[won]) and not allows(gate, "read"))

    assert put(two, "rollback", 1, won).status == 200
    outside.wait_for(lambda: allows(one, "read") and allows(two, "read"))
    assert [one_of["manner"] for one_of in two.with_key("admin").ask("GET", "/v1/policies").tree["activations"]] == [
        "rollback", "activate", "activate"
    ]  # fmt: skip
    assert one.house.store.verify().problems == ()
