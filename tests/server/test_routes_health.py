"""server/routes_health.py: alive, ready, and what a broken policy file looks like from outside."""

from __future__ import annotations

import json
from typing import Any

from server.exchange import Scope


def test_alive(gate: Any) -> None:
    assert gate.ask("GET", "/healthz", key=None)[::2] == (200, b'{"alive":true}')


def test_ready(gate: Any) -> None:
    status, _, body = gate.ask("GET", "/readyz", key=None)
    ready = json.loads(body)
    assert status == 200
    assert ready["ready"] is True
    assert ready["mode"] == "enforce"
    assert ready["text_calls"] == ["fenced", "hermes", "llama", "mistral", "react"]
    assert ready["policy"]["hash"] == gate.policies.current.policy_hash
    assert ready["policy"]["error"] is None
    assert ready["records"] == "ok"


def test_settings_that_weaken_the_gate_show(start: Any) -> None:
    ready = json.loads(start(mode="observe", text_calls="off").ask("GET", "/readyz", key=None)[2])
    assert (ready["mode"], ready["text_calls"]) == ("observe", "off")


def test_a_policy_that_breaks_shows_with_its_place_and_the_old_one_stays(start: Any, wait_for: Any) -> None:
    gate = start()
    before = gate.policies.current
    (gate.folder / "gate.lw").write_text("language 1\nallow get_weather(\n")
    wait_for(lambda: gate.policies.error is not None)
    status, _, body = gate.ask("GET", "/readyz", key=None)
    policy = json.loads(body)["policy"]
    assert status == 200
    assert gate.policies.current is before
    assert policy["hash"] == before.policy_hash
    assert "gate.lw:" in policy["error"]
    assert "^" in policy["error"]
    (gate.folder / "gate.lw").write_text("language 1\nallow search(...)\n")
    wait_for(lambda: gate.policies.current is not before and gate.policies.error is None)
    assert json.loads(gate.ask("GET", "/readyz", key=None)[2])["policy"]["error"] is None


def test_lines_of_the_policy_are_for_those_who_may_read_it(start: Any, wait_for: Any) -> None:
    gate = start(listen={"host": "0.0.0.0"})  # what is bound is the test's; the setting is what decides
    (gate.folder / "gate.lw").write_text("language 1\nallow secret_tool(\n")
    wait_for(lambda: gate.policies.error is not None)
    for key in (None, gate.key, gate.issue(Scope.AUDIT)):
        error = json.loads(gate.ask("GET", "/readyz", key=key)[2])["policy"]["error"]
        assert "does not load" in error or "do not load" in error
        assert "secret_tool" not in error
    assert "secret_tool" in json.loads(gate.ask("GET", "/readyz", key=gate.issue(Scope.POLICY))[2])["policy"]["error"]


def test_no_records_no_readiness(start: Any) -> None:
    gate = start()
    gate.store.close()
    status, _, body = gate.ask("GET", "/readyz", key=None)
    assert (status, json.loads(body)["records"]) == (503, "cannot be written")
    assert gate.ask("GET", "/healthz", key=None)[0] == 200


def test_metrics(gate: Any) -> None:
    gate.ask("GET", "/readyz", key=None)
    status, headers, body = gate.ask("GET", "/metrics", key=None)
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"leastward_ready 1.0" in body
    assert gate.key.encode() not in body
