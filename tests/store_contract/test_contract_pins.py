"""server/store/pins.py: pins of tools, on every database, by several gates at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from server.mcp import PinBook
from server.store import PinRow, Store, StoreUnavailable

ECHO = {"name": "echo", "description": "says it again", "inputSchema": {"type": "object"}}
Soon = Callable[[Callable[[], bool]], None]


def test_what_was_changed_stands(place: str) -> None:
    first, second = Store.open(place).pins, Store.open(place).pins
    rows = [PinRow("s", "a", b"1", None), PinRow("s", "b", None, b"2"), PinRow("t", "a", b"3", b"4")]
    first.change(lambda found: rows if found == [] else [])
    assert sorted(second.read()) == rows
    assert sorted(second.read("s")) == rows[:2]
    assert second.read("u") == []
    second.change(lambda found: [PinRow("s", "b", b"2", None)])
    assert sorted(first.read("s")) == [rows[0], PinRow("s", "b", b"2", None)]


def test_what_fails_inside_changes_nothing(place: str) -> None:
    pins = Store.open(place).pins

    def made(found: list[PinRow]) -> Any:
        yield PinRow("s", "a", b"1", None)
        raise LookupError

    with pytest.raises(LookupError):
        pins.change(made)
    assert pins.read() == []
    pins.change(lambda found: [PinRow("s", "a", b"1", None)])


def test_whoever_changes_is_alone(place: str) -> None:
    """Each adds one byte to what it read; none is lost."""

    def add() -> None:
        pins = Store.open(place).pins
        for _ in range(10):
            pins.change(lambda found: [PinRow("s", "a", (found[0].accepted or b"" if found else b"") + b"x", None)])

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.accepted for row in Store.open(place).pins.read()] == [b"x" * 40]


def test_of_two_first_looks_one_is_pinned(place: str) -> None:
    """Replicas that are shown different texts at the same moment: what both offer is the one that came first."""
    shown = [{**ECHO, "description": text} for text in ("one", "other")]
    for round_ in range(10):
        books = [PinBook(Store.open(place).pins) for _ in shown]
        begin = threading.Barrier(2)
        found: list[dict[str, str]] = [{}, {}]

        def look(at: int, books: Any = books, begin: Any = begin, found: Any = found, round_: int = round_) -> None:
            begin.wait()
            found[at] = books[at].check(f"s{round_}", {"echo": shown[at]})

        threads = [threading.Thread(target=look, args=(at,)) for at in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(len, found)) == [0, 1]


def test_a_name_that_the_database_cannot_hold_is_an_error_and_nothing_else(postgres_server: Any) -> None:
    pins = Store.open(postgres_server.copy()).pins
    with pytest.raises(StoreUnavailable):
        pins.change(lambda found: [PinRow("s", "a\0", b"1", None)])
    assert pins.read() == []


def test_other_replicas_hear_of_a_change(postgres_server: Any, soon: Soon) -> None:
    url = postgres_server.copy()
    store = Store.open(url)
    told: list[str] = []
    store.hearing.on("mcp_pin", told.append)
    with store:
        soon(lambda: told == [""])
        Store.open(url).pins.change(lambda found: [])
        Store.open(url).pins.change(lambda found: [PinRow("s", "a", b"1", None)])
        soon(lambda: len(told) == 2)
