"""training/command.py and server/cli/train.py: the whole way, from a policy to a model that a gate believes and back
from its Records to training cases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.cli import main
from server.cli.train import KNOBS
from server.exchange import Scope
from training import read
from training.cases import Knobs

ROOT = Path(__file__).resolve().parents[2]
POLICY = "language 1\nallow pay(amount) as small when amount <= 500\nask pay(amount) as large when amount > 500\n"
POLICY += "forbid pay as far-too-much when amount > 900\n"
SCHEMA = {"type": "object", "properties": {"amount": {"type": "integer"}}, "additionalProperties": False}
TOOLS = [{"name": "pay", "parameters": {**SCHEMA, "required": ["amount"]}}]

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """`said("train", ...)`: exit code, stdout and stderr, in the test's own folder."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> tuple[int, str, str]:
        try:
            code = main(args)
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capfd.readouterr()

    return run


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, outside: Any) -> Iterator[Any]:
    """A gate whose model proposed, for two tenants, what the policy allows, asks and forbids."""
    folder = tmp_path_factory.mktemp("gate")
    with outside.running_gate(
        folder, POLICY, tools=TOOLS, keys={"other": {"tenant": "other"}}, refusals={"style": "message"}
    ) as running:
        tools = [{"type": "function", "function": {"name": "pay", "parameters": SCHEMA}}]
        for client, amounts in ((running.client, (5, 20, 700, 950, 960)), (running.with_key("other"), (7, 970))):
            for amount in amounts:
                running.model.script[:] = [outside.saying({"calls": [["pay", json.dumps({"amount": amount})]]})]
                answer = client.ask(
                    "POST",
                    "/v1/chat/completions",
                    {"model": "gpt-4o", "messages": [{"role": "user", "content": "Pay."}], "tools": tools},
                )
                assert answer.status == 200
        yield running


def test_the_knobs_are_those_of_the_generator() -> None:
    assert list(KNOBS) == [knob.name for knob in fields(Knobs)]


def test_generated_data(said: Said, tmp_path: Path) -> None:
    knobs = ("--depth", "1", "--tasks", "1", "--arguments", "1", "--environment", "1")
    code, out, _ = said("train", "data", "--out", "d", *knobs, "--train", "60", "--test", "20", "--json")
    made = json.loads(out)
    assert (code, made["cases"]["train"], made["cases"]["test"]) == (0, 60, 20)
    assert len(read(tmp_path / "d").train) == 60


def test_the_shadow_report_of_a_gates_records(said: Said, gate: Any) -> None:
    code, out, _ = said("train", "shadow", "--database", str(gate.folder / "gate.db"), "--json")
    tree = json.loads(out)
    assert code == 0
    assert {rule: (told["times"], told["of"]) for rule, told in tree["by_rule"].items()} == {
        "far-too-much": (3, 3),
        "large": (1, 1),
        "small": (0, 3),
    }
    assert list(tree["by_model"]) == ["gpt-4o"]
    code, out, _ = said("train", "shadow", "--database", str(gate.folder / "gate.db"))
    assert out.startswith("In 4 of 7 decisions model and engine differ: 57.1%")


def test_what_audit_export_prints_gives_the_same_report(said: Said, gate: Any, tmp_path: Path) -> None:
    database = str(gate.folder / "gate.db")
    _, lines, _ = said("audit", "export", "--database", database)
    (tmp_path / "records.jsonl").write_text(lines)
    of_file = said("train", "shadow", "--from-records", "records.jsonl", "--json")
    assert of_file[0] == 0
    assert of_file == said("train", "shadow", "--database", database, "--json")


def test_what_the_model_got_wrong_becomes_cases_of_one_tenant(said: Said, gate: Any, tmp_path: Path) -> None:
    common = ("train", "data", "-p", str(gate.folder / "policy.lw"), "--tools", str(gate.folder / "tools.json"))
    common = (*common, "--train", "30", "--test", "10", "--records", "--database", str(gate.folder / "gate.db"))
    code, _, err = said(*common, "--out", "mixed")
    assert (code, "several tenants" in err, (tmp_path / "mixed").exists()) == (2, True, False)
    code, out, err = said(*common, "--out", "d", "--tenant", "acme", "--json")
    assert code == 0, err
    found = json.loads(out)["field"]
    data = read(tmp_path / "d")
    cases = [one for one in data.train if one.id.startswith("field-")]
    assert found["cases"] == len(cases)
    assert found["cases"] + found["left"].get("in-test", 0) == 3
    assert found["left"]["agreed"] == 2
    assert {one.call["args"]["amount"] for one in cases} <= {700, 950, 960}
    for one in cases:
        assert one.effect == ("ask" if one.call["args"]["amount"] == 700 else "forbid")
        assert one.context["facts"]["tenant"] == "acme"
    asked = {json.dumps([one.call, one.context], sort_keys=True) for one in data.test}
    assert not asked & {json.dumps([one.call, one.context], sort_keys=True) for one in data.train}


