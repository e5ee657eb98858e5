"""server/cli/policy.py: from files to a version in force, as programs call it (docs/policy-versions.md: as people)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.cli import main
from server.exchange import Scope

PLAIN = 'language 1\nallow read(path) as notes when path under "/notes"\n'
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def leastward(
    outside: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """The command with `--json`, in front of a gate that trusts `ops.pem`: code, document, what was said besides."""
    monkeypatch.chdir(tmp_path)
    assert main(["policy", "keygen", "ops.pem"]) == 0
    public = capsys.readouterr().out.strip()
    (tmp_path / "gate").mkdir()
    keys = {"admin": {"agent": "desk", "user": "ada", "scopes": [Scope.ADMIN]}}
    with outside.running_gate(tmp_path / "gate", "", keys=keys, policies={"trusted_keys": {"ops": public}}) as gate:
        monkeypatch.setenv("LEASTWARD_KEY", gate.with_key("admin").key)

        def run(*words: str, remote: bool = True, tree: bool = True) -> tuple[int, Any, str]:
            at_gate = ["--url", f"http://127.0.0.1:{gate.port}"] if remote else []
            code = main(["policy", *words, *at_gate, *(["--json"] if tree else [])])
            said = capsys.readouterr()
            return code, json.loads(said.out) if tree and said.out else said.out, said.err

        yield run


def test_a_policy_is_signed_published_put_in_force_and_taken_back(leastward: Run, tmp_path: Path) -> None:
    def signed(policy: str, name: str, *more: str) -> tuple[int, Any, str]:
        (tmp_path / "gate.lw").write_text(policy)
        return leastward("sign", "gate.lw", "--signing-key", "ops.pem", "-o", name, *more, remote=False)

    code, made, _ = signed(PLAIN, "one.bundle", "--serial", "7")
    assert (code, made["files"], made["serial"]) == (0, ["gate.lw"], 7)
    assert leastward("publish", "one.bundle", "--because", "so")[1]["digest"] == made["digest"]
    assert leastward("activate", "1", "--because", "so")[1]["activation"]["instead_of"] == 0
    signed(PLAIN.replace("/notes", "/"), "two.bundle")
    leastward("publish", "two.bundle")
    code, document, said = leastward("activate", "2", "--because", "so")
    assert (code, document) == (1, "")
    assert "--widens" in said
    code, _, said = leastward("activate", "2", "--because", "so", "--widens", "--expected", "0")
    assert (code, said) == (1, "leastward policy: policy-moved: version 1 is in force, not 0; look again\n")
    assert leastward("activate", "2", "--because", "so", "--widens")[1]["diff"]["against"] == 1
    assert leastward("rollback", "1", "--because", "so")[1]["activation"]["manner"] == "rollback"
    assert leastward("list")[1]["in_force"] == 1
    assert leastward("show", "2")[1]["files"]["gate.lw"] == PLAIN.replace("/notes", "/")
    assert leastward("diff", "2")[1]["widens"] is True
    listed, shown = leastward("list", tree=False)[1], leastward("show", "1", tree=False)[1]
    assert "ada" in listed
    assert PLAIN in shown


def test_a_bundle_is_signed_once_more(leastward: Run, tmp_path: Path) -> None:
    (tmp_path / "gate.lw").write_text(PLAIN)
    leastward("sign", "gate.lw", "--signing-key", "ops.pem", "-o", "one.bundle", remote=False)
    code, made, _ = leastward("keygen", "next.pem", remote=False)
    assert (code, made["public"][:8]) == (0, "ed25519:")
    leastward("sign", "one.bundle", "--signing-key", "next.pem", "-o", "both.bundle", remote=False)
    assert set(json.loads((tmp_path / "both.bundle").read_bytes())["signatures"]) > {made["fingerprint"]}
    code, _, said = leastward("sign", "one.bundle", "x.lw", "--signing-key", "next.pem", "-o", "x", remote=False)
    assert (code, said) == (2, "leastward policy: a `.bundle` is signed as it is, by itself\n")


def test_what_is_wrong_is_said(leastward: Run, tmp_path: Path) -> None:
    (tmp_path / "gate.lw").write_text(PLAIN + 'test "x" {\n  call read(path: "/notes/a") => forbid\n}\n')
    code, _, said = leastward("sign", "gate.lw", "--signing-key", "ops.pem", "-o", "one.bundle", remote=False)
    assert code == 1
    assert said.startswith("leastward policy: tests-failed: gate.lw:")
    assert not (tmp_path / "one.bundle").exists()
    (tmp_path / "ops.pem").chmod(0o644)
    code, _, said = leastward("sign", "gate.lw", "--signing-key", "ops.pem", "-o", "one.bundle", remote=False)
    assert (code, said.count("0600")) == (1, 1)
    assert leastward("keygen", "ops.pem", remote=False)[0] == 1
    (tmp_path / "cut.bundle").write_bytes(b'{"files":{')
    assert leastward("publish", "cut.bundle")[2].startswith("leastward policy: cut.bundle is no bundle: ")
    assert leastward("publish", "none.bundle")[0] == 1
    assert leastward("activate", "9", "--because", "x")[2].startswith("leastward policy: unknown-version: ")


def test_a_person_is_asked(leastward: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, folder in enumerate(("/notes", "/"), 1):
        (tmp_path / "gate.lw").write_text(PLAIN.replace("/notes", folder))
        leastward(
            "sign", "gate.lw", "--signing-key", "ops.pem", "-o", "x.bundle", "--serial", str(number), remote=False
        )
        leastward("publish", "x.bundle")
    leastward("activate", "1", "--because", "so")
    terminal = io.StringIO("no\n")
    terminal.isatty = lambda: True  # type: ignore[method-assign]  # what a terminal says of itself
    monkeypatch.setattr("sys.stdin", terminal)
    code, _, said = leastward("activate", "2", "--because", "so", tree=False)
    assert (code, "widens" in said) == (1, True)
    terminal.write("yes\n")
    terminal.seek(3)
    assert leastward("activate", "2", "--because", "so", tree=False)[0] == 0


def test_doctor_says_which_version_would_decide(
    leastward: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def policies() -> dict[str, Any]:
        main(["doctor", "-c", "leastward.yaml", "--json"])
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["diagnoses"]
        return next(one for one in found if one["about"] == "policies")

    trusted = leastward("keygen", "next.pem", remote=False)[1]["public"]
    (tmp_path / "leastward.yaml").write_text(
        f"policies: {{trusted_keys: {{x: '{trusted}'}}}}\ndatabase: gate/gate.db\n"
    )
    assert policies()["state"] == "warning"
    (tmp_path / "gate.lw").write_text(PLAIN)
    leastward("sign", "gate.lw", "--signing-key", "ops.pem", "-o", "one.bundle", remote=False)
    leastward("publish", "one.bundle")
    leastward("activate", "1", "--because", "so")
    assert policies()["state"] == "bad"
    leastward("sign", "one.bundle", "--signing-key", "next.pem", "-o", "one.bundle", remote=False)
    leastward("publish", "one.bundle")
    assert policies()["says"].startswith("version 1, sha256:")
