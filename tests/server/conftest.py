"""A real gate on HTTP: uvicorn in a thread, the strict protocol, a real store and real policies. Only `ask`, the port
behind which the lead's choke point stands, is a function of the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from policy_dsl import strict_json
from server.app import Gate
from server.approvals import Approvals
from server.exchange import Answer, Caller, Scope, Streamed, Whole
from server.listening import listening
from server.metrics import Metrics
from server.policies import Policies
from server.services import Services
from server.settings import Settings
from server.store import Run, Store
from server.wire import Dialect, openai_error

POLICY = "language 1\nallow get_weather(city)\nallow search(...)\nforbid delete_user\n"


@dataclass
class Behind:
    """What stands behind the edge in tests: it remembers what reached it and answers as it is told."""

    seen: list[tuple[Caller, Run, bytes]] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=lambda: [b"data: 1\n\n", b"data: [DONE]\n\n"])
    forever: bool = False
    fail: bool = False
    break_after_parts: bool = False
    hang: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)

    async def acts(self, caller: Caller, run_id: str, body: bytes) -> Whole:
        return Whole(200, strict_json.encode({"run": run_id}))

    async def ask(self, dialect: Dialect, caller: Caller, run: Run, body: bytes) -> Answer:
        self.seen.append((caller, run, body))
        self.entered.set()
        if self.fail:
            raise KeyError("a secret that the client sent")
        if self.hang:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        try:
            tree = strict_json.parse(body)
        except strict_json.StrictJsonError as error:
            return Whole(400, openai_error(400, "not strict JSON", code=error.code))
        if isinstance(tree, dict) and tree.get("stream"):
            return Streamed(200, self.stream(), {"x-leastward-decision": "dec-1"})
        return Whole(200, body, {"x-leastward-decision": "dec-1", "x-leastward-run": run.id})

    async def aside(self, dialect: Dialect, path: str, read: Any, caller: Caller, run: Run, body: bytes) -> Answer:
        return Whole(200, b'{"input_tokens":1}')

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            for part in self.parts:
                yield part
            while self.forever:
                await asyncio.sleep(0.01)
                yield b"data: more\n\n"
            if self.break_after_parts:
                raise RuntimeError("the stream broke")
        finally:
            self.closed.set()

    async def models(self, caller: Caller) -> Whole:
        return Whole(200, b'{"object":"list","data":[]}')

    async def decide(self, caller: Caller, body: bytes) -> Whole:
        return Whole(200, b'{"effect":"forbid"}')


@dataclass
class Running:
    """A gate that listens on 127.0.0.1:`port`."""

    port: int
    store: Store
    policies: Policies
    metrics: Metrics
    behind: Behind
    gate: Gate
    key: str
    folder: Path
    issued: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def issue(self, *scopes: Scope, tenant: str = "t", agent: str = "a") -> str:
        """A key with exactly these scopes that works at once: the store has been seen to know it."""
        wanted = (frozenset(scopes), tenant, agent)
        if wanted not in self.issued:
            secret, _ = self.store.issue_key(tenant, agent, scopes)
            wait_for(lambda: self.store.caller_for(secret) is not None)
            self.issued[wanted] = secret
        return self.issued[wanted]

    def raw(self, data: bytes, *, pieces: int = 1, then_read: float = 10.0) -> bytes:
        """Send bytes as they are and read until the server closes or has sent one whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=then_read) as line:
            size = max(1, -(-len(data) // pieces))
            with contextlib.suppress(ConnectionError):
                for start in range(0, len(data), size):
                    line.sendall(data[start : start + size])
            return read_answer(line)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        key: str | None = "",
    ) -> tuple[int, dict[str, str], bytes]:
        """One plain request. `key` is the call key unless another (or None for no key) is given."""
        lines = {"host": "127.0.0.1", **(headers or {})}
        if key is not None:
            lines.setdefault("authorization", f"Bearer {key or self.key}")
        if body is not None:
            lines.setdefault("content-type", "application/json")
            lines.setdefault("content-length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return parsed(self.raw(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")))


def read_answer(line: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        while more := line.recv(65536):
            data = (data + more).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
            head, found, body = data.partition(b"\r\n\r\n")
            if found:
                length = next((row for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")), None)
                if length is not None and len(body) >= int(length.split(b":")[1]):
                    break
                if length is None and body.endswith(b"0\r\n\r\n"):
                    break
    return data


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head:
        return 0, {}, b""
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, body


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something that another thread does has happened."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


@contextlib.contextmanager
def running_gate(folder: Path, **settings: Any) -> Iterator[Running]:
    """A gate with its own database and policies under `folder`."""
    (folder / "gate.lw").write_text(POLICY)
    chosen = Settings.model_validate({"database": str(folder / "gate.db"), **settings})
    metrics, behind = Metrics(), Behind()
    policies = Policies(chosen.policies, folder=folder, reloaded=metrics.policy_reload)
    policies.load()
    with Store.open(chosen.database) as store:
        queue = Approvals(store, lambda: datetime.now(UTC))
        services = Services(
            chosen, behind.ask, behind.aside, behind.models, behind.decide, behind.acts, store, policies, metrics, queue
        )

        @contextlib.asynccontextmanager
        async def lifespan(_: Any) -> AsyncIterator[None]:
            watching = asyncio.create_task(policies.watch(0.05))
            yield
            watching.cancel()

        gate = Gate(services, lifespan)
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(listening(gate, chosen, metrics))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            wait_for(lambda: server.started)
            gate_running = Running(listener.getsockname()[1], store, policies, metrics, behind, gate, "", folder)
            gate_running.key = gate_running.issue(Scope.CALL)
            yield gate_running
        finally:
            server.should_exit = True
            thread.join(20)
            listener.close()
            assert not thread.is_alive()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a gate with settings of the test's own."""
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running_gate(tmp_path, **settings))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One gate for a whole module."""
    with running_gate(tmp_path_factory.mktemp("gate")) as gate:
        yield gate


@pytest.fixture
def gate(running: Running) -> Running:
    """The module's gate, with what stands behind it as new."""
    running.behind.__init__()  # type: ignore[misc]
    return running


@pytest.fixture(name="parsed")
def parsed_fixture() -> Callable[[bytes], tuple[int, dict[str, str], bytes]]:
    return parsed


@pytest.fixture(name="read_answer")
def read_answer_fixture() -> Callable[[socket.socket], bytes]:
    return read_answer


@pytest.fixture(name="wait_for")
def wait_for_fixture() -> Callable[..., None]:
    return wait_for


@pytest.fixture
def code_of() -> Callable[[bytes], str]:
    """The code of an error body in the shape of one of the APIs: OpenAI's, Anthropic's, or JSON-RPC's."""

    def code(body: bytes) -> str:
        tree = json.loads(body)
        error = tree["error"]
        if tree.get("jsonrpc") == "2.0":
            assert set(tree) == {"jsonrpc", "id", "error"}
            assert set(error) == {"code", "message", "data"}
            return str(error["data"]["code"])
        shape = {"type", "message", "code"} if tree.get("type") == "error" else {"message", "type", "param", "code"}
        assert set(error) == shape
        return str(error["code"])

    return code
