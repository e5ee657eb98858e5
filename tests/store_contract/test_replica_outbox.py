"""server/approvals/webhook.py and server/store/outbox.py: two processes of `leastward serve` on one PostgreSQL tell of
each ask once, and one goes on with what the other had taken when it was killed."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from server.exchange import Scope
from server.store import Store

POLICY = "language 1\nask pay(to, amount)\n"
WEBHOOK = {"secret": "a secret of thirty-two characters", "timeout": 1}


class Receiver(ThreadingHTTPServer):
    """Counts what it is told by the id of the approval. While `kills`, it ends whoever tells it and does not answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Telling)
        self.told: Counter[str] = Counter()
        self.gates: dict[int, subprocess.Popen[bytes]] = {}
        self.kills = False
        self.killed: list[int] = []

    def gate_at(self, port: int) -> int:
        """Which gate has the connection from this port."""
        processes = importlib.import_module("psutil")
        for number, gate in self.gates.items():
            with suppress(processes.NoSuchProcess):
                if any(one.laddr.port == port for one in processes.Process(gate.pid).net_connections()):
                    return number
        raise AssertionError("none of the gates told this")


class _Telling(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.told[self.headers["x-leastward-id"]] += 1
        if self.server.kills:
            number = self.server.gate_at(self.client_address[1])
            self.server.gates[number].send_signal(signal.SIGKILL)
            self.server.killed.append(number)
            self.server.kills = False
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest shows what a test prints."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_ask_is_told_once_by_whoever_is_alive(
    receiver: Receiver, postgres_server: Any, outside: Any, tmp_path: Path
) -> None:
    url, root = postgres_server.copy(), Path(__file__).parents[2]
    webhook = {**WEBHOOK, "url": f"http://127.0.0.1:{receiver.server_port}/asked"}
    settings = {"database": url, "refusals": {"rounds": 0}, "approvals": {"webhook": webhook}}
    with ExitStack() as stack:
        call = outside.saying({"calls": [["pay", '{"to":"ann","amount":1}']]})
        model = stack.enter_context(closing(outside.model(call)))
        key, _ = Store.open(url).issue_key("t", "bot", [Scope.CALL, Scope.RUNS])
        clients = []
        for number in range(2):
            folder = tmp_path / str(number)
            folder.mkdir()
            port = outside.chosen_port()
            config = outside.write_config(folder, POLICY, model.port, port, **settings)
            log = stack.enter_context((folder / "gate.log").open("wb"))
            process = subprocess.Popen([*outside.serve, str(config)], cwd=root, stdout=log, stderr=log, env=os.environ)
            stack.callback(process.wait, 30)
            stack.callback(process.kill)
            receiver.gates[number] = process
            clients.append(outside.client(port, key))

        def ready(client: Any) -> bool:
            with suppress(OSError):
                return bool(client.ask("GET", "/readyz").status == 200)
            return False

        outside.wait_for(lambda: all(map(ready, clients)), 60)

        def ask(at: int) -> None:
            run = clients[at].ask("POST", "/v1/runs", b"").headers["x-leastward-run"]
            body = {"model": "m", "messages": [{"role": "user", "content": "pay"}], "tools": TOOLS}
            assert clients[at].ask("POST", "/v1/chat/completions", body, {"x-leastward-run": run}).status == 200

        for number in range(8):
            ask(number % 2)
        outside.wait_for(lambda: not waiting(url))
        assert list(receiver.told.values()) == [1] * 8

        before = set(receiver.told)
        receiver.kills = True
        ask(0)
        outside.wait_for(lambda: bool(receiver.killed) and not waiting(url))
        [name] = set(receiver.told) - before
        assert receiver.told[name] == 2, "the one that is alive told it again, as it was never answered"
        assert [receiver.gates[number].poll() is None for number in receiver.killed] == [False]
        assert sum(receiver.told.values()) == 10


TOOLS = [{"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}]


def waiting(url: str) -> int:
    """Asks that nobody took yet."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM leastward.approval_outbox").fetchone()
    assert row is not None
    return int(row[0])
