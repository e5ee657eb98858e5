"""Every case of the attack corpus for a model's answer, and every raw HTTP one, through one real gate.

One server process, one policy file: each case is an agent with its own key, and its rules stand in its agent's scope.
The upstream is a socket that answers with exactly the bytes of the case; it tells cases apart by the model's name.
Cases whose audit store is broken run while another connection holds the database's write lock. Where a case tells of a
judge or of approvals, somebody.py plays them; a judge needs litellm (extra `llm`), without which those are left out.
`python -m evals.attack.run [--data FILE] [--json]`
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from server.exchange import Scope
from server.store import Store

from .cases import Arrived, Case, outcome, read_cases
from .clients import CLIENTS, Calls
from .listening import Listening
from .neutral import policy_text
from .somebody import EXPIRED, JUDGE_SECONDS, Judge, Person, prior

CORPUS = Path(__file__).resolve().parents[2] / "tests" / "corpus" / "attack" / "cases.jsonl"
BROKEN_STORES = ("pool_timeout", "commit_ack_lost")


@dataclass(frozen=True, slots=True)
class Result:
    case: Case
    got: str
    status: int
    milliseconds: float

    @property
    def as_labelled(self) -> bool:
        return self.got in self.case.expected


class ScriptedUpstream(Listening):
    """Answers each request with the bytes of the case named by its `model`, each chunk in a write of its own."""

    def __init__(self, cases: Mapping[str, Case]) -> None:
        self._cases = cases
        self.contacts: dict[str, int] = {}
        super().__init__()

    def _answer(self, connection: socket.socket) -> None:
        seen = b""
        while b"\r\n\r\n" not in seen:
            more = connection.recv(65536)
            if not more:
                return
            seen += more
        head, body = seen.split(b"\r\n\r\n", 1)
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        while len(body) < length:
            body += connection.recv(65536)
        name = json.loads(body)["model"]
        self.contacts[name] = self.contacts.get(name, 0) + 1
        for part in self._reply(self._cases.get(name)):
            connection.sendall(part)
            time.sleep(0.001)

    @staticmethod
    def _reply(case: Case | None) -> Iterator[bytes]:
        if case is None or case.protocol == "http":
            text = {"role": "assistant", "content": "hello"}
            body = json.dumps(
                {
                    "id": "x",
                    "object": "chat.completion",
                    "created": 1,
                    "model": "m",
                    "choices": [{"index": 0, "message": text, "finish_reason": "stop"}],
                }
            ).encode()
            yield (
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
                % len(body)
                + body
            )
        elif case.streams:
            yield b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
            yield from case.wire
        else:
            body = b"".join(case.wire)
            yield (
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
                % len(body)
                + body
            )


def _policy(cases: Sequence[Case]) -> str:
    blocks = ["language 1\n"]
    for case in cases:
        rules = policy_text(case.rules).removeprefix("language 1\n")
        for told in case.context.get("approvals", ()):
            if told["tool"] not in {rule["tool"] for rule in case.rules}:
                rules += f'ask "{told["tool"]}"(...)\n'
            if told["expires_at"] < case.context["now"]:
                rules = "\n".join(row + EXPIRED if row.startswith("ask ") else row for row in rules.split("\n"))
        blocks.append(f'for agent "{case.id}" {{\n{rules}}}\n')
    return "".join(blocks)


def _asking(judge: Judge) -> str:
    """The settings of a gate that asks it."""
    url = f"http://127.0.0.1:{judge.port}/v1"
    return f'judge: {{model: {{model: openai/judge, seconds: {JUDGE_SECONDS}, base_url: "{url}"}}}}\n'


@contextlib.contextmanager
def _gate(cases: Sequence[Case], judge: Judge) -> Iterator[tuple[int, Mapping[str, str], ScriptedUpstream, Path]]:
    """A real `leastward serve` with one key per case, and one under `""` for the person who approves: (port, keys by
    case, upstream, database)."""
    said = [case for one in cases for case in (one, prior(one)) if case is not None]
    upstream = ScriptedUpstream({case.id: case for case in said})
    with tempfile.TemporaryDirectory() as name, contextlib.closing(upstream):
        folder = Path(name)
        (folder / "cases.lw").write_text(_policy(cases), encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port: int = probe.getsockname()[1]
        config = folder / "leastward.yaml"
        config.write_text(
            f"listen: {{host: 127.0.0.1, port: {port}}}\n"
            f'policies: ["{folder}/cases.lw"]\ndatabase: "{folder}/gate.db"\n'
            f'upstreams: {{scripted: {{url: "http://127.0.0.1:{upstream.port}/v1", timeout: 20}}}}\n'
            + (_asking(judge) if any(case.is_judged for case in cases) else "")
        )
        with contextlib.closing(Store.open(folder / "gate.db")) as store:
            keys = {case.id: store.issue_key("corpus", case.id, {Scope.CALL})[0] for case in cases}
            keys[""] = store.issue_key("corpus", "desk", {Scope.APPROVE}, user="ann")[0]
        log = (folder / "gate.log").open("wb")
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from server.cli import main; sys.exit(main())",
                "serve",
                "--config",
                str(config),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "OPENAI_API_KEY": "scripted"},
        )
        try:
            deadline = time.monotonic() + 100  # importing litellm takes a busy machine long
            while not _ready(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "gate.log").read_text(errors="replace")[-4000:])
                time.sleep(0.05)
            yield port, keys, upstream, folder / "gate.db"
        finally:
            process.terminate()
            process.wait(20)
            log.close()


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False


def _wait(port: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not _ready(port):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the gate was not ready again within {seconds:g} seconds")
        time.sleep(0.05)


def _asked(case: Case, port: int, key: str) -> tuple[int, Calls]:
    client = CLIENTS[case.protocol]
    body = json.dumps(client.body(case.id, case.streams))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request(
            "POST", client.path, body, {"content-type": "application/json", "authorization": f"Bearer {key}"}
        )
        answer = connection.getresponse()
        try:
            text = answer.read().decode("utf-8", "replace")
        except http.client.IncompleteRead as cut:
            text = cut.partial.decode("utf-8", "replace")
        return answer.status, (client.streamed if case.streams and answer.status == 200 else client.whole)(text)


def _raw(case: Case, port: int, key: str) -> int:
    """Send the case's bytes with a real key in place of the corpus's, and read the status line."""
    body = b"".join(case.wire).replace(b"t-alice", key.encode()).replace(b'"model":"m"', b'"model":"m"')
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(body)
        seen = b""
        while b"\r\n" not in seen:
            more = connection.recv(4096)
            if not more:
                break
            seen += more
    return int(seen.split(b" ")[1]) if seen.startswith(b"HTTP/1.") else 0


def run(cases: Sequence[Case]) -> Iterator[Result]:
    """Each case's Result, in order."""
    with contextlib.closing(Judge()) as judge, _gate(cases, judge) as (port, keys, upstream, database):
        person = Person(port, keys[""])
        for case in cases:
            _wait(port)  # an earlier case may have kept the gate from its database
            judge.word = case.context.get("judge", "safe")
            if (earlier := prior(case)) is not None:
                person.plays(case, earlier, keys[case.id])
            with contextlib.ExitStack() as stack:
                if case.context.get("audit_store") in BROKEN_STORES:
                    stack.enter_context(_write_lock(database))
                before = sum(upstream.contacts.values())
                begun = time.perf_counter()
                calls: Calls = ()
                if case.protocol == "http":
                    status = _raw(case, port, keys[case.id])
                else:
                    status, calls = _asked(case, port, keys[case.id])
                took = (time.perf_counter() - begun) * 1e3
                contacted = sum(upstream.contacts.values()) > before
                yield Result(case, outcome(case, Arrived(status, calls, contacted)), status, took)


