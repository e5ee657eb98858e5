"""What the durability tests share: a small real server on a Store, and a checker of system-call traces.

`check_trace` is generic: tests of the whole gate use it with their own idea of which writes release which records.
"""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELEASER = Path(__file__).with_name("releaser.py")
DECISION_ID = re.compile(rb"dec-[0-9a-v]{26}(?:\.[1-9])?")

TRACED = "write,writev,pwrite64,pwritev,sendto,sendmsg,sendmmsg,sendfile,fsync,fdatasync,unlink,ftruncate"

_LINE = re.compile(r"^(?:\[pid +)?(?P<pid>\d+)?\]? *(?P<rest>.*)$")
_RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>")
_CALL = re.compile(r"^(?P<name>\w+)\((?P<args>.*)$")
_FD = re.compile(r"^\d+<(?P<file>(?:[^<>]|->)*(?:<[^<>]*>)?[^<>]*)>")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?')
_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|[0-7]{1,3}|.)", re.DOTALL)
_NAMED = {"n": b"\n", "t": b"\t", "r": b"\r", "v": b"\v", "f": b"\f", '"': b'"', "\\": b"\\"}
_OFFSET = {"pwrite64": re.compile(r", \d+, (\d+)\D*$"), "ftruncate": re.compile(r">, (\d+)\D*$")}


@dataclass
class Call:
    """One system call of a trace; `start` and `end` are line numbers, `end` is None while it had not returned.

    `file` is what strace says of its descriptor, `data` all texts among its arguments, `cut` whether one was shortened,
    `offset` that of a pwrite64 or the length that an ftruncate leaves.
    """

    name: str
    file: str
    data: bytes
    cut: bool
    offset: int | None
    start: int
    end: int | None = None
    ok: bool = False


@dataclass(frozen=True)
class Violation:
    """A release that no completed sync covers."""

    line: int
    record: str
    message: str


@dataclass
class _Log:
    """What has been written to one WAL: where each record's bytes went, and which commits followed."""

    written: dict[str, int] = field(default_factory=dict)
    committed: list[int] = field(default_factory=list)
    synced: list[tuple[int, int]] = field(default_factory=list)


def parse_trace(lines: Iterable[str]) -> list[Call]:
    """The calls of `strace -f -y -x -s 65536` in order of their start."""
    calls: list[Call] = []
    unfinished: dict[tuple[str, str], Call] = {}
    for number, line in enumerate(lines):
        match = _LINE.match(line.rstrip("\n"))
        assert match is not None
        pid, rest = match["pid"] or "", match["rest"]
        if resumed := _RESUMED.match(rest):
            call = unfinished.pop((pid, resumed["name"]), None)
            if call is not None:
                call.end, call.ok = number, not re.search(r"= -\d+", rest)
        elif found := _CALL.match(rest):
            call = _call(found["name"], found["args"], number)
            calls.append(call)
            if rest.endswith("<unfinished ...>"):
                unfinished[pid, call.name] = call
            else:
                call.end, call.ok = number, not re.search(r"\) += -\d+", rest)
    return calls


def _call(name: str, args: str, number: int) -> Call:
    fd = _FD.match(args)
    texts = _TEXT.findall(args)
    plain = args.partition(" = ")[0] if name == "ftruncate" else args[args.rfind('"') :].partition(" = ")[0]
    offset = _OFFSET[name].search(plain) if name in _OFFSET else None
    return Call(
        name,
        fd["file"] if fd else "",
        b"".join(_bytes(text) for text, _ in texts),
        any(dots for _, dots in texts),
        int(offset[1]) if offset else None,
        number,
    )


def _bytes(text: str) -> bytes:
    parts: list[bytes] = []
    at = 0
    for escape in _ESCAPE.finditer(text):
        parts.append(text[at : escape.start()].encode("latin-1"))
        code = escape[1]
        if code[0] == "x":
            parts.append(bytes.fromhex(code[1:]))
        elif code[0] in "01234567":
            parts.append(bytes([int(code, 8)]))
        else:
            parts.append(_NAMED[code])
        at = escape.end()
    return b"".join([*parts, text[at:].encode("latin-1")])


def is_socket(call: Call) -> bool:
    return call.file.startswith(("socket:", "TCP", "UNIX", "unix"))


def ids_in(data: bytes) -> set[str]:
    return {found.decode() for found in DECISION_ID.findall(data)}


def check_trace(
    lines: Iterable[str], releases: Callable[[bytes], Iterable[str]] = ids_in, log_suffix: str = "-wal"
) -> tuple[list[Violation], int]:
    """Every socket write that releases a record against the syncs before it; also how many releases there were.

    `releases` says which record ids the bytes of one socket write set free. A release holds when, in this order: a page
    with the record's id was written to the WAL, the header of a commit frame was written (SQLite file format, section
    4.1: its bytes 4 to 7 are not zero), an fsync or fdatasync of the WAL began and returned without error, and only
    then the socket write began.
    """
    log = _Log()
    violations: list[Violation] = []
    count = 0
    calls = parse_trace(lines)
    for call in calls:
        if call.name.startswith("pwrite") and call.file.endswith(log_suffix):
            if len(call.data) == 24 and call.offset and call.data[4:8] != bytes(4):
                log.committed.append(call.start)
            for record in ids_in(call.data):
                log.written.setdefault(record, call.start)
        elif call.name in ("fsync", "fdatasync") and call.file.endswith(log_suffix):
            if call.end is not None and call.ok:
                log.synced.append((call.start, call.end))
        elif call.name in ("write", "writev", "sendto", "sendmsg", "sendmmsg") and is_socket(call):
            if call.cut:
                violations.append(Violation(call.start, "", "the trace holds a part of this write only"))
            for record in releases(call.data):
                count += 1
                if (message := _uncovered(log, record, call.start)) is not None:
                    violations.append(Violation(call.start, record, message))
    return violations, count


