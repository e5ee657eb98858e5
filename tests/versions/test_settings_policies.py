"""server/settings_policies.py: files or versions, and nothing between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.settings import Settings, SettingsError, load_settings
from server.versions import SigningKey


def problems(tmp_path: Path, text: str, **variables: str) -> list[str]:
    (tmp_path / "leastward.yaml").write_text(text)
    with pytest.raises(SettingsError) as refused:
        load_settings(tmp_path / "leastward.yaml", variables)
    return refused.value.problems


def test_files_are_a_list_and_versions_a_mapping(tmp_path: Path, key: SigningKey) -> None:
    assert Settings().policies == ["*.lw"]
    assert Settings.model_validate({"policies": ["a.lw"]}).policies == ["a.lw"]
    (tmp_path / "leastward.yaml").write_text("")
    variables = {"LEASTWARD_POLICIES__TRUSTED_KEYS__OPS": key.public.text}
    found: Any = load_settings(tmp_path / "leastward.yaml", variables).policies
    assert found.trusted_keys == {"ops": key.public.text}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("policies: []", "`policies`"),
        ("policies: {}", "`policies.trusted_keys` is required"),
        ("policies: {trusted_keys: {}}", "`policies.trusted_keys`"),
        ("policies: {trusted_keys: {ops: KEY}, files: [a.lw]}", "`policies.files` is not a setting"),
        ("policies: {trusted_keys: {ops: secret}}", "no Ed25519 key"),
        ("policies: {trusted_keys: {'a b': KEY}}", "a key's name"),
        ("policies: {trusted_keys: {a: KEY, b: KEY}}", "two names"),
        ("policies: gate.lw", "`policies` must be a list"),
        ("policies: {trusted_keys: {ops: KEY}}\ntools: t.json", "`tools` is for policy files"),
    ],
)
def test_what_contradicts_itself_refuses_to_start(tmp_path: Path, key: SigningKey, text: str, said: str) -> None:
    [problem] = problems(tmp_path, text.replace("KEY", key.public.text))
    assert said in problem
    assert "secret" not in problem
