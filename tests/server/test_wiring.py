"""server/wiring.py: what the composed gate does beside its exchanges (test_gate.py): runs, records, readiness, faults
of the network, and policies that change under it."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.exchange import Scope

POLICY = """language 1
allow pay(to, amount) as known when to == "ann"
forbid pay as never when to == "eve" message "Eve is never paid."
"""
BROKEN = POLICY + "allow pay(to when to == 1\n"
PAY_ANN = {"calls": [["pay", '{"to":"ann","amount":12.5}']]}
PAY_EVE = {"calls": [["pay", '{"to":"eve","amount":1}']]}
KEYS = {
    "audit": {"agent": "auditor", "scopes": [Scope.AUDIT]},
    "foreign": {"tenant": "other", "agent": "auditor", "scopes": [Scope.AUDIT]},
    "second": {"agent": "second", "scopes": [Scope.CALL]},
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, outside: Any) -> Iterator[Any]:
    """One gate for the tests that leave it as it was."""
    with outside.running_gate(
        tmp_path_factory.mktemp("gate"), POLICY, keys=KEYS, refusals={"rounds": 0, "per_run_limit": 3}
    ) as gate:
        yield gate


@pytest.fixture
def gate(shared: Any) -> Any:
    shared.model.script.clear()
    shared.model.asked.clear()
    return shared


# --- records and runs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_decisions_are_found_by_their_ids_and_by_their_exchange(gate: Any, outside: Any, stream: bool) -> None:
    gate.model.script = [outside.saying({"calls": [*PAY_ANN["calls"], *PAY_EVE["calls"]]})]
    answer = gate.client.chat(stream=stream)
    named = answer.headers["x-leastward-decision"]
    exchange = named.partition(".")[0]
    assert named == (exchange if stream else f"{exchange}.1, {exchange}.2")
    auditor = gate.with_key("audit")
    whole = auditor.ask("GET", f"/v1/decisions/{exchange}").tree
    assert whole["id"] == exchange
    assert [(one["id"], one["effect"], one["rule"]) for one in whole["decisions"]] == [
        (f"{exchange}.1", "allow", "known"), (f"{exchange}.2", "forbid", "never")
    ]  # fmt: skip
    assert [one["payload"] for one in whole["decisions"]] == [{"to": "ann", "amount": 12.5}, {"to": "eve", "amount": 1}]
    for one in whole["decisions"]:
        assert auditor.ask("GET", f"/v1/decisions/{one['id']}").tree == one
    for unknown in (exchange, f"{exchange}.1"):
        answer = gate.with_key("foreign").ask("GET", f"/v1/decisions/{unknown}")
        assert (answer.status, answer.code) == (404, "unknown-decision")
        assert gate.client.ask("GET", f"/v1/decisions/{unknown}").status == 403
    assert auditor.ask("GET", f"/v1/decisions/{exchange}.3").status == 404


def test_a_run_gathers_refusals_and_a_new_one_sheds_them(gate: Any, outside: Any) -> None:
    def refused(run: str | None) -> str:
        gate.model.script = [outside.saying(PAY_EVE)]
        answer = gate.client.chat(headers={} if run is None else {"x-leastward-run": run})
        assert answer.headers["x-leastward-run"] == run or run is None
        return str(answer.tree["choices"][0]["message"]["content"])

    first, second = (gate.client.ask("POST", "/v1/runs").tree["id"] for _ in range(2))
    told = [refused(first) for _ in range(4)]
    assert ["Eve is never paid." in text for text in told] == [True, True, True, False]
    assert "refused pay: refused. (decision" in told[3]
    assert "Eve is never paid." in refused(second)
    assert "Eve is never paid." not in refused(first)
    assert {record["run"] for record in gate.records()} >= {first, second}


def test_a_run_belongs_to_its_principal(gate: Any, outside: Any) -> None:
    run = gate.client.ask("POST", "/v1/runs").tree["id"]
    answer = gate.with_key("second").chat(headers={"x-leastward-run": run})
    assert (answer.status, answer.code) == (404, "unknown-run")
    assert gate.model.asked == []
    gate.model.script = [outside.saying({"text": "a"}), outside.saying({"text": "b"})]
    standing = [client.chat().headers["x-leastward-run"] for client in (gate.client, gate.with_key("second"))]
    assert len({run, *standing}) == 3
    assert gate.with_key("second").ask("POST", "/v1/runs").status == 403
    assert gate.client.chat(headers={"x-leastward-run": standing[1]}).code == "unknown-run"


def test_a_dry_run_records_nothing(gate: Any) -> None:
    before = len(gate.records())
    line = {"tool": "pay", "args": {"to": "ann", "amount": 1}}
    assert gate.client.ask("POST", "/v1/decide", line).tree == {
        "effect": "allow", "rule": "known", "reason": "rule", "rewritten": False, "errors": []
    }  # fmt: skip
    assert gate.client.ask("POST", "/v1/decide", {"tool": "pay", "args": '{"to":1,"to":2}'}).tree["effect"] == "forbid"
    assert gate.client.ask("POST", "/v1/decide", {"tool": "pay"}).code == "bad-line"
    assert gate.with_key("second").ask("POST", "/v1/decide", line).status == 403
    assert len(gate.records()) == before
    assert gate.model.asked == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"model":"m","model":"n","messages":[]}', b'{"model":"m","messages":[NaN]}', b"\xff"]
)
def test_a_malformed_request_is_refused_and_recorded(gate: Any, body: bytes) -> None:
    before = len(gate.records())
    answer = gate.client.ask("POST", "/v1/chat/completions", body)
    assert (answer.status, answer.code) == (400, "malformed-request")
    assert [record["kind"] for record in gate.records()[before:]] == ["malformed-request"]
    assert gate.model.asked == []


@pytest.mark.parametrize(
    "path", ["/v1/completions", "/v1/responses/compact", "/v1/messages/batches", "/v1/chat/completions/", "/x"]
)
def test_unknown_routes_are_not_passed_on(gate: Any, path: str) -> None:
    answer = gate.client.ask("POST", path, {"model": "m"})
    assert (answer.status, answer.code) == (404, "unknown-route")
    assert gate.model.asked == []


@pytest.mark.parametrize(
    ("path", "is_hinted"), [("/chat/completions", True), ("/models", True), ("/embeddings", False)]
)
def test_a_base_url_without_its_end_is_told(gate: Any, path: str, is_hinted: bool) -> None:
    message = gate.client.ask("POST", path, {"model": "m"}).tree["error"]["message"]
    assert (f"; `/v1{path}` is one: a client's base URL ends with `/v1`" in message) is is_hinted


# --- models, readiness, counters -------------------------------------------------------------------------------------


def test_models_are_named_and_nothing_else_of_them_passes(gate: Any, outside: Any) -> None:
    listed = [{"id": "m1", "created": 5, "tools": ["x"]}, {"name": "m2"}, {"id": "m3", "owned_by": "them"}, 7]
    gate.model.script = [outside.whole({"object": "list", "data": listed})]
    assert gate.client.ask("GET", "/v1/models").tree == {
        "object": "list",
        "data": [
            {"id": "m1", "object": "model", "created": 5, "owned_by": "scripted"},
            {"id": "m3", "object": "model", "created": 0, "owned_by": "scripted"},
        ],
    }
    assert [(asked.method, asked.path) for asked in gate.model.asked] == [("GET", "/v1/models")]


@pytest.mark.parametrize("body", [b"?", b'{"data":1}', b'{"data":[],"data":[]}'])
def test_models_that_cannot_be_read(gate: Any, outside: Any, body: bytes) -> None:
    gate.model.script = [outside.whole(body)]
    assert (answer := gate.client.ask("GET", "/v1/models")).status == 502
    assert answer.code == "upstream-error"


@pytest.mark.parametrize(("days", "is_kept"), [(2, False), (4, True)])
def test_arguments_are_kept_as_long_as_the_settings_say(outside: Any, tmp_path: Path, days: int, is_kept: bool) -> None:
    with outside.running_gate(tmp_path, POLICY) as gate:
        gate.model.script = [outside.saying(PAY_ANN)]
        gate.client.chat()
        decision = gate.records()[-1]["id"]

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(days=3)

    with outside.running_gate(tmp_path, POLICY, clock=later, payload_days=days) as gate:
        shown = gate.house.store.decision(decision, "acme")
        assert (shown["payload"] is not None) is is_kept


def test_a_model_that_no_upstream_serves(start_gate: Callable[..., Any]) -> None:
    gate = start_gate(POLICY, models={"routes": {"gpt-5*": "scripted"}})
    answer = gate.client.chat()
    assert (answer.status, answer.code) == (404, "model_not_found")
    assert gate.model.asked == []


def test_what_happens_is_counted(gate: Any, outside: Any) -> None:
    def counted() -> dict[str, float]:
        wanted = {
            'leastward_decisions_total{effect="allow",reason="rule"}',
            'leastward_refusals_total{code="rule"}',
            "leastward_record_commit_seconds_count",
            'leastward_requests_total{route="/v1/chat/completions",status="200"}',
            'leastward_requests_total{route="/v1/chat/completions",status="400"}',
        }  # fmt: skip
        metrics = gate.metrics()
        return {name: metrics.get(name, 0) for name in sorted(wanted)}

    before = counted()
    gate.model.script = [outside.saying({"calls": [*PAY_ANN["calls"], *PAY_EVE["calls"]]})]
    gate.client.chat()
    gate.client.ask("POST", "/v1/chat/completions", b"{")
    assert {name: value - before[name] for name, value in counted().items()} == {
        'leastward_decisions_total{effect="allow",reason="rule"}': 1,
        'leastward_refusals_total{code="rule"}': 1,
        'leastward_requests_total{route="/v1/chat/completions",status="200"}': 1,
        'leastward_requests_total{route="/v1/chat/completions",status="400"}': 1,
        "leastward_record_commit_seconds_count": 2,
    }


def test_observe_mode_shows(start_gate: Callable[..., Any]) -> None:
    status, tree = start_gate(POLICY, mode="observe", text_calls="off").ready()
    assert (status, tree["ready"], tree["mode"], tree["text_calls"]) == (200, True, "observe", "off")


# --- the model server is gone, slow, or leaves half-way --------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_server_that_is_not_there(start_gate: Callable[..., Any], stream: bool) -> None:
    gate = start_gate(POLICY)
    gate.model.close()
    answer = gate.client.chat(stream=stream)
    assert answer.status == 502
    assert answer.code == "connect-failed"
    assert gate.client.ask("GET", "/v1/models").status == 502
    assert gate.metrics()['leastward_upstream_errors_total{code="connect-failed",upstream="scripted"}'] == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_server_that_is_too_slow(start_gate: Callable[..., Any], outside: Any, stream: bool) -> None:
    gate = start_gate(POLICY, upstream={"read_timeout": 0.3})
    never = threading.Event()
    gate.model.script = [outside.reply([b"HTTP/1.1 200 OK\r\n", b"content-length: 0\r\n\r\n"], then=never)]
    answer = gate.client.chat(stream=stream)
    assert (answer.status, answer.code) == (504, "read-timeout")
    never.set()


def test_the_deadline_covers_all_rounds(start_gate: Callable[..., Any], outside: Any) -> None:
    gate = start_gate(POLICY, upstream={"timeout": 1})
    never = threading.Event()
    late = outside.whole(outside.completion(PAY_ANN))
    late.pieces.insert(0, b"")
    late.then = never
    gate.model.script = [outside.saying(PAY_EVE), late]
    answer = gate.client.chat()
    assert (answer.status, answer.code) == (504, "deadline")
    assert len(gate.model.asked) == 2
    never.set()


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_cut_anywhere_releases_nothing(start_gate: Callable[..., Any], outside: Any, stream: bool) -> None:
    """The n-th read from the model server fails, for every n: no call, and what cannot be read is recorded."""
    gate = start_gate(POLICY)
    reply = outside.events(outside.chunks(PAY_ANN)) if stream else outside.whole(outside.completion(PAY_ANN))
    data = b"".join(reply.pieces)
    places = range(1, len(data), 23) if stream else range(1, len(data), 9)
    for cut in places:
        gate.model.script = [outside.reply([data[:cut]], close=True), *[outside.reply([], close=True)] * 2]
        answer = gate.client.chat(stream=stream)
        assert b"ann" not in answer.body, cut
        assert b"[DONE]" not in answer.body, cut
        assert answer.status >= 500 or (stream and b'"error"' in answer.body), cut
    assert {record["effect"] for record in gate.records()} <= {"forbid"}
    gate.model.script = [reply]
    assert b"ann" in gate.client.chat(stream=stream).body


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_its_request(start_gate: Callable[..., Any], outside: Any, stream: bool) -> None:
    gate = start_gate(POLICY)
    reply = outside.events(outside.chunks({"text": "One two three four.", **PAY_ANN}))
    gate.model.script = [outside.reply(reply.pieces[:-1], hold=True)]
    body = json.dumps({"model": "m", "messages": [], "stream": stream}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gate.key}\r\n"
    with socket.create_connection(("127.0.0.1", gate.port)) as line:
        line.sendall(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        if stream:
            while b"One" not in line.recv(65536):
                continue
        else:
            with gate.model.arrived:
                assert gate.model.arrived.wait_for(lambda: gate.model.asked, 30)
    assert gate.model.left.wait(30)
    assert gate.records() == []


def test_text_passes_while_the_model_is_still_writing(start_gate: Callable[..., Any], outside: Any) -> None:
    gate = start_gate(POLICY)
    rest = threading.Event()
    reply = outside.events(outside.chunks({"text": "Hello there.", **PAY_ANN}))
    reply.pieces = [b"".join(reply.pieces[:3]), b"".join(reply.pieces[3:])]
    reply.then = rest
    gate.model.script = [reply]
    body = json.dumps({"model": "m", "messages": [], "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gate.key}\r\n"
    with socket.create_connection(("127.0.0.1", gate.port), timeout=30) as line:
        line.sendall(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        seen = b""
        while b"Hello" not in seen:
            seen += line.recv(65536)
        assert gate.records() == []
        rest.set()
        while b"[DONE]" not in seen:
            seen += line.recv(65536)
    assert b"ann" in seen
    assert [record["effect"] for record in gate.records()] == ["allow"]


# --- policies that change --------------------------------------------------------------------------------------------


def test_a_broken_policy_keeps_the_last_good_one(
    start_gate: Callable[..., Any], outside: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gate = start_gate(POLICY, refusals={"rounds": 0})
    good = gate.ready()[1]["policy"]["hash"]
    file = gate.folder / "policy.lw"

    def pays_ann() -> bool:
        gate.model.script = [outside.saying(PAY_ANN)]
        return bool(gate.client.chat().tree["choices"][0]["message"].get("tool_calls"))

    assert pays_ann()
    file.write_text(BROKEN)
    outside.wait_for(lambda: gate.ready()[1]["policy"]["error"])
    status, tree = gate.ready()
    assert (status, tree["ready"], tree["policy"]["hash"]) == (200, True, good)
    assert "policy.lw:4:" in tree["policy"]["error"]
    assert "allow pay(to when to == 1" in tree["policy"]["error"]
    assert "^" in tree["policy"]["error"]
    (said,) = (record for record in caplog.records if record.getMessage() == "policies-kept")
    assert "policy.lw:4:" in str(vars(said))
    assert pays_ann()
    file.write_text(POLICY.replace('"ann"', '"bob"'))
    outside.wait_for(lambda: gate.ready()[1]["policy"]["error"] is None)
    assert gate.ready()[1]["policy"]["hash"] != good
    assert not pays_ann()
    assert len({record["policy_hash"] for record in gate.records()}) == 2


@pytest.mark.parametrize("policy", [BROKEN, ""])
def test_serve_refuses_to_start_on_a_broken_policy(tmp_path: Path, outside: Any, policy: str) -> None:
    config = outside.write_config(tmp_path, policy, 1, 0)
    ended = subprocess.run([*outside.serve, str(config)], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "policy.lw:" in ended.stderr
    assert "^" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "gate.db").exists()
