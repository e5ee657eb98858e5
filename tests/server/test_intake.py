"""server/intake.py: media types, encodings, and the bounds on a body."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from typing import Any

import pytest

CHAT = "/v1/chat/completions"
CAP = 4 * 1024 * 1024


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "Application/JSON ; charset=utf-8",
        "application/json;",
    ],
)
def test_json_is_read(kind: str, gate: Any) -> None:
    assert gate.ask("POST", CHAT, b"{}", {"content-type": kind})[0] == 200


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "",
        "application/jsonx",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; boundary=x",
        "application/json, text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/vnd.api+json",
        "text/json",
    ],
)
def test_nothing_else_is(kind: str, gate: Any, code_of: Any) -> None:
    status, _, body = gate.ask("POST", CHAT, b"{}", {"content-type": kind})
    assert (status, code_of(body)) == (415, "unsupported-media-type")
    assert gate.behind.seen == []


def test_no_content_type_at_all(gate: Any) -> None:
    lines = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {gate.key}\r\nContent-Length: 2\r\n\r\n{{}}"
    assert gate.raw(lines.encode()).startswith(b"HTTP/1.1 415")


def test_gzip_is_read(gate: Any) -> None:
    text = b'{"text":"' + b"abcdefgh" * 200 + b'"}'
    assert gate.ask("POST", CHAT, gzip.compress(text), {"content-encoding": "gzip"})[0] == 200
    assert gate.behind.seen[0][2] == text


@pytest.mark.parametrize(
    "coding", ["br", "deflate", "x-gzip", "gzip, gzip", "gzip, identity", "zstd", "compress", "chunked"]
)
def test_other_encodings_are_not(coding: str, gate: Any, code_of: Any) -> None:
    status, _, body = gate.ask("POST", CHAT, gzip.compress(b"{}"), {"content-encoding": coding})
    assert (status, code_of(body)) == (415, "unsupported-encoding")


@pytest.mark.parametrize(
    "data",
    [
        b"not gzip",
        gzip.compress(b"{}")[:-1],
        gzip.compress(b"{}") + b"x",
        gzip.compress(b"{}") + gzip.compress(b"{}"),
        zlib.compress(b"{}"),
        b"",
        gzip.compress(b"{}")[:-8] + bytes(8),
    ],
    ids=["not gzip", "cut", "more behind", "two members", "zlib", "empty", "wrong checksum"],
)
def test_gzip_that_is_not_one_whole_member(data: bytes, gate: Any, code_of: Any) -> None:
    status, _, body = gate.ask("POST", CHAT, data, {"content-encoding": "gzip"})
    assert (status, code_of(body)) == (400, "malformed-encoding")
    assert gate.behind.seen == []


@pytest.mark.parametrize("size", [64 * 1024 * 1024, CAP + 1], ids=["by ratio", "by size"])
def test_a_gzip_bomb(size: int, gate: Any, code_of: Any) -> None:
    bomb = gzip.compress(b"a" * size)
    status, _, body = gate.ask("POST", CHAT, bomb, {"content-encoding": "gzip"})
    assert (status, code_of(body)) == (413, "body-too-large")
    assert gate.behind.seen == []


def test_the_cap_on_a_body_is_exact(start: Any, code_of: Any) -> None:
    gate = start(limits={"body_bytes": 1024})
    most = b'"' + b"a" * 1022 + b'"'
    assert gate.ask("POST", CHAT, most)[0] == 200
    status, _, body = gate.ask("POST", CHAT, most + b" ")
    assert (status, code_of(body)) == (413, "body-too-large")


def test_the_cap_holds_for_chunks_too(gate: Any, parsed: Any, read_answer: Any) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {gate.key}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as line:
        line.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(80):
            line.sendall(b"10000\r\n" + b"a" * 65536 + b"\r\n")
        assert parsed(read_answer(line))[0] == 413
    assert gate.behind.seen == []


def test_a_large_body_arrives_whole(gate: Any) -> None:
    text = b'"' + b"a" * (CAP - 2) + b'"'
    assert gate.ask("POST", CHAT, text)[0] == 200
    assert gate.behind.seen[0][2] == text


def test_a_body_that_does_not_come(start: Any, parsed: Any, read_answer: Any, code_of: Any) -> None:
    gate = start(limits={"body_seconds": 0.2})
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {gate.key}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as line:
        line.sendall(head.encode() + b"Content-Length: 10\r\n\r\n{")
        status, headers, body = parsed(read_answer(line))
    assert (status, code_of(body)) == (408, "body-too-slow")
    assert headers["connection"] == "close"


def test_a_client_that_leaves_in_the_middle_of_its_body(gate: Any) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {gate.key}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as line:
        line.sendall(head.encode() + b"Content-Length: 10\r\n\r\n{")
        time.sleep(0.05)
    assert gate.ask("POST", CHAT, b"{}")[0] == 200
    assert len(gate.behind.seen) == 1


@pytest.mark.parametrize("size", [2, CAP - 2])
def test_a_client_that_leaves_before_its_answer_stops_the_work_for_it(gate: Any, size: int) -> None:
    """A large body stops the reading of its connection, and who does not read does not hear that the client left."""
    gate.behind.hang = True
    text = b'"' + b"a" * size + b'"'
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {gate.key}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as line:
        line.sendall(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text)
        assert gate.behind.entered.wait(10)
    assert gate.behind.cancelled.wait(10)
