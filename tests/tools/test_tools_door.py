"""server/tools/door.py, client.py, answers.py, servers.py, opening.py and routes_tools.py: a gate on HTTP, a server of
tools behind it, and what each of the two sees."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings_tools import ToolServerSettings, check_names
from server.tools import ToolFault, ToolsError, open_servers

HERE = Path(__file__).parent
CORPUS: dict[str, Any] = yaml.safe_load((HERE / "doors.yaml").read_text())
SECRET = "s3cret&"
NAMES = {
    "api.test": "127.0.0.1",
    "open.test": "127.0.0.1",
    "inside.test": "169.254.169.254",
    "mixed.test": "127.0.0.1 10.0.0.1",
}


@pytest.fixture(scope="module")
def behind(module_server: Any, plain: Any) -> Any:
    pet = b'{ "price": 1.50, "n": 9007199254740993 }'
    return module_server(
        {
            "GET /v1/pets/x": plain(200, pet, "application/json", "set-cookie: a=b", "x-secret: 1"),
            "GET /v1/pets": plain(200, b"[]", "application/vnd.pets+json; charset=UTF-8"),
            "POST /v1/pets": plain(201, b'{"id":"r"}'),
            "POST /v1/send": plain(204),
            "GET /v1/pets/html": plain(200, b"<script>1</script>", "text/html"),
            "GET /v1/pets/gone": plain(404, b'{"no":"pet"}'),
            "GET /v1/pets/dup": plain(200, b'{"a":1,"a":2}'),
            "GET /v1/pets/gif": plain(200, b"GIF89a", "image/gif"),
            "GET /v1/pets/gzip": plain(200, b"xx", "application/json", "content-encoding: gzip"),
            "GET /v1/pets/big": plain(200, b'"' + b"a" * 5000 + b'"'),
            "GET /v1/pets/secret": plain(401, b'{"your_key":"s3cret&"}'),
            "GET /page": plain(200, b"hello", "text/plain"),
        }
    )


@pytest.fixture(scope="module")
def gate(behind: Any, module_gate: Any) -> Any:
    local = {"networks": ["127.0.0.1/32"], "answer_bytes": 4096, "redirects": 2}
    base = f"http://api.test:{behind.port}/v1"
    keys = {"headers": {"X-Key": "k3y"}, "query": {"api_key": SECRET}}
    tools = {
        "pets": {"url": base, "openapi": str(HERE / "petstore.yaml"), **keys, **local},
        "mail": {"url": base, "posts": {"send": "/send"}, **local},
        "web": {"fetch": True, "plain_http": True, "ports": [behind.port], **local},
    }
    return module_gate(CORPUS["policy"], tools, NAMES)


@pytest.mark.parametrize(
    "row", CORPUS["rows"], ids=lambda row: f"{row['>>']} {row.get('body', '')} {row.get('to', '')}"
)
def test_a_row(row: dict[str, Any], gate: Any, behind: Any, plain: Any) -> None:
    port = str(behind.port)
    if "to" in row:
        moved = plain(row.get("status", 302), b"", "", f"location: {row['to'].replace('PORT', port)}")
        behind.answers.update({"GET /v1/moved": moved, "POST /v1/moved": moved, "GET /hop": moved})
    behind.seen.clear()
    method, _, target = row[">>"].partition(" ")
    body = row["body"].replace("PORT", port).encode() if "body" in row else None
    sneaked = [("x-key", "mine"), ("x-forwarded-for", "1.2.3.4"), ("cookie", "other=stolen")]
    status, headers, answer = gate.ask(method, target, body, [("x-forwarded-host", "evil.test"), *sneaked])
    wanted, said = row["<<"]
    assert status == wanted, answer
    if said is not None and (wanted < 400 or said.startswith("{")):
        assert answer.decode() == said
        assert headers.get("content-type", "").startswith(row.get("type", ""))
        assert not {"set-cookie", "x-secret"} & headers.keys()
    elif said is not None:
        assert json.loads(answer)["error"]["code"] == said
    assert [
        seen.split(b" HTTP/1.1")[0].decode().removesuffix("&api_key=s3cret%26").removesuffix("?api_key=s3cret%26")
        for seen in behind.seen
    ] == [sent.removesuffix("&api_key=s3cret%26") for sent in row.get("sent", [])]
    for seen in behind.seen:
        head = seen.split(b"\r\n\r\n")[0].lower()
        assert head.count(b"\r\nhost: ") == 1
        for word in (b"evil.test", b"mine", b"forwarded", b"stolen", gate.key.encode().lower()):
            assert word not in head
        keyed = b"/v1/" in head and b"/v1/send" not in head
        assert (b"\r\nx-key: k3y" in head) == (b"api_key=s3cret%26" in head) == keyed
    if "sent_body" in row:
        assert behind.seen[0].split(b"\r\n\r\n", 1)[1].decode() == row["sent_body"]
    assert SECRET.encode() not in answer
    assert b"k3y" not in answer
    if row.get("sent") or status == 403:
        for decision in headers["x-leastward-decision"].split(", "):
            assert decision.startswith("dec-")
        assert len(headers["x-leastward-decision"].split(", ")) >= len(row.get("sent", [])) - 1


def test_connections_are_kept_and_each_call_asks_the_name_service(gate: Any, behind: Any) -> None:
    before = behind.lines
    for _ in range(5):
        assert gate.ask("POST", "/tools/pets/get_pet", b'{"id":"x"}')[0] == 200
    assert behind.lines - before <= 1


def test_a_listing_holds_what_could_be_granted(gate: Any) -> None:
    status, _, body = gate.ask("GET", "/tools")
    assert status == 200
    listed = {(tool["server"], tool["name"]) for tool in json.loads(body)["tools"]}
    assert ("pets", "list_pets") in listed
    assert ("web", "fetch") in listed
    assert not {("pets", "newest_pet"), ("pets", "delete_pet")} & listed


def test_every_call_has_a_record(gate: Any) -> None:
    _, headers, _ = gate.ask("POST", "/tools/pets/get_pet", b'{"id":"x"}')
    record = gate.store.decision(headers["x-leastward-decision"].split(", ")[0], "t")
    record = record or gate.store.decisions(headers["x-leastward-decision"], "t")[0]
    assert (record["tool"], record["effect"]) == ("pets/get_pet", "allow")


def test_the_same_tool_at_two_servers_must_be_named_with_its_server(
    gate_before: Any, tool_server: Any, plain: Any
) -> None:
    behind = tool_server({"POST /send": plain(200, b"1")})
    one = {"url": f"http://127.0.0.1:{behind.port}", "posts": {"send": "/send"}, "networks": ["127.0.0.0/8"]}
    gate = gate_before("language 1\nallow a/send(...)\n", {"a": one, "b": one})
    assert json.loads(gate.ask("POST", "/tools/send", b"{}")[2])["error"]["code"] == "ambiguous-tool"
    assert gate.ask("POST", "/tools/a/send", b"{}")[0] == 200
    assert gate.ask("POST", "/tools/b/send", b"{}")[0] == 403
    assert len(behind.seen) == 1


def test_the_answer_is_redacted_and_the_next_call_knows_it(gate_before: Any, tool_server: Any, plain: Any) -> None:
    policy = (
        "language 1\ntrust results of a/read\nallow a/read()\nallow a/send(to) when to from results of a/read\n"
        'redact results of a/read matching /secret-[0-9]+/ with "[card]"\n'
    )
    behind = tool_server({"POST /read": plain(200, b'{"to":"anna","k":"secret-12"}'), "POST /send": plain(200, b"1")})
    one = {
        "url": f"http://127.0.0.1:{behind.port}",
        "posts": {"read": "/read", "send": "/send"},
        "networks": ["127.0.0.0/8"],
    }
    gate = gate_before(policy, {"a": one})
    assert gate.ask("POST", "/tools/a/send", b'{"to":"anna"}')[0] == 403
    status, _, body = gate.ask("POST", "/tools/a/read", b"{}")
    assert status == 200
    assert b"secret-12" not in body
    assert b"anna" in body
    assert gate.ask("POST", "/tools/a/send", b'{"to":"anna"}')[0] == 200
    assert gate.ask("POST", "/tools/a/send", b'{"to":"bobby"}')[0] == 403


def test_a_tool_that_is_slow_or_gone(gate_before: Any, tool_server: Any) -> None:
    behind = tool_server({"POST /slow": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", "POST /cut": b"HTTP/1.1 2"})
    one = {"url": f"http://127.0.0.1:{behind.port}", "posts": {"slow": "/slow"}, "networks": ["127.0.0.0/8"]}
    gone = {**one, "url": "http://127.0.0.1:1"}
    gate = gate_before("language 1\nallow a/slow()\nallow b/slow()\n", {"a": {**one, "timeout": 0.2}, "b": gone})
    for server, status, code in (("a", 504, "tool-too-slow"), ("b", 502, "tool-unreachable")):
        answer = gate.ask("POST", f"/tools/{server}/slow", b"{}")
        assert (answer[0], json.loads(answer[2])["error"]["code"]) == (status, code)
        assert answer[1]["x-leastward-decision"].startswith("dec-")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", "a.key", "-out", "a.pem", "-days", "2", "-subj", "/CN=api.test"]
    command += ["-addext", "subjectAltName=DNS:api.test"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def test_tls_is_spoken_with_the_name_at_the_checked_address(
    certificate: Path, gate_before: Any, tool_server: Any, plain: Any
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "a.pem", certificate / "a.key")
    behind = tool_server({"POST /send": plain(200, b"1")}, context)
    one = {"posts": {"send": "/send"}, "networks": ["127.0.0.0/8"], "ca_file": str(certificate / "a.pem")}
    tools = {name: {**one, "url": f"https://{name}.test:{behind.port}"} for name in ("api", "other")}
    gate = gate_before("language 1\nallow send()\n", tools, {"api.test": "127.0.0.1", "other.test": "127.0.0.1"})
    assert gate.ask("POST", "/tools/api/send", b"{}")[0] == 200
    assert b"\r\nhost: api.test:%d\r\n" % behind.port in behind.seen[0]
    assert json.loads(gate.ask("POST", "/tools/other/send", b"{}")[2])["error"]["code"] == "tool-unreachable"
    assert len(behind.seen) == 1  # the certificate names another server


# --- settings ---------------------------------------------------------------------------------------------------------

BAD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "url alone": {"url": "https://a.test"},
    "fetch and url": {"fetch": True, "url": "https://a.test"},
    "fetch and credentials": {"fetch": True, "headers": {"authorization": "x"}},
    "network": {"fetch": True, "networks": ["10.0.0.1/8"]},
    "port": {"fetch": True, "ports": [0]},
    "path": {"url": "https://a.test", "posts": {"a": "a"}},
    "tool": {"url": "https://a.test", "posts": {"a/b": "/a"}},
    "unknown": {"fetch": True, "tls_verify": False},
}


@pytest.mark.parametrize("name", BAD)
def test_settings_that_are_refused(name: str) -> None:
    with pytest.raises(ValueError):
        ToolServerSettings.model_validate(BAD[name])


def test_names_of_servers_stand_in_paths() -> None:
    with pytest.raises(ValueError, match="lower-case"):
        check_names({"A/b": ToolServerSettings(fetch=True)})


UNOPENED: dict[str, tuple[dict[str, Any], str]] = {
    "userinfo": ({"url": "https://a@b.test", "posts": {"a": "/a"}}, "the URL is not one"),
    "query": ({"url": "https://b.test/?a=b", "posts": {"a": "/a"}}, "`url` has a query"),
    "address": ({"url": "https://10.0.0.1", "posts": {"a": "/a"}}, "an address that no setting opens"),
    "no document": ({"url": "https://b.test", "openapi": "none.json"}, "cannot be read"),
    "header": ({"url": "https://b.test", "posts": {"a": "/a"}, "headers": {"X-A": "a\r\nb: c"}}, "header `X-A` cannot"),
    "framing": ({"url": "https://b.test", "posts": {"a": "/a"}, "headers": {"Host": "c"}}, "header `Host` cannot"),
    "twice": (
        {"url": "https://b.test", "posts": {"get_pet": "/a"}, "openapi": str(HERE / "petstore.yaml")},
        "stands in `posts` and in the document",
    ),
}


@pytest.mark.parametrize("name", UNOPENED)
def test_servers_that_do_not_open(name: str, tmp_path: Path) -> None:
    written, fault = UNOPENED[name]
    with pytest.raises(ToolsError, match=fault) as error:
        open_servers({"s": ToolServerSettings.model_validate(written)}, tmp_path)
    assert str(error.value).startswith("`http_tools.s`: ")
    assert "b: c" not in str(error.value)


def test_operations_that_are_not_chosen_do_not_exist(tmp_path: Path) -> None:
    written = {"url": "https://b.test", "openapi": str(HERE / "petstore.yaml"), "operations": ["get_*", "list_pets"]}
    servers = open_servers({"s": ToolServerSettings.model_validate(written)}, tmp_path)
    assert sorted(servers["s"].tools) == ["get_pet", "get_pets_id_photos_n", "list_pets"]
    assert SECRET not in repr(servers["s"])


def test_a_path_of_a_posted_tool_is_no_operations(tmp_path: Path) -> None:
    written = {"url": "https://b.test", "openapi": str(HERE / "petstore.yaml"), "posts": {"wipe": "/pets/wipe/"}}
    server = open_servers({"s": ToolServerSettings.model_validate(written)}, tmp_path)["s"]
    assert server.tools["note_pet"].request(server.base, {"id": "x"}).url.path == "/pets/x"
    with pytest.raises(ToolFault):
        server.tools["note_pet"].request(server.base, {"id": "wipe"})
