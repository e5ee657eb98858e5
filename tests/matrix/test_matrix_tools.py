"""Every door behind which tools themselves stand, by every way to call one and every effect: MCP in both kinds of
protocol over HTTP and on pipes, HTTP tools, the hook of coding agents, the gate in process. Two taps: what reached the
tool's own server, and what came back to the client. A method of MCP's door, a version or a route without a row fails by
its name.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from guardrail import Principal
from server import routes_mcp, routes_tools
from server.in_process import Door, open_gate
from server.mcp import Door as McpDoor
from server.mcp.documents import LISTS, READS
from server.tool_gate import ToolAnswer, Withheld

SECRET, HARMLESS, ANSWER = "s3cret-in-the-arguments", "harmless-by-policy", "the-answer-of-the-tool"
EFFECTS = {
    "allow": "pay_ann",
    "rewrite": "change_sum",
    "ask": "ask_first",
    "forbid": "drop_table",
    "no rule": "nobody_named_it",
}
WANTED = {"allow": "allow", "rewrite": "allow", "ask": "ask", "forbid": "forbid", "no rule": "forbid"}
HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def rules(server: str, before: str = "", member: str = "to") -> str:
    """The five columns for the tools of one server, where their names begin with `before`."""
    pay, change, ask, drop = (f'{server}"{before}{name}"' for name in list(EFFECTS.values())[:4])
    return (
        f'allow {pay}(...)\nallow {change}(...)\nrewrite {change} set {member} = "{HARMLESS}"\n'
        + f'ask {ask}(...)\nforbid {drop} message "Never."\n'
    )


def _member(method: str) -> str:
    return "to" if method in ("GET", "DELETE") else "body.to"


def document_rules(tool: str, member: str) -> str:
    """The same for one tool of MCP's documents, told apart by what it is called with."""
    name = f'shop/"{tool}"'
    pay, change, ask, drop = (f'{member} == "{value}"' for value in list(EFFECTS.values())[:4])
    return (
        f'allow {name}(...) when {pay} or {member} == "{HARMLESS}"\nallow {name}(...) when {change}\n'
        f'rewrite {name} set {member} = "{HARMLESS}" when {change}\nask {name}(...) when {ask}\n'
        f"forbid {name} when {drop}\n"
    )


DOCUMENTS = {"resources.read": "uri", "prompts.get": "name", "completion.complete": "argument.value"}
"""By the tool that a method is decided as, the member that tells the columns apart."""

MCP_POLICY = "language 1\n" + rules("shop/") + "".join(map(document_rules, DOCUMENTS, DOCUMENTS.values()))
ROOMY: dict[str, Any] = {
    "approvals": {"pending_at_once": 1000, "asks_an_hour": 1000},
    "refusals": {"per_run_limit": 10_000},
}


class Row(NamedTuple):
    """One way to call a tool; `door` as in Records."""

    door: str
    route: str
    form: str


MCP_ROWS = [
    Row("mcp", "/mcp/{server}" if server else "/mcp", f"{method} {version}")
    for version in (*MODERN_PROTOCOL_VERSIONS, *HANDSHAKE_PROTOCOL_VERSIONS)
    for server in (True, False)
    for method in ("tools/call", *(READS if server else ()))
]
PIPE = "leastward mcp -- CMD"
PIPE_ROWS = [
    Row("mcp", PIPE, f"{method} {version}")
    for version in (*MODERN_PROTOCOL_VERSIONS, *HANDSHAKE_PROTOCOL_VERSIONS)
    for method in ("tools/call", *READS)
]
HTTP_ROWS = [
    Row("http", "/tools/{tool}", "POST"),
    Row("http", "/tools/{server}/{tool}", "POST"),
    *(Row("http", "/proxy/{server}/{rest:path}", method) for method in HTTP_METHODS),
]
PROCESS_ROWS = [
    Row("hook", "leastward hook", "PreToolUse"),
    Row("hook", "leastward hook", "PreToolUse mcp__server__tool"),
    Row("in-process", "Door.call", "values"),
    Row("in-process", "Door.call", "JSON text"),
    Row("in-process", "Door.decide", "values"),
    Row("in-process", "Door.decide", "JSON text"),
]


NO_CALLS = frozenset({
    "initialize", "logging/setLevel", "ping", "resources/unsubscribe", "server/discover", "tools/list", *LISTS,
})  # fmt: skip
"""Methods of MCP's door that nothing is decided in."""