def _uncovered(log: _Log, record: str, release: int) -> str | None:
    written = log.written.get(record)
    if written is None:
        return "the record was not written before its release"
    commit = next((line for line in log.committed if line > written), None)
    if commit is None or commit > release:
        return "the record was not committed before its release"
    if not any(commit < start and end < release for start, end in log.synced):
        return "no sync of the record ended before its release"
    return None


class Disk:
    """Files as they are written, and as a power cut would leave them.

    Content counts from a completed sync of its file, being there or gone from a later completed sync of the directory.
    """

    def __init__(self, found: Iterable[Path] = ()) -> None:
        self.written = {str(path): bytearray(path.read_bytes()) for path in found}
        self.synced = {name: bytes(data) for name, data in self.written.items()}
        self.named = set(self.written)

    def write(self, name: str, offset: int, data: bytes) -> None:
        file = self.written.setdefault(name, bytearray())
        file.extend(bytes(max(0, offset + len(data) - len(file))))
        file[offset : offset + len(data)] = data

    def truncate(self, name: str, length: int) -> None:
        self.write(name, length, b"")
        del self.written[name][length:]

    def unlink(self, name: str) -> None:
        self.written.pop(name, None)

    def sync(self, name: str) -> Callable[[], None]:
        """Begin a sync; the result ends it. What is written meanwhile may not be covered, so it does not count."""
        image, names = bytes(self.written.get(name, b"")), set(self.written)

        def end() -> None:
            if name in names:
                self.synced[name] = image
            else:
                self.named = names

        return end

    def cut(self, place: Path) -> None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for name in self.named:
            (place / Path(name).name).write_bytes(self.synced.get(name, b""))


def replay(
    lines: Iterable[str], releases: Callable[[bytes], Iterable[str]], disk: Disk, every: int = 10
) -> Iterator[set[str]]:
    """Do to `disk` what a trace did to files. Yields all released by then, at each `every`-th release."""
    events: list[tuple[int, Callable[[], object]]] = []
    released: set[str] = set()
    for call in parse_trace(lines):
        if not call.ok or call.end is None:
            continue
        if call.name == "pwrite64" and call.offset is not None:
            events.append((call.end, partial(disk.write, call.file, call.offset, call.data)))
        elif call.name in ("fsync", "fdatasync"):
            ends: list[Callable[[], None]] = []
            events.append((call.start, partial(_begin, disk, call.file, ends)))
            events.append((call.end, partial(_end, ends)))
        elif call.name == "unlink":
            events.append((call.end, partial(disk.unlink, call.data.decode())))
        elif call.name == "ftruncate":
            assert call.offset is not None
            events.append((call.end, partial(disk.truncate, call.file, call.offset)))
        elif is_socket(call):
            events.append((call.start, partial(released.update, list(releases(call.data)))))
    last = 0
    for _, event in sorted(events, key=lambda timed: timed[0]):
        event()
        if len(released) // every > last:
            last = len(released) // every
            yield set(released)


def _begin(disk: Disk, name: str, ends: list[Callable[[], None]]) -> None:
    ends.append(disk.sync(name))


def _end(ends: list[Callable[[], None]]) -> None:
    ends.pop()()


@dataclass
class Releaser:
    """The small server (releaser.py) as a process, and the ids it let out."""

    process: subprocess.Popen[bytes]
    connection: socket.socket

    def read(self, count: int) -> list[str]:
        """The next `count` ids, or fewer if the process ends before."""
        data = b""
        while data.count(b"\n") < count and (more := self.connection.recv(65536)):
            data += more
        return [line.decode() for line in data.split(b"\n")[:-1]]

    def rest(self) -> list[str]:
        return self.read(sys.maxsize)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    def end(self) -> None:
        self.connection.close()
        self.process.wait(30)


@pytest.fixture
def start_releaser() -> Iterator[Callable[..., Releaser]]:
    """Start releaser.py on a database: `start(path, producers, total)`.

    `before` is a command to run it under; `early` makes it release before it commits.
    """
    started: list[Releaser] = []

    def start(path: Path, producers: int, total: int, *, early: bool = False, before: Iterable[str] = ()) -> Releaser:
        ours, its = socket.socketpair()
        with its:
            numbers = [str(number) for number in (producers, total, int(early), its.fileno())]
            command = [*before, sys.executable, str(RELEASER), str(path), *numbers]
            process = subprocess.Popen(command, cwd=ROOT, pass_fds=[its.fileno()])
        started.append(Releaser(process, ours))
        return started[-1]

    yield start
    for releaser in started:
        if releaser.process.poll() is None:
            releaser.kill()
        releaser.end()


@pytest.fixture
def traced() -> list[str]:
    """The command that traces what follows it, to be completed with `-o FILE`; skips where strace is missing."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: the order of writes, syncs and releases cannot be watched")
    return [strace, "-f", "-y", "-x", "-s", "65536", "-e", f"trace={TRACED}"]


@pytest.fixture(name="check_trace")
def _check_trace() -> Callable[..., tuple[list[Violation], int]]:
    return check_trace


@pytest.fixture(name="ids_in")
def _ids_in() -> Callable[[bytes], set[str]]:
    return ids_in


@pytest.fixture(name="replay")
def _replay() -> Callable[..., Iterator[set[str]]]:
    return replay


@pytest.fixture(name="new_disk")
def _new_disk() -> type[Disk]:
    return Disk
