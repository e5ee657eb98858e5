"""server/internalized/standings.py and server/wire/instructions.py: which models stand for the policy in force, and
what a model is sent where it does not. Never does any of it reach what decides."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_dsl import PolicySet, parse, policy_set
from policy_dsl.knowledge import (
    FORMAT,
    Internalization,
    Share,
    Taught,
    Threshold,
    document,
    identifier,
    write_internalization,
)
from server.cli import main
from server.internalized import Standings

POLICY = "language 1\nallow pay(amount) as small when amount <= 100\nforbid pay as no-more when amount > 1000\n"
CASES = yaml.safe_load(Path(__file__).with_name("internalized.yaml").read_text(encoding="utf-8"))
CALLS = [["pay", '{"amount":50}'], ["pay", '{"amount":5000}']]


def policy_of(text: str) -> PolicySet:
    return policy_set([parse(text, "policy.lw")])


def claim(policy: PolicySet) -> bytes:
    measured = {"effect": Share.counted(495, 500), "false-allow": Share.counted(1, 500)}
    text = hashlib.sha256(document(policy, 7).encode()).hexdigest()
    taught = Taught(
        name="shop",
        identifier=identifier(policy, "shop"),
        hash=policy.hash,
        document=f"sha256:{text}",
        measured=measured,
    )
    return write_internalization(
        Internalization(
            format=FORMAT,
            language=1,
            base="from scratch",
            data="sha256:" + "0" * 64,
            phrasing=7,
            stages=("sft",),
            policies=(taught,),
            thresholds={"effect": Threshold(least=0.95), "false-allow": Threshold(most=0.02)},
            weights={"model.safetensors": "sha256:" + "1" * 64},
        )
    )


def changed(case: dict[str, Any], policy: PolicySet) -> bytes | None:
    """The file of a case, None for none."""
    words = {
        "OTHER": "sha256:" + "2" * 64,
        "SIMILAR": policy.hash[: len("sha256:") + 8] + "3" * 56,
        "CAPITALS": "sha256:" + policy.hash.removeprefix("sha256:").upper(),
        "ARABIC": "sha256:" + "\u0661" * 64,
        "BRACKETS": "[" * 100_000,
        "LONG": "[" + " " * (1 << 20) + "]",
    }
    if "bytes" in case:
        return None if case["bytes"] is None else words.get(case["bytes"], case["bytes"]).encode()
    tree = json.loads(claim(policy))
    for place, value in case.get("set", {}).items():
        *path, last = place.split(".")
        at: Any = tree
        for step in path:
            at = at[int(step)] if isinstance(at, list) else at[step]
        if value == "TWICE":
            value = tree["policies"] * 2
        elif isinstance(value, str):
            value = words.get(value, value)
        elif isinstance(value, list) and last != "policies":
            counted = Share.counted(*value)
            value = {name: getattr(counted, name) for name in ("times", "of", "low", "high")}
        at[last] = value
    return json.dumps(tree).encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_a_file(tmp_path: Path, case: dict[str, Any]) -> None:
    policy, counted = policy_of(POLICY), []
    content = changed(case, policy)
    if content is not None:
        (tmp_path / "claim.json").write_bytes(content)
    standings = Standings.of({"up": {"m": "claim.json"}}, tmp_path, lambda *seen: counted.append(seen))
    assert standings is not None
    standings.look()
    told = asyncio.run(standings.told("up", "m", policy))
    assert counted == [("up", case["comes_to"])]
    if case["comes_to"] == "taught":
        assert told is None
    else:
        assert told is not None
        assert "1000" in told.text
        assert policy.hash.removeprefix("sha256:")[:8] in told.text


def test_before_the_first_look_the_policy_is_put_back(tmp_path: Path) -> None:
    policy = policy_of(POLICY)
    (tmp_path / "claim.json").write_bytes(claim(policy))
    standings = Standings({("up", "m"): tmp_path / "claim.json"})
    assert standings.misses(policy) == {("up", "m"): "missing"}
    assert asyncio.run(standings.told("up", "m", policy)) is not None


def test_a_file_that_changes_is_read_again_and_one_that_goes_is_missed(tmp_path: Path) -> None:
    policy, path = policy_of(POLICY), tmp_path / "claim.json"
    path.write_bytes(claim(policy))
    standings = Standings({("up", "m"): path})
    for step, miss in (
        (lambda: None, None),
        (lambda: path.write_bytes(b"{}"), "unreadable"),
        (path.unlink, "missing"),
        (lambda: path.write_bytes(claim(policy)), None),
        (lambda: (path.unlink(), os.mkfifo(path)), "unreadable"),
        (lambda: (path.unlink(), path.mkdir()), "unreadable"),
    ):
        step()
        standings.look()
        assert standings.miss("up", "m", policy) == miss


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_unreadable(tmp_path: Path) -> None:
    policy, path = policy_of(POLICY), tmp_path / "claim.json"
    path.write_bytes(claim(policy))
    path.chmod(0)
    standings = Standings({("up", "m"): path})
    standings.look()
    assert standings.miss("up", "m", policy) == "unreadable"


def test_models_that_nobody_named_are_left_alone(tmp_path: Path) -> None:
    assert Standings.of({"up": {}, "other": {}}, tmp_path, lambda *seen: None) is None
    standings = Standings({("up", "m"): tmp_path / "claim.json"})
    assert asyncio.run(standings.told("up", "another", policy_of(POLICY))) is None
    assert asyncio.run(standings.told("other", "m", policy_of(POLICY))) is None


def test_another_policy_gets_its_own_text_and_few_are_kept(tmp_path: Path) -> None:
    standings = Standings({("up", "m"): tmp_path / "claim.json"})
    texts = set()
    for limit in (*range(100, 120), 100):
        told = asyncio.run(standings.told("up", "m", policy_of(POLICY.replace("<= 100\n", f"<= {limit}\n"))))
        assert told is not None
        texts.add(told.text)
    assert len(texts) == 20
    assert len(standings._texts) <= 8


# --- through the gate -------------------------------------------------------------------------------------------------


def is_taught(running: Any, outside: Any) -> bool:
    """Whether the gate has seen the file of the model `taught`."""
    running.model.script[:] = [outside.saying({"text": "x"})]
    running.client.ask("POST", "/v1/chat/completions", {"model": "taught", "messages": USER})
    return 'leastward_internalized_total{result="taught",upstream="scripted"}' in running.metrics()


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, outside: Any) -> Iterator[Any]:
    """A gate before a model that was taught its policy, one that was taught another, and one of which nothing is
    said."""
    folder = tmp_path_factory.mktemp("gate")
    upstream = {"internalized": {"taught": "taught.json", "stale": "stale.json"}}
    schema = {"type": "object", "properties": {"amount": {"type": "integer"}}, "additionalProperties": False}
    tools = [{"name": "pay", "parameters": schema}]
    with outside.running_gate(folder, POLICY, upstream=upstream, tools=tools) as running:
        assert running.ready()[1]["internalized"] == "policy-in-prompt"
        policy = running.house.policies.current.program.policy  # its hash is also over the tools
        (folder / "stale.json").write_bytes(claim(policy_of(POLICY)))
        (folder / "taught.json").write_bytes(claim(policy))
        outside.wait_for(lambda: is_taught(running, outside))
        yield running


TOOLS = [{"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}]
USER = [{"role": "user", "content": "Pay."}]
TEXT = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "x"}]}
MESSAGE = {**TEXT, "stop_reason": "end_turn", "stop_sequence": None, "usage": {}}
RESPONSE = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": []}
MESSAGE_BODY = {"messages": USER, "max_tokens": 9}

# way -> (path, body, answer, where the instructions stand, what stands there before and after the text)
WAYS: dict[str, tuple[str, dict[str, Any], Any, Callable[[Any], Any], Callable[[str], Any]]] = {
    "chat without instructions": (
        "/v1/chat/completions",
        {"messages": USER},
        {"text": "x"},
        lambda tree: tree["messages"],
        lambda text: [{"role": "system", "content": text}, *USER],
    ),
    "chat with a system message": (
        "/v1/chat/completions",
        {"messages": [{"role": "system", "content": "Be kind."}, *USER]},
        {"text": "x"},
        lambda tree: tree["messages"],
        lambda text: [{"role": "system", "content": f"{text}\n\nBe kind."}, *USER],
    ),
    "chat with a developer message in parts": (
        "/v1/chat/completions",
        {"messages": [{"role": "developer", "content": [{"type": "text", "text": "Be kind."}]}, *USER]},
        {"text": "x"},
        lambda tree: tree["messages"][0],
        lambda text: {
            "role": "developer",
            "content": [{"type": "text", "text": text}, {"type": "text", "text": "Be kind."}],
        },
    ),
    "chat with a system message of no known form": (
        "/v1/chat/completions",
        {"messages": [{"role": "system", "content": 7}, *USER]},
        {"text": "x"},
        lambda tree: tree["messages"],
        lambda text: [{"role": "system", "content": text}, {"role": "system", "content": 7}, *USER],
    ),
    "chat without a message": (
        "/v1/chat/completions",
        {"messages": []},
        {"text": "x"},
        lambda tree: tree["messages"],
        lambda text: [{"role": "system", "content": text}],
    ),
    "messages without instructions": (
        "/v1/messages",
        MESSAGE_BODY,
        MESSAGE,
        lambda tree: tree["system"],
        lambda text: text,
    ),
    "messages with a system text": (
        "/v1/messages",
        {**MESSAGE_BODY, "system": "Be kind."},
        MESSAGE,
        lambda tree: tree["system"],
        lambda text: f"{text}\n\nBe kind.",
    ),
    "messages with a marked system block": (
        "/v1/messages",
        {**MESSAGE_BODY, "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}]},
        MESSAGE,
        lambda tree: tree["system"],
        lambda text: [
            {"type": "text", "text": text},
            {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}},
        ],
    ),
    "tokens counted": (
        "/v1/messages/count_tokens",
        {"messages": USER},
        {"input_tokens": 3},
        lambda tree: tree["system"],
        lambda text: text,
    ),
    "responses without instructions": (
        "/v1/responses",
        {"input": "Pay."},
        RESPONSE,
        lambda tree: tree["instructions"],
        lambda text: text,
    ),
    "responses with instructions": (
        "/v1/responses",
        {"input": "Pay.", "instructions": "Be kind."},
        RESPONSE,
        lambda tree: tree["instructions"],
        lambda text: f"{text}\n\nBe kind.",
    ),
}


def in_force(running: Any) -> str:
    policy = running.house.policies.current.program.policy
    return f"Policy: {identifier(policy, 'shop')}\n{document(policy, 7)}"


@pytest.mark.parametrize("way", WAYS)
def test_the_policy_in_force_is_put_in_front_of_the_clients_instructions(gate: Any, outside: Any, way: str) -> None:
    path, body, answer, place, wanted = WAYS[way]
    said = outside.whole(answer) if "text" not in answer else outside.saying(answer)
    for model in ("taught", "stale", "unnamed"):
        gate.model.script[:] = [said]
        gate.model.asked.clear()
        assert gate.client.ask("POST", path, {"model": model, **body}).status == 200
        (asked,) = gate.model.asked
        if model == "stale":
            assert place(asked.tree) == wanted(in_force(gate))
        else:
            assert asked.tree == {"model": model, **body}


def test_an_old_identifier_in_the_instructions_becomes_that_of_the_policy_in_force(gate: Any, outside: Any) -> None:
    """Nowhere else: what the user says is the user's. And a model that was taught what is in force keeps all of it."""
    policy = gate.house.policies.current.program.policy
    old, new = identifier(policy_of(POLICY), "shop"), identifier(policy, "shop")
    parts = [{"type": "text", "text": f"By {old}."}, {"type": "image_url", "image_url": {"url": old}}]
    messages = [{"role": "system", "content": parts}, {"role": "user", "content": f"What is {old}?"}]
    for model in ("stale", "taught"):
        gate.model.script[:] = [outside.saying({"text": "x"})]
        gate.model.asked.clear()
        gate.client.ask("POST", "/v1/chat/completions", {"model": model, "messages": messages})
        sent = gate.model.asked[0].tree["messages"]
        if model == "taught":
            assert sent == messages
        else:
            assert sent[0]["content"][1:] == [{"type": "text", "text": f"By {new}."}, parts[1]]
            assert sent[1] == messages[1]


