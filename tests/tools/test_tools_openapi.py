"""server/tools/openapi.py, operations.py and parameters.py: a document becomes tools, arguments become requests, and
requests become arguments."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import Catalogue, strict_json
from server.tools import Asked, ToolFault, read_url, tool_list
from server.tools.documents import DocumentError, read_document
from server.tools.openapi import read_openapi
from server.tools.operations import Fetch, Operation, Posted, placed

HERE = Path(__file__).parent
CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load((HERE / "requests.yaml").read_text())
PETS = read_document(HERE / "petstore.yaml")
OFFERED = read_openapi(PETS, frozenset({("query", "api_key")}))
TOOLS = {operation.tool: operation for operation in OFFERED.operations}
BASE = read_url("https://api.test/v1")


def named(case: dict[str, Any]) -> str:
    return f"{case.get('tool', case.get('ask'))} {case.get('args', '')}"[:80]


def test_the_operations_are_tools_by_name() -> None:
    assert sorted(TOOLS) == [
        "add_pet",
        "delete_pet",
        "get_pet",
        "get_pets_id_photos_n",
        "list_pets",
        "moved",
        "moved_post",
        "newest_pet",
        "note_pet",
        "rename_pet",
    ]


def test_what_cannot_be_written_exactly_is_left_out_with_its_reason() -> None:
    reasons = {place.split(" ")[1]: reason for place, reason in OFFERED.left_out.items()}
    assert sorted(reasons) == sorted(path for path in PETS["paths"] if path.startswith("/bad/"))
    assert len(set(reasons.values())) >= 8


def test_the_schemas_are_a_catalogue_that_policies_can_use(tmp_path: Path) -> None:
    catalogue = Catalogue.from_tools([tool.described for tool in TOOLS.values()], "pets")
    add, listing = catalogue.get("pets", "add_pet"), catalogue.get("pets", "list_pets")
    assert add is not None
    assert listing is not None
    assert listing.read_only is True
    assert "api_key" not in repr(listing.parameters)
    path = tmp_path / "tools.json"
    path.write_bytes(tool_list(HERE / "petstore.yaml"))
    assert [tool.name for tool in Catalogue.read(path)] == list(TOOLS)


@pytest.mark.parametrize("case", CASES["written"], ids=named)
def test_arguments_become_a_request(case: dict[str, Any]) -> None:
    request = TOOLS[case["tool"]].request(BASE, case["args"])
    assert f"{request.method} {request.url.target}" == case["line"]
    assert dict(request.headers) == case.get("headers", {})
    assert request.body == (case["body"].encode() if "body" in case else None)
    assert request.url.origin == BASE.origin
    if "type" in case:
        assert request.content_type == case["type"]


@pytest.mark.parametrize("case", CASES["refused"], ids=named)
def test_arguments_that_cannot_be_written_exactly(case: dict[str, Any]) -> None:
    with pytest.raises(ToolFault) as fault:
        TOOLS[case["tool"]].request(BASE, case["args"])
    assert fault.value.code == "bad-arguments"


@pytest.mark.parametrize("case", CASES["asked"], ids=named)
def test_a_request_becomes_arguments(case: dict[str, Any]) -> None:
    method, _, target = case["ask"].partition(" ")
    path, _, query = target.partition("?")
    headers = [(name, value) for name, value in case.get("headers", [])]
    asked = Asked(method, path, query, headers, case.get("body", "").encode(), case.get("type", "application/json"))
    if "refused" in case:
        with pytest.raises(ToolFault) as fault:
            placed(OFFERED.operations, asked)
        assert fault.value.code == case["refused"]
        return
    found = placed(OFFERED.operations, asked)
    assert (found is None) == case.get("none", False)
    if found is not None:
        assert (found[0].tool, found[1]) == (case["tool"], case["args"])


ARGUMENTS = st.fixed_dictionaries(
    {"kind": st.text(max_size=8)},
    optional={
        "limit": st.integers(-(2**53), 2**53),
        "tags": st.lists(st.text(max_size=5), min_size=1, max_size=3),
        "ids": st.lists(st.integers(0, 99), min_size=1, max_size=3),
        "sold": st.booleans(),
        "max_price": st.decimals(-9999, 9999, places=2),
        "X-Trace": st.text("ab -~", min_size=1, max_size=5),
        "session": st.text("ab=!~", max_size=5),
    },
)


def there_and_back(operation: Operation, arguments: dict[str, Any]) -> None:
    try:
        request = operation.request(BASE, arguments)
    except ToolFault:
        return
    path = request.url.path.removeprefix("/v1")
    asked = Asked(
        request.method, path, request.url.query or "", request.headers, request.body or b"", request.content_type
    )
    assert placed(OFFERED.operations, asked) == (operation, arguments)


@given(ARGUMENTS)
def test_what_is_written_is_read_back_as_it_was_judged(arguments: dict[str, Any]) -> None:
    there_and_back(TOOLS["list_pets"], arguments)


@given(st.text(max_size=8).filter(lambda text: text != "newest"))
def test_a_path_is_read_back_as_it_was_judged(name: str) -> None:
    there_and_back(TOOLS["get_pet"], {"id": name})
    there_and_back(TOOLS["note_pet"], {"id": name, "body": name + "."})


def test_a_name_that_is_another_path_is_not_sent_as_that_path_alone() -> None:
    """`/pets/newest` by the argument `newest` is what the server would take for another operation."""
    for name in ("newest", "NEWEST"):
        with pytest.raises(ToolFault):
            TOOLS["get_pet"].request(BASE, {"id": name})
    few = [operation for operation in OFFERED.operations if operation.tool != "newest_pet"]
    found = placed(few, Asked("GET", "/pets/newest", ""))
    assert found is not None
    with pytest.raises(ToolFault):
        found[0].request(BASE, found[1])


def in_path(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


@pytest.mark.parametrize(
    ("other", "name", "is_other"),
    [
        ("$count", "$count", True),
        ("$count", "$COUNT", True),
        ("$count", "count", False),
        ("report-{day}", "report-7", True),
        ("report-{day}", "Report-7", True),
        ("report-{day}", "memo-7", False),
        ("{a}-{b}.json", "x-y.json", True),
        ("{a}-{b}.json", "x.json", False),
        ("a-{b}-a", "a-a", False),
        ("{b}a-{c}a-", "xa-", False),
    ],
)
def test_a_path_that_another_operation_has_in_part_or_in_another_spelling(
    other: str, name: str, is_other: bool
) -> None:
    """The other one may be left out or not be chosen: the server has it nevertheless."""
    paths = {
        "/files/{id}": {"get": {"operationId": "file", "parameters": in_path("id")}},
        f"/files/{other}": {"delete": {"operationId": "other"}},
    }
    file = next(one for one in read_openapi({"openapi": "3.1.0", "paths": paths}).operations if one.tool == "file")
    if not is_other:
        assert file.request(BASE, {"id": name}).method == "GET"
        return
    with pytest.raises(ToolFault):
        file.request(BASE, {"id": name})


def test_what_changes_the_method_or_the_route_is_no_parameter() -> None:
    places = [("header", "X-Original-URL"), ("header", "X-Rewrite-URL"), ("query", "_method")]
    for place, name in places:
        for required in (True, False):
            parameters = [{"name": name, "in": place, "required": required, "schema": {"type": "string"}}]
            operation = {"operationId": "a", "parameters": parameters}
            offered = read_openapi({"openapi": "3.1.0", "paths": {"/a": {"post": operation}}})
            assert [one.parameters for one in offered.operations] == ([] if required else [()])


def test_a_cookie_that_the_gate_sends_is_no_parameter() -> None:
    """Two fields of that name are read differently, and the agent's would come first."""
    parameters = [{"name": "session", "in": "cookie", "required": True, "schema": {"type": "string"}}]
    paths = {"/a": {"get": {"operationId": "a", "parameters": parameters}}}
    (operation,) = read_openapi({"openapi": "3.1.0", "paths": paths}, frozenset({("header", "cookie")})).operations
    assert operation.parameters == ()


