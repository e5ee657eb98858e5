"""The same three ways with the whole gate: `leastward serve` under a mixed load, whole and streamed.

Each call has an argument of its own (`tok-7-a`), so every byte that leaves can be traced to the Record that covers it.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.store import Store

POLICY = """language 1
allow pay(...) as ok when not has bad
forbid pay as never when has bad message "Not that."
"""
KINDS = ("plain", "parallel", "mixed", "written", "again")
TOKEN = re.compile(rb"tok-[0-9]+-[a-z]")
SETTINGS: dict[str, Any] = {"refusals": {"per_run_limit": 10_000}}


def arguments(token: str, *, bad: bool = False) -> str:
    return json.dumps({"to": token, **({"bad": 1} if bad else {})})


def said(number: str, kind: str, asked_again: bool) -> dict[str, Any]:
    """What the model says to a request, by its kind; calls of a kind have the letters a, b, c."""
    first, second = f"tok-{number}-a", f"tok-{number}-b"
    match kind:
        case "plain":
            return {"text": "Well.", "calls": [["pay", arguments(first)]]}
        case "parallel":
            return {"calls": [["pay", arguments(first)], ["pay", arguments(second)]]}
        case "mixed":
            return {"text": "Both.", "calls": [["pay", arguments(first, bad=True)], ["pay", arguments(second)]]}
        case "written":
            call = f'{{"name": "pay", "arguments": {arguments(first)}}}'
            return {"text": f"Hm. <tool_call>{call}</tool_call>"}
    if asked_again:
        return {"text": "Then so.", "calls": [["pay", arguments(second)]]}
    return {"calls": [["pay", arguments(first, bad=True)]]}


@pytest.fixture
def answers(outside: Any) -> Callable[[Any], Any]:
    def answer(asked: Any) -> Any:
        messages = asked.tree["messages"]
        number, kind = messages[0]["content"].split()
        return outside.saying(said(number, kind, asked_again=len(messages) > 1))(asked)

    return answer


def load(gate: Any, first: int, workers: int, each: int | None) -> tuple[list[threading.Thread], set[str]]:
    """Begin `workers` clients of `each` exchanges (None: until the gate is gone). The set grows with every token that a
    client receives."""
    received: set[str] = set()

    def work(worker: int) -> None:
        number = first + worker
        done = 0
        while each is None or done < each:
            try:
                answer = gate.client.chat(f"{number} {KINDS[number % 5]}", stream=number % 2 == 0)
            except (OSError, http.client.HTTPException):
                assert each is None
                return
            received.update(token.decode() for token in TOKEN.findall(answer.body))
            assert each is None or answer.status == 200
            number += workers
            done += 1

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    return threads, received


def recorded(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {record["payload"]["to"]: record for record in records}


# --- the first and the second way, from one trace ---------------------------------------------------------------------


def child_of(pid: int) -> int:
    """The process that strace started."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("workers", [1, 12])
def test_no_call_leaves_a_real_gate_before_its_record_is_synced(
    tmp_path: Path,
    start_process: Callable[..., Any],
    answers: Callable[[Any], Any],
    traced: list[str],
    check_trace: Callable[..., tuple[list[Any], int]],
    replay: Callable[..., Iterator[set[str]]],
    new_disk: Callable[..., Any],
    workers: int,
) -> None:
    start_process(POLICY, answers=answers, **SETTINGS).end()  # makes the database, and leaves it as it is on disk
    disk = new_disk([tmp_path / "gate.db"])
    trace = tmp_path / "trace"
    gate = start_process(POLICY, answers=answers, **SETTINGS, before=[*traced, "-o", str(trace)])
    threads, received = load(gate, 1000, workers, 240 // workers)
    for thread in threads:
        thread.join()
    by_token = recorded(gate.records())
    os.kill(child_of(gate.process.pid), signal.SIGTERM)
    gate.process.wait(60)

    def releases(data: bytes) -> Iterable[str]:
        return [by_token[token.decode()]["id"] for token in TOKEN.findall(data)]

    allowed = {token for token, record in by_token.items() if record["effect"] == "allow"}
    assert received == allowed
    assert len(allowed) == 240 // 5 * 6
    assert len(by_token) == 240 // 5 * 8
    lines = trace.read_text(encoding="latin-1").splitlines()
    violations, count = check_trace(lines, releases)
    assert violations == []
    assert count >= len(allowed)
    print(f"{workers} clients: {count} writes of calls to sockets, each after a sync of its record")

    cuts = 0
    for released in replay(lines, releases, disk):
        disk.cut(tmp_path / "cut")
        store = Store.open(tmp_path / "cut" / "gate.db")
        assert store.verify().problems == ()
        with store.rows() as rows:
            assert released <= {row.id for row in rows}
        cuts += 1
    assert cuts >= 20
    print(f"{workers} clients: every released record was found in {cuts} cuts of the files")


@pytest.mark.long
def test_the_checker_sees_a_call_that_leaves_a_moment_too_early(
    tmp_path: Path, start_process: Callable[..., Any], answers: Callable[[Any], Any], traced: list[str],
    check_trace: Callable[..., tuple[list[Any], int]],
) -> None:  # fmt: skip
    """The trace of a good gate with its syncs failed, as if the gate had not waited for them."""
    trace = tmp_path / "trace"
    gate = start_process(POLICY, answers=answers, **SETTINGS, before=[*traced, "-o", str(trace)])
    threads, _ = load(gate, 0, 2, 10)
    for thread in threads:
        thread.join()
    by_token = recorded(gate.records())
    os.kill(child_of(gate.process.pid), signal.SIGTERM)
    gate.process.wait(60)

    def releases(data: bytes) -> Iterable[str]:
        return [by_token[token.decode()]["id"] for token in TOKEN.findall(data)]

    lines = trace.read_text(encoding="latin-1").splitlines()
    assert check_trace(lines, releases)[0] == []
    without = [re.sub(r"(fdatasync.*= )0$", r"\g<1>-1 EIO (Input/output error)", line) for line in lines]
    violations, count = check_trace(without, releases)
    assert len(violations) == count > 20


# --- the third way ----------------------------------------------------------------------------------------------------


def kill_rounds(tmp_path: Path, start_process: Callable[..., Any], answers: Callable[[Any], Any], rounds: int) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    received: set[str] = set()
    for number in range(rounds):
        gate = start_process(POLICY, answers=answers, **SETTINGS)
        threads, fresh = load(gate, number * 1_000_000, 6, None)
        pause = threading.Event()
        for _ in range(3000):
            if len(fresh) > 5:
                break
            pause.wait(0.01)
        pause.wait(chance.random() * 0.3)
        gate.end(signal.SIGKILL)
        for thread in threads:
            thread.join()
        received |= fresh
        store = Store.open(tmp_path / "gate.db")
        assert store.verify().problems == (), f"seed {seed}, round {number}"
        records = recorded(gate.records())
        assert received <= records.keys(), f"seed {seed}, round {number}"
        assert {records[token]["effect"] for token in received} == {"allow"}
    assert Store.open(tmp_path / "gate.db").verify().chains == rounds
    assert len(received) > rounds * 5
    print(f"{rounds} kills: {len(received)} received calls, all recorded")


def test_three_kills_of_the_gate(tmp_path: Path, start_process: Callable[..., Any], answers: Any) -> None:
    kill_rounds(tmp_path, start_process, answers, 3)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_thirty_kills_of_the_gate(tmp_path: Path, start_process: Callable[..., Any], answers: Any) -> None:
    kill_rounds(tmp_path, start_process, answers, 30)