@pytest.mark.parametrize("stream", [False, True])
def test_calls_are_judged_and_recorded_alike_either_way(gate: Any, outside: Any, stream: bool) -> None:
    """Also over a second round: the first call is refused, and the model is asked again with the text still there."""
    seen = []
    for model in ("taught", "stale", "unnamed"):
        gate.model.script[:] = [outside.saying({"calls": [CALLS[1]]}), outside.saying({"calls": [CALLS[0]]})]
        gate.model.asked.clear()
        after = max((record["position"] for record in gate.records()), default=0)
        body = {"model": model, "messages": USER, "tools": TOOLS, "stream": stream}
        assert gate.client.ask("POST", "/v1/chat/completions", body).status == 200
        records = gate.records(after)
        kept = ("effect", "rule", "reason", "tool", "payload", "policy_hash", "kind")
        seen.append([{name: record.get(name) for name in kept} for record in records])
        assert [record["payload"] for record in records] == [{"amount": 5000}, {"amount": 50}]
        texts = [asked.tree["messages"][0]["content"] for asked in gate.model.asked]
        assert len(texts) == 2
        assert all((text == in_force(gate)) == (model == "stale") for text in texts)
    assert seen[0] == seen[1] == seen[2]


def test_a_policy_that_comes_into_force_is_put_back_at_once(gate: Any, outside: Any) -> None:
    """The model was taught the policy of before: from the next request on it is shown the new one."""
    tools = json.loads((gate.folder / "tools.json").read_text())
    stands = gate.metrics().get('leastward_internalized_total{result="taught",upstream="scripted"}', 0.0)
    try:
        gate.decide_by(POLICY.replace("<= 100\n", "<= 70\n"), tools)
        gate.model.script[:] = [outside.saying({"text": "x"})]
        gate.model.asked.clear()
        gate.client.ask("POST", "/v1/chat/completions", {"model": "taught", "messages": USER})
        assert "70" in gate.model.asked[0].tree["messages"][0]["content"]
    finally:
        gate.decide_by(POLICY, tools)
    counted = gate.metrics()
    assert counted['leastward_internalized_total{result="other-policy",upstream="scripted"}'] >= 1
    assert counted.get('leastward_internalized_total{result="taught",upstream="scripted"}', 0.0) == stands