@contextlib.contextmanager
def _write_lock(database: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield


def wanted(path: Path) -> list[Case]:
    """The cases for a model's answer or raw HTTP; without those of a judge where nothing can ask one."""
    judged = find_spec("litellm") is not None
    return [case for case in read_cases(path) if case.protocol in (*CLIENTS, "http") and (judged or not case.is_judged)]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m evals.attack.run", description="the attack corpus through a real gate"
    )
    parser.add_argument("--data", type=Path, default=CORPUS, help="a corpus file (default: the project's own)")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(argv)
    cases = wanted(asked.data)
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    console = Console(stderr=asked.json)
    results = list(track(run(cases), total=len(cases), description="cases", console=console, transient=True))
    wrong = [r for r in results if not r.as_labelled]
    if asked.json:
        print(
            json.dumps(
                [
                    {"id": r.case.id, "expected": sorted(r.case.expected), "got": r.got, "status": r.status}
                    for r in results
                ]
            )
        )
    else:
        table = Table(title=f"{len(results) - len(wrong)} of {len(results)} cases as labelled")
        for column in ("class", "cases", "as labelled"):
            table.add_column(column)
        for group in dict.fromkeys(r.case.group for r in results):
            mine = [r for r in results if r.case.group == group]
            table.add_row(group, str(len(mine)), str(sum(r.as_labelled for r in mine)))
        console.print(table)
        for r in wrong:
            wanted_words = " or ".join(sorted(r.case.expected))
            console.print(f"{r.case.id}: expected {wanted_words}, got {r.got} (status {r.status}): {r.case.why}")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("NO_COLOR", "1")
    sys.exit(main())