SUBSCRIBING = frozenset({"resources/subscribe", "subscriptions/listen"})
"""Decided by resource, as `resources.subscribe`; what is heard of each is in tests/mcp/test_mcp_subscribing.py."""


def test_every_method_of_mcp_has_a_row_or_decides_nothing() -> None:
    methods = {row.form.split(" ")[0] for row in (*MCP_ROWS, *PIPE_ROWS)}
    door = McpDoor({}, cast("Any", None))
    assert door.methods == methods | NO_CALLS | SUBSCRIBING


def test_every_route_and_method_has_a_row() -> None:
    rows = {row.route for row in (*MCP_ROWS, *HTTP_ROWS)}
    posts = {route.path for route in (*routes_mcp.ROUTES, *routes_tools.ROUTES) if route.method == "POST"}
    assert posts == rows
    proxied = {route.method for route in routes_tools.ROUTES if route.path.startswith("/proxy")}
    assert proxied == set(HTTP_METHODS)
    assert {document.tool for document in READS.values()} == DOCUMENTS.keys()


# --- one gate on HTTP, and the tools behind it ------------------------------------------------------------------------


def _mcp_results() -> dict[str, Any]:
    """What an MCP server of 2026-07-28 with every tool and document there is answers, by method."""
    known = [*EFFECTS.values()]
    return {
        "server/discover": {
            "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {}, "resources": {}, "prompts": {}, "completions": {}},
        },
        "tools/list": {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in known]},
        "tools/call": {"content": [{"type": "text", "text": ANSWER}]},
        "resources/read": {"contents": [{"uri": "x://1", "text": ANSWER}]},
        "prompts/get": {"messages": [{"role": "user", "content": {"type": "text", "text": ANSWER}}]},
        "completion/complete": {"completion": {"values": [ANSWER]}},
    }


def _openapi() -> dict[str, Any]:
    """Each tool as an operation of every method, `to` in the query or in a JSON body."""
    in_query: dict[str, Any] = {
        "parameters": [{"name": "to", "in": "query", "required": True, "schema": {"type": "string"}}]
    }
    schema = {"type": "object", "properties": {"to": {"type": "string"}}}
    in_body = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    paths = {
        f"/{name}": {
            method.lower(): {
                "operationId": f"{method.lower()}_{name}",
                **(in_query if _member(method) == "to" else in_body),
            }
            for method in HTTP_METHODS
        }
        for name in EFFECTS.values()
    }
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths}


class Behind:
    """The gate, its client, and the server of tools with all that reached it."""

    def __init__(self, gate: Any, tools: Any) -> None:
        self.gate = gate
        self.tools = tools
        self.seen = 0
        self.sessions: dict[tuple[str, str], dict[str, str]] = {}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.gate.client.ask(method, path, body, {"accept": "application/json, text/event-stream", **named})