def test_ready_says_whether_all_models_stand(start_gate: Callable[..., Any], outside: Any, tmp_path: Path) -> None:
    gate = start_gate(POLICY, upstream={"internalized": {"m": "taught.json"}})
    (tmp_path / "taught.json").write_bytes(claim(gate.house.policies.current.program.policy))
    outside.wait_for(lambda: gate.ready()[1]["internalized"] == "ok")
    (tmp_path / "taught.json").unlink()
    outside.wait_for(lambda: gate.ready()[1]["internalized"] == "policy-in-prompt")
    assert gate.ready()[0] == 200


def test_the_doctor_says_which_models_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.lw").write_text(POLICY, encoding="utf-8")
    (tmp_path / "taught.json").write_bytes(claim(policy_of(POLICY)))
    (tmp_path / "stale.json").write_bytes(claim(policy_of(POLICY.replace("1000", "2000"))))
    files = {"taught": "taught.json", "stale": "stale.json", "none": "none.json"}
    upstream = {"url": "http://127.0.0.1:9/v1", "internalized": files}
    tree = {"policies": ["policy.lw"], "listen": {"port": 0}, "upstreams": {"up": upstream}}
    (tmp_path / "leastward.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    main(["doctor", "--json"])
    said = {one["about"]: (one["state"], one["says"]) for one in json.loads(capfd.readouterr().out)["diagnoses"]}
    assert said["up/taught"] == ("ok", "was taught the policy")
    assert said["up/stale"] == ("warning", "gets the policy in its prompt: other-policy")
    assert said["up/none"] == ("warning", "gets the policy in its prompt: missing")