def test_posted_and_fetch() -> None:
    request = Posted("send", "/send").request(BASE, {"to": "a", "n": 1})
    assert (request.method, request.url.target, request.body) == ("POST", "/v1/send", b'{"to":"a","n":1}')
    assert Fetch().request(BASE, {"url": "https://b.test/x?y=1"}).url.host == "b.test"
    for arguments in ({}, {"url": 1}, {"url": "https://b.test/", "method": "POST"}, {"url": "file:///etc/passwd"}):
        with pytest.raises(ToolFault):
            Fetch().request(BASE, arguments)


# --- documents --------------------------------------------------------------------------------------------------------


@pytest.fixture
def document(tmp_path: Path) -> Callable[[str, str], Any]:
    def read(name: str, text: str) -> Any:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_openapi(read_document(path))

    return read


BAD = {
    "twice.json": '{"openapi":"3.1.0","openapi":"3.1.0"}',
    "nan.json": '{"openapi":"3.1.0","x":NaN}',
    "list.json": "[]",
    "old.json": '{"swagger":"2.0"}',
    "new.json": '{"openapi":"4.0.0"}',
    "paths.json": '{"openapi":"3.1.0","paths":[]}',
    "twice.yaml": "openapi: 3.1.0\nopenapi: 3.1.0\n",
    "alias.yaml": "openapi: 3.1.0\npaths: &a {}\ncomponents: *a\n",
    "tag.yaml": "openapi: 3.1.0\nx: !!python/object/apply:os.system [id]\n",
    "broken.yaml": "openapi: [",
    "names.json": '{"openapi":"3.1.0","paths":{"/a":{"get":{"operationId":"x"}},"/b":{"get":{"operationId":"x"}}}}',
    "places.json": json.dumps(
        {
            "openapi": "3.0.3",
            "paths": {
                f"/{{{name}}}": {"get": {"parameters": [{"name": name, "in": "path", "schema": {"type": "string"}}]}}
                for name in "ab"
            },
        }
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_document_that_is_none(name: str, document: Callable[[str, str], Any]) -> None:
    with pytest.raises(DocumentError):
        document(name, BAD[name])


def test_a_document_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        read_document(tmp_path / "none.json")


def test_json_and_yaml_say_the_same(tmp_path: Path, document: Callable[[str, str], Any]) -> None:
    offered = document("pets.json", strict_json.encode(PETS).decode())
    assert offered == read_openapi(PETS)
    assert PETS["info"]["x-since"] == "2024-01-01"  # a date is the text that it is
