"""Servers of tools that play scripts on loopback sockets, and a gate on HTTP in front of them."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from server.app import Gate
from server.exchange import Scope
from server.listening import listening
from server.settings import Settings
from server.settings_tools import ToolServerSettings
from server.tools import HttpTools, open_servers
from server.wiring import build


class ToolServer:
    """Answers each request by the bytes that stand under its `METHOD /path`; `seen` are the requests as they came."""

    def __init__(self, answers: dict[str, bytes], tls: ssl.SSLContext | None = None) -> None:
        self.answers = answers
        self.seen: list[bytes] = []
        self.lines = 0
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self.lines += 1
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(line.close)
            if self._tls is not None:
                line = self._tls.wrap_socket(line, server_side=True)
                stack.callback(line.close)
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    more = line.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, data = data.partition(b"\r\n\r\n")
                length = next(
                    (int(row[15:]) for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")), 0
                )
                while len(data) < length:
                    data += line.recv(65536)
                body, data = data[:length], data[length:]
                self.seen.append(head + b"\r\n\r\n" + body)
                method, target = head.split(b" ")[:2]
                place = f"{method.decode()} {target.decode().partition('?')[0]}"
                line.sendall(self.answers.get(place, plain(404, b'{"no":"tool"}')))


def plain(status: int, body: bytes = b"", kind: str = "application/json", *lines: str) -> bytes:
    """One whole answer."""
    rows = [
        f"HTTP/1.1 {status} X",
        f"content-length: {len(body)}",
        *([f"content-type: {kind}"] if body else []),
        *lines,
    ]
    return ("\r\n".join(rows) + "\r\n\r\n").encode() + body


@dataclasses.dataclass
class Front:
    """A gate that listens, and its call key."""

    port: int
    key: str
    store: Any

    def ask(
        self, method: str, target: str, body: bytes | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> tuple[int, dict[str, str], bytes]:
        rows = [("host", "127.0.0.1"), ("authorization", f"Bearer {self.key}"), ("connection", "close"), *headers]
        if body is not None:
            rows.append(("content-length", str(len(body))))
            if not any(name == "content-type" for name, _ in headers):
                rows.append(("content-type", "application/json"))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in rows)
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as line:
            line.sendall(head.encode() + b"\r\n" + (body or b""))
            data = b""
            while more := line.recv(65536):
                data += more
        top, _, rest = data.partition(b"\r\n\r\n")
        lines = top.decode().split("\r\n")
        return int(lines[0].split(" ")[1]), dict(row.lower().split(": ", 1) for row in lines[1:]), rest


@contextlib.contextmanager
def front(folder: Path, policy: str, http_tools: dict[str, Any], names: dict[str, str]) -> Iterator[Front]:
    """A whole gate: store, policy, ToolGate, HTTP. `names` is what the name service knows."""

    async def resolve(host: str, port: int) -> list[str]:
        if host not in names:
            raise OSError("no such name")
        return names[host].split(" ")

    (folder / "gate.lw").write_text(policy)
    settings = Settings.model_validate({"listen": {"port": 0}})
    chosen = {name: ToolServerSettings.model_validate(one) for name, one in http_tools.items()}
    house = build(settings, folder)
    tools = HttpTools(house.tools, open_servers(chosen, folder, resolve))

    @contextlib.asynccontextmanager
    async def life(_: Any) -> AsyncIterator[None]:
        async with house.running():
            yield
            tools.close()

    app = Gate(dataclasses.replace(house.app._services, tools=tools), life)
    listener = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(listening(app, settings, house.metrics))
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    try:
        pause = threading.Event()
        while not running.started:
            assert thread.is_alive()
            pause.wait(0.01)
        secret, _ = house.store.issue_key("t", "a", [Scope.CALL])
        while house.store.caller_for(secret) is None:
            pause.wait(0.01)
        yield Front(listener.getsockname()[1], secret, house.store)
    finally:
        running.should_exit = True
        thread.join(20)
        listener.close()


@pytest.fixture(scope="module")
def module_server() -> Iterator[Callable[..., ToolServer]]:
    """As `tool_server`, for a whole module."""
    with contextlib.ExitStack() as stack:

        def start(answers: dict[str, bytes]) -> ToolServer:
            one = ToolServer(answers)
            stack.callback(one.close)
            return one

        yield start


@pytest.fixture(scope="module")
def module_gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Front]]:
    """As `gate_before`, for a whole module."""
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp("gate")
        yield lambda policy, tools, names: stack.enter_context(front(folder, policy, tools, names))


@pytest.fixture(name="plain", scope="session")
def plain_fixture() -> Callable[..., bytes]:
    return plain


@pytest.fixture
def tool_server() -> Iterator[Callable[..., ToolServer]]:
    """Start servers of tools; they end with the test."""
    started: list[ToolServer] = []

    def start(answers: dict[str, bytes], tls: ssl.SSLContext | None = None) -> ToolServer:
        started.append(ToolServer(answers, tls))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def gate_before(tmp_path: Path) -> Iterator[Callable[..., Front]]:
    """Start a gate with a policy, HTTP tools and names of the test's own."""
    with contextlib.ExitStack() as stack:
        yield lambda policy, tools, names=(): stack.enter_context(front(tmp_path, policy, tools, dict(names)))
