"""Durability, first way: in a system-call trace, every release comes after a completed sync that covers its record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RECORD = "dec-06h06no0623d76spomm1mjtujs"
WAL, SOCKET = "5</d/r.db-wal>", "7<socket:[1]>"
PAGE = f'pwrite64({WAL}, "\\x00{RECORD}", 31, 56) = 31'
FRAME = f'pwrite64({WAL}, "{"x" * 4}\\x00\\x00\\x00\\x02{"x" * 16}", 24, 32) = 24'
MIDDLE = f'pwrite64({WAL}, "{"x" * 4}\\x00\\x00\\x00\\x00{"x" * 16}", 24, 32) = 24'
SYNC = f"fdatasync({WAL})            = 0"
SEND = f'sendto({SOCKET}, "HTTP {RECORD}\\n", 36, 0, NULL, 0) = 36'

Check = Callable[..., tuple[list[Any], int]]


@pytest.mark.parametrize(
    "lines",
    [
        [PAGE, FRAME, SYNC, SEND],
        [FRAME, PAGE, FRAME, SYNC, SEND],
        ["12 " + PAGE, "12 " + FRAME, f"12 fdatasync({WAL} <unfinished ...>", "12 <... fdatasync resumed>) = 0", SEND],
        ["[pid 12] " + PAGE, "[pid 12] " + FRAME, "[pid 12] " + SYNC, "[pid 13] " + SEND],
        [PAGE, FRAME, SYNC, f'writev({SOCKET}, [{{iov_base="a", iov_len=1}}, {{iov_base="{RECORD}", iov_len=30}}], 2)'],
    ],
)  # fmt: skip
def test_traces_that_hold(check_trace: Check, lines: list[str]) -> None:
    assert check_trace(lines) == ([], 1)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([SEND, PAGE, FRAME, SYNC], "was not written"),
        ([PAGE, SEND, FRAME, SYNC], "was not committed"),
        ([FRAME, PAGE, SYNC, SEND], "was not committed"),
        ([PAGE, MIDDLE, SYNC, SEND], "was not committed"),
        ([PAGE, FRAME, SEND, SYNC], "no sync"),
        ([PAGE, SYNC, FRAME, SEND], "no sync"),
        ([PAGE, FRAME, SYNC.replace("wal", "shm"), SEND], "no sync"),
        ([PAGE, FRAME, SYNC.replace("= 0", "= -1 EIO (Input/output error)"), SEND], "no sync"),
        ([PAGE, FRAME, f"12 fdatasync({WAL} <unfinished ...>", SEND, "12 <... fdatasync resumed>) = 0"], "no sync"),
        ([PAGE, FRAME, f"12 fdatasync({WAL} <unfinished ...>", "12 <... fdatasync resumed>) = -1", SEND], "no sync"),
        ([f"12 fdatasync({WAL} <unfinished ...>", PAGE, FRAME, "12 <... fdatasync resumed>) = 0", SEND], "no sync"),
        ([PAGE, FRAME, SYNC, SEND.replace('\\n"', '\\n"...')], "a part of this write"),
    ],
)  # fmt: skip
def test_traces_that_do_not(check_trace: Check, lines: list[str], message: str) -> None:
    (violation,), count = check_trace(lines)
    assert message in violation.message
    assert count == 1


@pytest.mark.long
@pytest.mark.parametrize("producers", [1, 40])
def test_every_release_comes_after_the_sync_of_its_record(
    check_trace: Check, traced: list[str], start_releaser: Callable[..., Any], tmp_path: Path, producers: int
) -> None:
    trace = tmp_path / "trace"
    releaser = start_releaser(tmp_path / "records.db", producers, 400, before=[*traced, "-o", str(trace)])
    released = releaser.rest()
    assert releaser.process.wait(60) == 0
    assert len(released) >= 400
    violations, count = check_trace(trace.read_text(encoding="latin-1").splitlines())
    assert violations == []
    assert count == len(released)


@pytest.mark.long
def test_a_server_that_releases_too_early_is_caught(
    check_trace: Check, traced: list[str], start_releaser: Callable[..., Any], tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    releaser = start_releaser(tmp_path / "records.db", 4, 50, early=True, before=[*traced, "-o", str(trace)])
    released = releaser.rest()
    assert releaser.process.wait(60) == 0
    violations, _ = check_trace(trace.read_text(encoding="latin-1").splitlines())
    assert {violation.record for violation in violations} == set(released)