def test_an_accepted_report_becomes_a_case_once_the_policy_says_so(
    said: Said, start_gate: Callable[..., Any], outside: Any, tmp_path: Path
) -> None:
    pytest.importorskip("sqlalchemy", reason="memory needs the extra `memory`")
    memory = {"url": "memory.db", "refresh_seconds": 0}
    keys = {"ann": {"agent": "console", "user": "ann", "scopes": [Scope.REPORT, Scope.ADMIN, Scope.APPROVE]}}
    gate = start_gate(POLICY, tools=TOOLS, memory=memory, keys=keys)
    decisions = []
    for amount in (13, 14):
        gate.model.script[:] = [outside.saying({"calls": [["pay", json.dumps({"amount": amount})]]})]
        offered = {"type": "function", "function": {"name": "pay", "parameters": SCHEMA}}
        gate.client.chat(tools=[offered])
        decisions.append(gate.records()[-1]["id"])
    for decision in decisions:
        body = {"decision": decision, "should": "forbid"}
        assert gate.with_key("ann").ask("POST", "/v1/reports", body).status == 200
    assert gate.with_key("ann").ask("POST", "/v1/refresh", {}).status == 200
    (tmp_path / "policy.lw").write_text(POLICY + "forbid pay as unlucky when amount == 13\n")
    settings = {"policies": ["policy.lw"], "tools": "tools.json", "database": "gate.db", "memory": memory}
    (tmp_path / "leastward.yaml").write_text(yaml.safe_dump(settings))
    common = ("train", "data", "-p", "policy.lw", "--tools", "tools.json", "--train", "9", "--test", "0", "--records")
    code, out, err = said(*common, "--out", "d", "--reports", "--json")
    assert code == 0, err
    assert json.loads(out)["field"] == {"cases": 1, "left": {"not-in-policy": 1}}
    (case,) = [one for one in read(tmp_path / "d").train if one.id == f"field-{decisions[0]}"]
    assert (case.effect, case.rule) == ("forbid", "unlucky")
    code, out, err = said(*common, "--out", "without", "--json")
    assert json.loads(out)["field"] == {"cases": 0, "left": {"agreed": 2}}


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("data", "--out", "d", "-p", "no.lw"), 1, "no.lw"),
        (("data", "--out", "d", "--depth", "9"), 1, "depth"),
        (("data", "--out", "d", "-p", "p.lw", "--depth", "2"), 2, "generated policies"),
        (("data", "--out", "d", "--records"), 2, "of your own"),
        (("data", "--out", "d", "-p", "p.lw", "--from-records", "no.jsonl"), 1, "no.jsonl"),
        (("data", "--out", "d", "-p", "p.lw", "--from-records", "bad.jsonl"), 1, "bad.jsonl:1"),
        (("data", "--out", "d", "-p", "p.lw", "--reports"), 2, "goes with --records"),
        (("run", "no.yaml", "--out", "d"), 1, "no.yaml"),
        (("run", "bad.yaml", "--out", "d"), 1, "bad.yaml"),
        (("shadow", "--from-records", "bad.jsonl"), 1, "bad.jsonl:1"),
        (("shadow", "--database", "no.db"), 1, "no.db"),
        (("export", "r.yaml", "--run", "d", "--out", "e", "--measured", "m.json"), 2, "threshold"),
        (("export", "r.yaml", "--run", "d", "--out", "e", "--measured", "m.json", "--least", "a=b"), 2, "NAME=SHARE"),
    ],
)
def test_what_goes_wrong_is_a_sentence(said: Said, tmp_path: Path, args: Any, code: int, says: str) -> None:
    (tmp_path / "p.lw").write_text(POLICY)
    (tmp_path / "bad.jsonl").write_text('{"record": 1}\n')
    (tmp_path / "bad.yaml").write_text("{data: d, stages: [], more: 1}")
    ended, out, err = said("train", *args)
    assert (ended, out) == (code, "")
    assert says in err
    assert "Traceback" not in err
    assert not (tmp_path / "d").exists()


