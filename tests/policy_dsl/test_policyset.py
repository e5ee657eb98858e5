"""Files to one PolicySet: ids, scopes, hash, tool lists, and what cannot be put together (bundles/*.yaml)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_dsl import (
    EMPTY_CATALOGUE,
    BundleError,
    Catalogue,
    ParseError,
    PolicyError,
    Scope,
    load,
    parse,
    policy_set,
)

WRONG = yaml.safe_load((Path(__file__).parent / "bundles" / "wrong.yaml").read_text(encoding="utf-8"))


def _tools(names: list[str]) -> Catalogue:
    return Catalogue.from_tools([{"name": name, "inputSchema": {"type": "object"}} for name in names])


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case["note"])
def test_the_writer_is_told(case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in case["files"].items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    paths = case.get("load", [name for name in case["files"] if name.endswith(".lw")])
    with pytest.raises(BundleError) as caught:
        load(paths, _tools(case["tools"]) if "tools" in case else None)
    error = caught.value
    told = {
        "at": f"{error.path}:{error.span.line}:{error.span.column}",
        "underlined": error.source[error.span.start : error.span.end],
        "message": error.message,
    }
    assert told == {key: case[key] for key in told}
    assert "code" not in case or error.code == case["code"]
    assert "help" not in case or error.help == case["help"]
    assert error.render().startswith(f"{case['at']}: {case['message']}\n")


def test_ids_are_names_or_file_and_line() -> None:
    first = parse('language 1\nallow f()\nfor agent "x" {\n  forbid g as stop\n  ask h()\n}', "some/folder/bank.lw")
    second = parse("language 1\nallow a()", "base.lw")
    policy = policy_set([first, second])
    assert list(policy.rules) == ["bank:2", "bank:5", "base:2", "stop"] == sorted(policy.rules)
    assert [file.path for file in policy.files] == ["some/folder/bank.lw", "base.lw"]


def test_a_block_binds_its_rules() -> None:
    policy = policy_set(
        [parse('language 1\nfor tenant "t" on behalf of role { "a", "b" } { allow f() as x }\nallow g() as y')]
    )
    assert policy.rules["x"].scope == Scope(tenants=("t",), roles=("a", "b"))
    assert policy.rules["y"].scope.is_everyone


def test_a_policy_set_cannot_be_changed() -> None:
    policy = policy_set([parse("language 1\nset s = { 1 }\nallow f()")])
    for mapping in (policy.rules, policy.sets):
        with pytest.raises(TypeError):
            mapping["x"] = None  # type: ignore[index]


def test_otherwise_and_tests_are_collected() -> None:
    policy = policy_set([parse('language 1\notherwise forbid message "no"\ntest "t" { call f() => forbid }')])
    assert policy.otherwise == {"organisation": "no"}
    assert [test.title for test in policy.tests] == ["t"]
    assert policy_set([]).otherwise == {}


def test_the_hash_is_of_what_is_said() -> None:
    def digest(text: str, path: str = "a.lw", tools: Catalogue | None = None) -> str:
        return policy_set([parse(text, path)], tools).hash

    base = digest("language 1\nallow f(a)\n  when a == 1\n")
    assert base.startswith("sha256:")
    assert len(base) == len("sha256:") + 64
    assert digest("language 1 # why\nallow   f( a )\n\n  # because\n  when a==1") == base
    assert digest("language 1\nallow f(a)\n  when a == 1\n", "other/a.lw") == base
    others = [
        digest("language 1\nallow f(a) when a == 2"),
        digest("language 1\n\nallow f(a) when a == 1"),  # the same sentence under another id
        digest("language 1\nallow f(a) when a == 1", "b.lw"),
        digest("language 1\nallow f(a) when a == 1", tools=_tools(["f"])),
        digest("language 1\nallow f(a) when a == true"),
    ]
    assert len({base, *others}) == 6


def test_the_order_of_files_means_nothing() -> None:
    files = [parse("language 1\nallow f()", "b.lw"), parse("language 1\nallow g()", "a.lw")]
    assert policy_set(files) == policy_set(files[::-1])


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(BundleError) as caught:
        policy_set([parse("language 1", "x/a.lw"), parse("language 1", "y/a.lw")])
    assert caught.value.code == "same-stem"


def test_tool_lists_are_found_beside_the_policy(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (tmp_path / "t.json").write_text(json.dumps([{"name": "f", "inputSchema": {"type": "object"}}]))
    (folder / "a.lw").write_text('language 1\nuse tools "../t.json"\nallow f()')
    assert [tool.name for tool in load([folder / "a.lw"]).catalogue] == ["f"]
    assert [tool.name for tool in load([str(folder / "a.lw")], _tools(["g"])).catalogue] == ["g", "f"]
    assert policy_set([]).catalogue is EMPTY_CATALOGUE


def test_tool_lists_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps([{"name": "f", "description": "x", "inputSchema": {"type": "object"}}]))
    (tmp_path / "a.lw").write_text('language 1\nuse tools "t.json"')
    with pytest.raises(BundleError) as caught:
        load([tmp_path / "a.lw"], _tools(["f"]))
    assert caught.value.code == "tool-lists"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"language 1\n\xff", "bad-utf8"),
        (b"\xef\xbb\xbflanguage 1", "invisible-character"),
        (b"language 2", "language-version"),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "a.lw").write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load([tmp_path / "a.lw"])
    assert caught.value.code == code
    assert isinstance(caught.value, ParseError) == (code != "bad-utf8")


@pytest.mark.parametrize("path", ["missing.lw", ".", "a\0b"])
def test_unreadable_paths_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BundleError) as caught:
        load([str(tmp_path / path)])
    assert caught.value.code == "unreadable"
    assert caught.value.render()
