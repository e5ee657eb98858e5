"""server/cli/doctor.py: what it finds wrong with an installation and a configuration."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.cli import doctor

Leastward = Callable[..., Any]
Diagnoses = dict[str, tuple[str, str]]

POLICY = "language 1\nallow look(...)\n"


def diagnosed(leastward: Leastward, **files: str) -> Diagnoses:
    names = {name.replace("_", "."): text for name, text in files.items()}
    ended = leastward("doctor", "--json", files=names)
    found = {one["about"]: (one["state"], one["says"]) for one in json.loads(ended.stdout)["diagnoses"]}
    assert ended.exit == int(any(state == "bad" for state, _ in found.values()))
    return found


def test_without_a_configuration_it_points_to_init(leastward: Leastward) -> None:
    assert "leastward init" in diagnosed(leastward)["configuration"][1]


def test_a_good_configuration(leastward: Leastward) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    found = diagnosed(leastward, leastward_yaml=f"listen: {{port: {port}}}\n", a_lw=POLICY)
    assert {found[about][0] for about in ("configuration", "policies", "database", "port")} == {"ok"}


def test_a_broken_configuration_is_named_by_its_key(leastward: Leastward) -> None:
    state, says = diagnosed(leastward, leastward_yaml="listen: {prot: 1}\n")["configuration"]
    assert (state, "listen.prot" in says) == ("bad", True)


def test_a_broken_policy_is_shown_with_its_place(leastward: Leastward) -> None:
    state, says = diagnosed(leastward, leastward_yaml="mode: enforce\n", a_lw="language 1\nallow\n")["policies"]
    assert (state, "a.lw:2:" in says) == ("bad", True)


def test_policies_that_fit_no_file(leastward: Leastward) -> None:
    assert diagnosed(leastward, leastward_yaml="policies: [none.lw]\n")["policies"][0] == "bad"


def test_a_database_that_is_no_database(leastward: Leastward) -> None:
    found = diagnosed(leastward, leastward_yaml="mode: enforce\n", a_lw=POLICY, leastward_db="this is text, not SQLite")
    assert found["database"][0] == "bad"


def test_a_port_that_is_taken(leastward: Leastward) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = diagnosed(leastward, leastward_yaml=f"listen: {{port: {port}}}\n", a_lw=POLICY)
    assert found["port"][0] == "warning"


def test_a_shadowing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "memory", raising=False)
    root = Path(doctor.__file__).resolve().parents[2]
    shadows = {one.about: one for one in doctor._shadows(root)}
    assert shadows["memory"].state == "bad"
    assert str(tmp_path / "memory.py") in shadows["memory"].says
    assert shadows["policy_dsl"].state == "ok"


def test_a_malicious_release_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: {"litellm": "1.82.8"}.get(name, "1.0"))
    states = {one.about: one.state for one in doctor._malicious()}
    assert states["litellm"] == "bad"


def test_start_up_code_of_an_unknown_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "litellm_init.pth").write_text("import os; os.system('true')\n")
    (tmp_path / "paths.pth").write_text("/some/folder\n")
    monkeypatch.setattr("site.getsitepackages", lambda: [str(tmp_path)])
    monkeypatch.setattr("site.getusersitepackages", lambda: str(tmp_path / "none"))
    (found,) = doctor._startup_files()
    assert (found.state, "litellm_init.pth" in found.says, "paths.pth" in found.says) == ("warning", True, False)


def test_versions_that_differ_from_the_lock_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text('PyYAML==6.0.3 \\\n    --hash=sha256:0\nuvicorn[standard]==1.2 ; sys_platform != "win32"\n')
    assert doctor._locked(lock) == {"pyyaml": "6.0.3", "uvicorn": "1.2"}
