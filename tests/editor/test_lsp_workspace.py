"""server/lsp/workspace.py: open buffers before files, and which files are one policy."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from policy_dsl import Rule, ast
from server.lsp.workspace import Workspace, imported

USES = "language 1\nallow f(a) when a in shared\n"
DEFINES = 'language 1\nset shared = { "x" }\n'


def test_a_buffer_stands_in_place_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.lw"
    path.write_text("language 1\nallow on_disk(...)\n")
    workspace = Workspace()
    workspace.put(path, "language 1\nallow in_buffer(...)\n")
    policy = workspace.bundle(path).policy
    assert policy is not None
    assert [tool.tool for rule in policy.rules.values() for tool in rule.tools] == ["in_buffer"]
    workspace.close(path)
    policy = workspace.bundle(path).policy
    assert policy is not None
    assert [tool.tool for rule in policy.rules.values() for tool in rule.tools] == ["on_disk"]


def test_a_file_is_a_policy_of_its_own_or_of_the_settings_above(tmp_path: Path) -> None:
    (tmp_path / "defines.lw").write_text(DEFINES)
    path = tmp_path / "uses.lw"
    path.write_text(USES)
    workspace = Workspace()
    alone = workspace.bundle(path)
    assert alone.fault is not None
    assert "`shared`" in alone.fault.message
    (tmp_path / "leastward.yaml").write_text('policies: ["*.lw"]\n')
    together = workspace.bundle(path)
    assert together.fault is None
    assert sorted(one.name for one in together.files) == ["defines.lw", "uses.lw"]
    (tmp_path / "leastward.yaml").write_text('policies: ["defines.lw"]\n')
    assert workspace.bundle(path).fault is not None


@pytest.mark.parametrize("settings", ["policies: 3", "- a", ": :", "policies: [/nowhere/*.lw]", "policies: ['**/..']"])
def test_settings_that_are_none_name_no_files(tmp_path: Path, settings: str) -> None:
    (tmp_path / "leastward.yaml").write_text(settings)
    path = tmp_path / "a.lw"
    workspace = Workspace()
    workspace.put(path, "language 1\n")
    assert list(workspace.bundle(path).files) == [path]


def test_the_last_tree_stands_in_for_a_text_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.lw"
    workspace = Workspace()
    workspace.put(path, DEFINES)
    workspace.bundle(path)
    workspace.put(path, "language")
    bundle = workspace.bundle(path)
    assert bundle.policy is None
    assert len(bundle.files[path].statements) == 1
    assert bundle.readings[path].faults


def test_a_tool_list_that_changes_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("[]")
    path = tmp_path / "a.lw"
    workspace = Workspace()
    workspace.put(path, 'language 1\nuse tools "t.json"\n')
    assert len(workspace.bundle(path).catalogue) == 0
    (tmp_path / "t.json").write_text('[{"name": "f"}]')
    assert len(workspace.bundle(path).catalogue) == 1
    (tmp_path / "t.json").write_text("[1]")
    fault = workspace.bundle(path).fault
    assert fault is not None
    assert (fault.code, fault.span.line) == ("tool-list", 2)


def test_files_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "b.lw").write_text('language 1\nimport "sub/../a.lw"\n')
    path = tmp_path / "a.lw"
    workspace = Workspace()
    workspace.put(path, 'language 1\nimport "b.lw"\n')
    assert sorted(one.name for one in workspace.bundle(path).files) == ["a.lw", "b.lw"]


def test_a_package_is_found_and_never_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "planted_policies"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "mail.lw").write_text("language 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    statement = ast.Import("mail.lw", "planted_policies")
    assert imported(tmp_path / "a.lw", statement) == package / "mail.lw"
    assert "planted_policies" not in sys.modules
    assert imported(tmp_path / "a.lw", ast.Import("x.lw", "no_such_package")) is None
    assert imported(tmp_path / "a.lw", ast.Import("x.lw", "..")) is None
    assert imported(tmp_path / "a.lw", ast.Otherwise(None)) is None


def test_a_file_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.lw"
    workspace = Workspace()
    workspace.put(path, 'language 1\nimport "gone.lw"\nallow f()\n')
    bundle = workspace.bundle(path)
    assert list(bundle.files) == [path]
    assert any(isinstance(statement, Rule) for statement in bundle.files[path].statements)
    assert workspace.text(tmp_path / "nul\0.lw") is None
