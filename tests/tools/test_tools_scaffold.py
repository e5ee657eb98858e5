"""`leastward scaffold --openapi`: an OpenAPI document becomes a tool list and a first policy that uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_dsl import Catalogue
from server.cli import main

PETS = str(Path(__file__).parent / "petstore.yaml")
SHOP = """
openapi: 3.0.3
paths:
  /pets/{id}:
    get: {operationId: get_pet, parameters: [{name: id, in: path, required: true, schema: {type: string}}]}
    delete: {operationId: delete_pet, parameters: [{name: id, in: path, required: true, schema: {type: string}}]}
"""


def test_a_document_becomes_a_tool_list_and_a_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(SHOP)
    assert main(["scaffold", "--openapi", "shop.yaml", "--tools", "tools.json"]) == 0
    policy = capsys.readouterr().out
    assert 'use tools "tools.json"' in policy
    assert "allow get_pet(" in policy
    assert "allow delete_pet" not in policy
    assert len(Catalogue.read("tools.json")) == 2
    (tmp_path / "gate.lw").write_text(policy)
    assert main(["check", "gate.lw"]) == 0


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tools.json"
    path.write_text("[]")
    assert main(["scaffold", "--openapi", PETS, "--tools", str(path)]) != 0
    assert main(["scaffold", "--openapi", PETS]) != 0
    assert main(["scaffold", "--openapi", str(tmp_path / "none.yaml"), "--tools", str(tmp_path / "new.json")]) != 0
    assert path.read_text() == "[]"
    assert not (tmp_path / "new.json").exists()
