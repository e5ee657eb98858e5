"""server/settings_file.py: strict YAML, references to the environment, overrides from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.settings import Settings, load_settings
from server.settings_file import SettingsError


def read(tmp_path: Path, text: str, **environment: str) -> Settings:
    path = tmp_path / "leastward.yaml"
    path.write_text(text)
    return load_settings(path, environment)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "line 2, column 1: `a` stands twice"),
        ("listen: {port: 1, port: 2}", "line 1, column 19: `port` stands twice"),
        ("- a", "holds no keys"),
        ("a", "holds no keys"),
        ("a: [", "line 1"),
        ("a: !!python/object/apply:os.system ['true']", "line 1, column 4: could not determine a constructor"),
        ("database: ${MISSING}", "`database`: the environment variable `MISSING` is not set"),
        ("upstreams: {x: {url: 'http://${H}/'}}", "`upstreams.x.url`: the environment variable `H` is not set"),
        ("database: ${}", "`database`: a reference is written"),
        ("database: ${A", "`database`: a reference is written"),
        ("policies: [a, '${MISSING}']", "`policies.1`: the environment variable `MISSING` is not set"),
    ],
)
def test_a_file_that_cannot_be_taken_says_where(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert caught.value.problems[0].startswith(said)


@pytest.mark.parametrize(
    ("written", "environment", "read_as"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("a${A}b${A}", {"A": "x"}, "axbx"),
        ("${A:-d}", {}, "d"),
        ("${A:-d}", {"A": ""}, "d"),
        ("${A:-}", {}, ""),
        ("${A}", {"A": "${B}"}, "${B}"),  # what a variable holds is not looked through again
        ("$${A}", {"A": "x"}, "${A}"),
        ("$A", {"A": "x"}, "$A"),
        ("${A}", {"A": "a: 1\nb: [2]"}, "a: 1\nb: [2]"),  # nor read as YAML
    ],
)
def test_references(written: str, environment: dict[str, str], read_as: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"database: {json.dumps(written)}", **environment).database == read_as


def test_the_environment_overrides(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        "listen: {port: 1}",
        LEASTWARD_LISTEN__PORT="2",
        LEASTWARD_MODE="observe",
        LEASTWARD_POLICIES="[a.lw, b.lw]",
        LEASTWARD_UPSTREAMS__VLLM__URL="http://127.0.0.1:8000/v1",
        LEASTWARD_TEXT_CALLS="off",
    )
    assert settings.listen.port == 2
    assert settings.mode == "observe"
    assert settings.policies == ["a.lw", "b.lw"]
    assert settings.upstream_for("any") == "vllm"
    assert settings.text_calls == "off"


def test_variables_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    """Kubernetes sets these for a service called leastward."""
    environment = {"LEASTWARD_PORT": "tcp://10.0.0.1:80", "LEASTWARD_SERVICE_HOST": "10.0.0.1", "LEASTWARD_DATA": "/x"}
    assert read(tmp_path, "", **environment).listen.port == 4747


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"LEASTWARD_LISTEN__PROT": "1"}, "`listen.prot` is not a setting"),
        ({"LEASTWARD_MODE__X": "1"}, "the environment variable `LEASTWARD_MODE__X` goes below `mode`"),
        (
            {
                "LEASTWARD_MODE": "[",
            },
            "the environment variable `LEASTWARD_MODE` does not hold a YAML value",
        ),
    ],
)
def test_overrides_that_do_not_fit(environment: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "mode: enforce", **environment)
    assert caught.value.problems[0].startswith(said)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "missing.yaml", {})
    (tmp_path / "latin.yaml").write_bytes(b"database: \xff")
    with pytest.raises(SettingsError, match="is not UTF-8"):
        load_settings(tmp_path / "latin.yaml", {})