def test_without_torch_data_is_made_and_a_run_says_what_is_missing(tmp_path: Path) -> None:
    """In a process of its own in which torch, transformers and tokenizers cannot be found."""
    (tmp_path / "r.yaml").write_text("{data: d, stages: [{kind: sft, steps: 1, rate: 0.1}]}")
    script = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'tokenizers', 'safetensors'): sys.modules[name] = None\n"
        "from server.cli import main\n"
        "knobs = ['--depth', '1', '--tasks', '1', '--arguments', '1', '--environment', '1']\n"
        "assert main(['train', 'data', '--out', 'd', '--train', '30', '--test', '10', *knobs]) == 0\n"
        "sys.exit(main(['train', 'run', 'r.yaml', '--out', 'run']))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 1, ended.stderr
    assert "install the extra `train`" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_from_a_policy_to_a_model_that_the_gate_believes(
    said: Said, tmp_path: Path, start_gate: Callable[..., Any], outside: Any
) -> None:
    """Every verb once. Four steps teach nothing, and the claim says so: the gate keeps the policy in the prompt, until
    a claim (here one that is not true) meets its threshold. What the gate decides is the same before and after."""
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    gate = start_gate(POLICY, tools=TOOLS, upstream={"internalized": {"gpt-4o": "model/internalization.json"}})
    common = ("-p", "policy.lw", "--tools", "tools.json", "--train", "30", "--test", "10")
    assert said("train", "data", "--out", "data", *common)[0] == 0
    (name,) = read(tmp_path / "data").policies
    sizes = {"layers": 1, "width": 16, "heads": 2, "inner": 32}
    stages = [{"kind": "sft", "steps": 4, "rate": 0.001, "batch": 2}]
    (tmp_path / "r.yaml").write_text(yaml.safe_dump({"data": "data", "model": sizes, "stages": stages}))
    export = ("train", "export", "r.yaml", "--run", "run", "--measured", "m.json", "--least", "effect=0.9")
    code, _, err = said(*export, "--out", "model")
    assert (code, "is not done" in err) == (1, True)
    code, out, err = said("train", "run", "r.yaml", "--out", "run", "--json")
    assert code == 0, err
    assert json.loads(out)["stages"][0]["last"]["step"] == 4
    measure = ("train", "measure", "r.yaml", "--run", "run", "--arms", "identifier", "--longest", "4")
    assert said(*measure, "--shares", "m.json", "--out", "results.json")[0] == 0
    shares = json.loads((tmp_path / "m.json").read_text())
    assert shares[name]["effect"] == [0, len(read(tmp_path / "data").test)]
    assert said(*export, "--out", "model")[0] == 0
    code, out, _ = said("train", "verify", "model")
    assert (code, f"effect: 0 of {shares[name]['effect'][1]} [0.0%, " in out) == (0, True)
    outside.wait_for(lambda: counted(gate, outside, "below-threshold"))
    assert said(*export, "--out", "model")[0] == 1
    (tmp_path / "m.json").write_text(json.dumps({name: {"effect": [1000, 1000]}}))
    assert said(*export, "--out", "better")[0] == 0
    (tmp_path / "better" / "internalization.json").replace(tmp_path / "model" / "internalization.json")
    outside.wait_for(lambda: counted(gate, outside, "taught"))
    assert gate.ready()[1]["internalized"] == "ok"
    with (tmp_path / "model" / "model.safetensors").open("ab") as weights:
        weights.write(b" ")
    code, _, err = said("train", "verify", "model")
    assert (code, "was changed" in err) == (1, True)
    assert {record["effect"] for record in gate.records()} == {"forbid"}


def counted(gate: Any, outside: Any, result: str) -> bool:
    """One more request, whose model proposes what is forbidden; whether it was counted as `result`."""
    name = f'leastward_internalized_total{{result="{result}",upstream="scripted"}}'
    before = gate.metrics().get(name, 0)
    gate.model.script[:] = [outside.saying({"calls": [["pay", '{"amount":950}']]})] * 3
    gate.model.asked.clear()
    assert (
        gate.client.chat(tools=[{"type": "function", "function": {"name": "pay", "parameters": SCHEMA}}]).status == 200
    )
    told = gate.model.asked[0].tree["messages"][0]["content"]
    assert told.startswith("Policy: <|policy:")
    shown = "\n- " in told  # the document, behind its identifier
    now = gate.metrics().get(name, 0) > before
    assert not now or shown == (result != "taught")
    return now
