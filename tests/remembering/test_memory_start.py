"""A gate that has learned nothing, has no memory, or cannot read it: remembering/opening.py."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from memory.encoders import EncoderMissing
from server.store import StoreError

CHANGING = {"at", "id", "arguments", "incarnation", "run"}
CALLS = [
    ["pay", '{"to":"ann","amount":1}'],
    ["send", '{"to":"a@example.com","text":"x"}'],
    ["drop", "{}"],
    ["pay", "?"],
]


@pytest.mark.parametrize("stream", [False, True])
def test_an_empty_memory_changes_no_byte(outside: Any, tmp_path: Path, names: Any, scene: Any, stream: bool) -> None:
    said = []
    for name, memory in (("without", None), ("with", scene.memory)):
        (tmp_path / name).mkdir()
        settings = {} if memory is None else {"memory": memory}
        with outside.running_gate(
            tmp_path / name, scene.policy, clock=scene.clock(), refusals={"rounds": 0}, **settings
        ) as gate:
            gate.model.script = [outside.saying({"text": "so", "calls": CALLS})]
            answer = gate.client.chat(stream=stream)
            records = [{key: one[key] for key in one if key not in CHANGING} for one in gate.records()]
            said.append((answer.status, type(names)()(answer.body.decode()), records))
    assert said[0] == said[1]
    assert [one["memory_version"] for one in said[1][2]] == [0, 0, 0, 0]


def test_a_gate_without_memory_has_none(start_gate: Callable[..., Any], scene: Any) -> None:
    gate = start_gate(scene.policy, keys=scene.keys)
    assert "memory" not in gate.ready()[1]
    for method, path, body in [
        ("POST", "/v1/reports", {"decision": "dec-1", "should": "allow"}),
        ("GET", "/v1/audits", None),
        ("GET", "/v1/abstractions", None),
        ("POST", "/v1/refresh", {}),
        ("POST", "/v1/memory/retract", {"reporter": "x"}),
    ]:
        answer = gate.with_key("admin0").ask(method, path, body)
        assert (answer.status, answer.code) == (404, "memory-off")


def test_a_memory_that_cannot_be_read_stops_the_start_and_later_leaves_the_last_snapshot(
    taught: Any, outside: Any, scene: Any, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = tmp_path_factory.mktemp("broken")
    (broken / "memory.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError), scene.house(broken, scene.clock()):
        pass
    assert taught.gate.ready()[1]["memory"] == "ok"
    for name in ("memory.db", "memory.db-wal", "memory.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "memory.db").write_bytes(b"no database" * 1000)
    taught.gate.house.app._services.memory._memory.store.database.engine.dispose()
    outside.wait_for(lambda: taught.gate.ready()[1]["memory"] == "stale")
    assert taught.gate.ready()[0] == 200
    assert taught.decide("pay", **taught.eve(50))["effect"] == "ask"
    assert taught.ask("admin0", "GET", "/v1/abstractions").code == "memory-unavailable"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"floor": 0.4}, "`memory` void"),
        ({"tenants": {"acme": {"gate_for_allow": "beta"}}}, "`memory.tenants.acme` void"),
        ({"tenants": {"acme": {"audit_for_allow": False, "approval_for_allow": False}}}, "an audit or for a person's"),
    ],
)
def test_terms_that_void_what_is_claimed_stop_the_start(
    scene: Any, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(StoreError, match=said), scene.house(tmp_path, scene.clock(), **settings):
        pass


def test_an_encoder_that_is_not_there_stops_the_start(
    scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: str) -> Any:
        raise EncoderMissing("there are no weights", "install them")

    monkeypatch.setattr("server.remembering.opening.encoder", missing)
    says = "`memory.encoder`: there are no weights: install them"
    with pytest.raises(StoreError, match=says), scene.house(tmp_path, scene.clock()):
        pass


def test_a_tenant_has_its_own_terms(scene: Any, tmp_path: Path) -> None:
    tenants = {"other": {"reports_a_day": 1, "costs": {"missed_harm": 4}}}
    with scene.house(tmp_path, scene.clock(), tenants=tenants) as gate:
        memory = gate.gate.house.app._services.memory._memory
        acme, other = memory.terms_of("acme"), memory.terms_of("other")
    assert (acme.reports_a_day, other.reports_a_day) == (50, 1)
    assert (other.missed_harm, other.false_block, other.alpha) == (4.0, acme.false_block, acme.alpha)


def test_what_another_encoder_measured_says_nothing_until_a_refresh(
    lessons: tuple[Path, datetime], scene: Any, tmp_path: Path
) -> None:
    shutil.copytree(lessons[0], tmp_path, dirs_exist_ok=True)
    with contextlib.closing(sqlite3.connect(tmp_path / "memory.db")) as connection:
        body = connection.execute("SELECT body FROM memory_snapshot ORDER BY version DESC").fetchone()[0]
        other = zlib.compress(zlib.decompress(body).replace(b"hashing-256-1", b"hashing-128-9"))
        connection.execute("UPDATE memory_snapshot SET body = ?", (other,))
        connection.execute("UPDATE memory_abstraction SET encoder = 'hashing-128-9'")
        connection.commit()
    with scene.house(tmp_path, scene.clock(lessons[1])) as gate:
        assert gate.decide("pay", **gate.eve(50))["effect"] == "allow"
        assert gate.refresh()["changes"]["measured"]
        assert gate.decide("pay", **gate.eve(50))["effect"] == "ask"
