"""policy_dsl/catalogue.py: two shapes of tool, read strictly, compared exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_dsl import strict_json
from policy_dsl.catalogue import EMPTY_CATALOGUE, MAX_BYTES, Catalogue
from policy_dsl.json_schema import CatalogueError
from policy_dsl.types import conforms

BROKEN = yaml.safe_load((Path(__file__).parent / "corpus" / "broken.yaml").read_text(encoding="utf-8"))

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"to": {"type": "string", "maxLength": 5.0}},
    "required": ["to"],
}
OPENAI = {"type": "function", "function": {"name": "send", "description": "Sends.", "parameters": SCHEMA}}
MCP = {"name": "send", "description": "Sends.", "inputSchema": SCHEMA, "annotations": {"readOnlyHint": False}}
LEGACY = {"name": "send", "description": "Sends.", "parameters": SCHEMA}


@pytest.mark.parametrize("tool", [OPENAI, MCP, LEGACY], ids=["openai", "mcp", "legacy-function"])
def test_every_shape_gives_the_same_tool(tool: dict[str, Any]) -> None:
    [read] = Catalogue.from_tools([tool])
    assert (read.name, read.server, read.description) == ("send", None, "Sends.")
    assert conforms({"to": "x"}, read.parameters) is None
    assert conforms({}, read.parameters) == "to"
    assert read.digest == Catalogue.from_tools([OPENAI]).tools[0].digest


def test_a_function_without_parameters_takes_none() -> None:
    [tool] = Catalogue.from_tools([{"type": "function", "function": {"name": "now"}}])
    assert conforms({}, tool.parameters) is None
    assert conforms({"zone": "UTC"}, tool.parameters) == "zone"


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case["tools"])
def test_a_broken_list_is_refused_with_its_place(case: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "tools.json"
    path.write_text(case["tools"], encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        Catalogue.read(path)
    assert caught.value.message == case["says"]
    assert caught.value.path == str(path)
    assert caught.value.render().startswith(f"{path}: {case['says']}")


def test_a_missing_file_and_a_huge_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read: No such file"):
        Catalogue.read(tmp_path / "none.json")
    huge = tmp_path / "huge.json"
    huge.write_bytes(b"[" + b" " * MAX_BYTES + b"]")
    with pytest.raises(CatalogueError, match="larger than"):
        Catalogue.read(huge)


def test_a_tool_of_a_server_is_only_its_own() -> None:
    bank = Catalogue.from_tools([MCP], server="bank")
    assert bank.get("bank", "send") is bank.tools[0]
    assert bank.get("mail", "send") is None
    assert bank.get(None, "send") is None
    assert bank.get("bank", "SEND") is None


def test_a_tool_without_a_server_stands_for_any() -> None:
    both = Catalogue.merged([Catalogue.from_tools([MCP], server="bank"), Catalogue.from_tools([MCP])])
    assert both.get("bank", "send") is both.tools[0]
    assert both.get("mail", "send") is both.tools[1]
    assert both.get(None, "send") is both.tools[1]
    assert both.named("send") == both.tools


def test_merging_keeps_equal_tools_once_and_refuses_different_ones() -> None:
    first, again = Catalogue.from_tools([MCP]), Catalogue.from_tools([OPENAI])
    assert Catalogue.merged([first, again]) == first
    other = Catalogue.from_tools([{**MCP, "description": "Sends everything to somebody else."}])
    with pytest.raises(CatalogueError, match="listed twice"):
        Catalogue.merged([first, other])


def test_the_interface_is_the_schema_whatever_the_order() -> None:
    [tool] = Catalogue.from_tools([OPENAI])
    turned = json.loads(json.dumps(SCHEMA, sort_keys=True).replace("5.0", "5"))
    assert tool.same_interface(turned)
    assert tool.same_interface(strict_json.parse(json.dumps(SCHEMA)))
    assert not tool.same_interface({**SCHEMA, "required": []})
    assert not tool.same_interface({**SCHEMA, "properties": {"to": {"type": "string", "maxLength": 6}}})
    assert not tool.same_interface({**SCHEMA, "properties": {"to": {"type": "string", "maxLength": True}}})
    for odd in (None, 5, "x", [], {"a": float("nan")}, {"a": b"x"}, {"a": "\ud800"}):
        assert not tool.same_interface(odd)


def test_the_digest_covers_description_and_schema() -> None:
    digests = {
        Catalogue.from_tools([tool]).tools[0].digest
        for tool in (
            MCP,
            {**MCP, "description": ""},
            {**MCP, "inputSchema": {"type": "object"}},
            {**MCP, "name": "sent"},
        )
    }
    assert len(digests) == 4
    assert all(digest.startswith("sha256:") for digest in digests)


def test_the_whole_digest_ignores_order_only() -> None:
    other = {**MCP, "name": "other"}
    assert Catalogue.from_tools([MCP, other]) == Catalogue.from_tools([other, MCP])
    assert Catalogue.from_tools([MCP, other]) != Catalogue.from_tools([MCP])
    assert Catalogue.from_tools([MCP]) != Catalogue.from_tools([MCP], server="bank")
    assert len(EMPTY_CATALOGUE) == 0


def test_what_a_server_hints_is_kept_apart() -> None:
    [hinted] = Catalogue.from_tools([{**MCP, "annotations": {"readOnlyHint": True}}])
    [silent] = Catalogue.from_tools([OPENAI])
    assert (hinted.read_only, silent.read_only) == (True, None)