@pytest.fixture(scope="module")
def behind(outside: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("gate")

    def answers(asked: Any) -> Any:
        if asked.path != "/mcp":
            return outside.whole({"said": ANSWER})
        if "id" not in asked.tree:
            return outside.whole(b"", 202)
        return outside.whole({"jsonrpc": "2.0", "id": asked.tree["id"], "result": _mcp_results()[asked.tree["method"]]})

    tools = outside.model(answers)
    url, local = f"http://127.0.0.1:{tools.port}", {"networks": ["127.0.0.0/8"]}
    (folder / "api.json").write_text(json.dumps(_openapi()), encoding="utf-8")
    policy = MCP_POLICY + rules("posts/")
    policy += "".join(rules("api/", f"{method.lower()}_", _member(method)) for method in HTTP_METHODS)
    settings = {
        "mcp": {"servers": {"shop": {"url": f"{url}/mcp", "protocol": "2026-07-28"}}},
        "http_tools": {
            "posts": {"url": url, "posts": {name: f"/posted/{name}" for name in EFFECTS.values()}, **local},
            "api": {"url": url, "openapi": "api.json", **local},
        },
        **ROOMY,
    }
    with outside.running_gate(folder, policy, **settings) as gate:
        yield Behind(gate, tools)
    tools.close()


class Pipes:
    """The same for a server behind `leastward mcp -- CMD`: a real process, and its pipes."""

    def __init__(self, folder: Path, outside: Any) -> None:
        (folder / "gate.lw").write_text(MCP_POLICY, encoding="utf-8")
        config = {"policies": ["*.lw"], "database": "gate.db", "log": {"level": "error"}, **ROOMY}
        (folder / "leastward.yaml").write_text(json.dumps(config), encoding="utf-8")
        (folder / "results.json").write_text(json.dumps(_mcp_results()), encoding="utf-8")
        command = [sys.executable, "-c", "import sys; from server.cli import main; sys.exit(main())", "mcp"]
        server = [sys.executable, str(Path(__file__).with_name("pipe_server.py")), "results.json", "asked.log"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        self.process = subprocess.Popen(
            [*command, "--name", "shop", "--", *server],
            cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.seen = 0
        self.sessions: dict[tuple[str, str], dict[str, str]] = {}
        self.gate = SimpleNamespace(records=lambda after: outside.read_records(folder / "gate.db", after))
        self.tools = self
        self._log = folder / "asked.log"

    @property
    def asked(self) -> list[Any]:
        lines = self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []
        messages = [json.loads(line) for line in lines]
        return [SimpleNamespace(path="/mcp", tree=message) for message in messages]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One line, and the one line of its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(body).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return SimpleNamespace(status=200, body=line, tree=json.loads(line), headers={"mcp-session-id": "pipes"})

    def end(self) -> None:
        assert self.process.communicate(timeout=20)[0] == b"", "a line that answers nothing"
        assert self.process.returncode == 0


@pytest.fixture(scope="module")
def pipes(outside: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipes]:
    made = Pipes(tmp_path_factory.mktemp("pipes"), outside)
    yield made
    made.end()


def _mcp(behind: Behind | Pipes, row: Row, tool: str) -> Any:
    method, version = row.form.split(" ")
    of_server = row.route != "/mcp"
    path = "/mcp/shop" if of_server else "/mcp"
    every: dict[str, dict[str, Any]] = {
        "tools/call": {"name": tool if of_server else f"shop__{tool}", "arguments": {"to": SECRET}},
        "resources/read": {"uri": tool},
        "prompts/get": {"name": tool, "arguments": {"to": SECRET}},
        "completion/complete": {
            "ref": {"type": "ref/prompt", "name": SECRET},
            "argument": {"name": "x", "value": tool},
        },
    }
    params = every[method]
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    if version in MODERN_PROTOCOL_VERSIONS:
        said = {"io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {}}
        params["_meta"] = said
        name = params.get("uri" if method == "resources/read" else "name")
        named = {} if name is None else {"mcp_name": name}
        return behind.send("POST", path, message, mcp_protocol_version=version, mcp_method=method, **named)
    key = (path, version)
    if key not in behind.sessions:
        hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
        opened = behind.send("POST", path, {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})
        assert opened.status == 200, opened.body
        behind.sessions[key] = {"mcp_session_id": opened.headers["mcp-session-id"], "mcp_protocol_version": version}
    return behind.send("POST", path, message, **behind.sessions[key])


def _http(behind: Behind, row: Row, tool: str) -> Any:
    if row.route.startswith("/tools"):
        path = f"/tools/posts/{tool}" if "{server}" in row.route else f"/tools/{tool}"
        return behind.send("POST", path, {"to": SECRET})
    if row.form in ("GET", "DELETE"):
        return behind.send(row.form, f"/proxy/api/{tool}?to={SECRET}")
    return behind.send(row.form, f"/proxy/api/{tool}", {"to": SECRET})


def _code(row: Row, got: Any) -> str | None:
    """The code of the refusal that the client was told, None for none."""
    if row.door != "mcp":
        return None if got.status == 200 else got.tree["error"]["code"]
    if "error" in got.tree:
        return str(got.tree["error"]["data"]["code"])
    refusal = got.tree["result"].get("_meta", {}).get("leastward/refusal")
    return None if refusal is None else str(refusal["code"])


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[Row, str], str]:
    return {}


CELLS = [(row, column) for row in (*MCP_ROWS, *PIPE_ROWS, *HTTP_ROWS) for column in EFFECTS]


@pytest.mark.parametrize(("row", "column"), CELLS, ids=lambda x: x if isinstance(x, str) else " ".join(x))
def test_only_what_was_released_reaches_the_tool(
    request: pytest.FixtureRequest, outcomes: dict[tuple[Row, str], str], row: Row, column: str
) -> None:
    behind = request.getfixturevalue("pipes" if row.route == PIPE else "behind")
    tool, asked = EFFECTS[column], len(behind.tools.asked)
    got = (_mcp if row.door == "mcp" else _http)(behind, row, tool)
    reached = [one for one in behind.tools.asked[asked:] if not _is_handshake(one)]
    record = [one for one in behind.gate.records(after=behind.seen) if one["kind"] == "decision"]
    behind.seen = record[-1]["position"] if record else behind.seen
    released = column in ("allow", "rewrite")
    assert [one["effect"] for one in record] == [WANTED[column]], got.body
    assert record[0]["door"] == row.door
    assert len(reached) == released, got.body
    assert (ANSWER in got.body.decode()) == released
    assert SECRET not in got.body.decode()
    code = _code(row, got)
    assert (code is None) == released
    if released:
        sent = f"{reached[0].path} {json.dumps(reached[0].tree)}"
        assert (HARMLESS in sent) == (column == "rewrite"), sent
        given = tool if row.form.startswith(tuple(READS)) else SECRET
        assert (given in sent) == (column == "allow"), sent
    outcomes[row, column] = {"allow": "released", "rewrite": "released as rewritten"}.get(column, str(code))


def _is_handshake(asked: Any) -> bool:
    return asked.path == "/mcp" and asked.tree.get("method") in ("server/discover", "tools/list")


# --- without a socket -------------------------------------------------------------------------------------------------


def _inside(folder: Path, row: Row, tool: str) -> tuple[list[dict[str, Any]], str | None]:
    """What the tool was run with, and the code that the agent was told."""
    ran: list[dict[str, Any]] = []

    async def reach(arguments: dict[str, Any]) -> ToolAnswer:
        ran.append(arguments)
        return ToolAnswer(ANSWER)

    async def steps(door: Door) -> str | None:
        values: Mapping[str, Any] = {"to": SECRET}
        given = json.dumps(values) if row.form == "JSON text" else values
        if row.door == "hook":
            name = f"mcp__shop__{tool}" if "mcp__" in row.form else tool
            event = {"hook_event_name": "PreToolUse", "tool_name": name, "tool_input": values, "tool_use_id": "t"}
            told = (await door.hook(allows=True).answer(event))["hookSpecificOutput"]
            if told["permissionDecision"] == "allow":
                ran.append(told.get("updatedInput", values))
                return None
            assert SECRET not in json.dumps(told)
            return str(told["permissionDecisionReason"]).removeprefix("leastward: ").partition(".")[0]
        if row.route == "Door.call":
            outcome = await door.call(tool, given, reach)
            return outcome.refusal.code if isinstance(outcome, Withheld) else None
        ruled = await door.decide(tool, given)
        if isinstance(ruled, Withheld):
            return ruled.refusal.code
        ran.append(ruled.arguments)
        return None

    async def opened() -> str | None:
        async with open_gate(folder / "leastward.yaml", Principal("t", "a")) as door:
            return await steps(door)

    return ran, asyncio.run(opened())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("inside")
    (made / "gate.lw").write_text("language 1\n" + rules("") + rules("shop/"), encoding="utf-8")
    (made / "leastward.yaml").write_text("policies: ['*.lw']\ndatabase: gate.db\n", encoding="utf-8")
    return made


@pytest.mark.parametrize("column", EFFECTS)
@pytest.mark.parametrize("row", PROCESS_ROWS, ids=" ".join)
def test_only_what_was_released_is_run(
    folder: Path, outside: Any, outcomes: dict[tuple[Row, str], str], row: Row, column: str
) -> None:
    ran, code = _inside(folder, row, EFFECTS[column])
    record = [one for one in outside.read_records(folder / "gate.db") if one["kind"] == "decision"][-1]
    assert (record["door"], record["effect"]) == (row.door, WANTED[column])
    value = {"allow": SECRET, "rewrite": HARMLESS}.get(column)
    assert ran == ([] if value is None else [{"to": value}])
    assert (code is None) == (value is not None)
    outcomes[row, column] = {"allow": "released", "rewrite": "released as rewritten"}.get(column, str(code))


def test_the_page_says_what_was_seen(outcomes: dict[tuple[Row, str], str], page: Callable[..., None]) -> None:
    rows = [*MCP_ROWS, *PIPE_ROWS, *HTTP_ROWS, *PROCESS_ROWS]
    if len(outcomes) < len(rows) * len(EFFECTS):
        pytest.skip("not every cell was played in this run")
    shown = [[f"`{row.route}`", f"`{row.form}`", *(outcomes[row, column] for column in EFFECTS)] for row in rows]
    page("tools", ["route", "form of call", *EFFECTS], shown)
