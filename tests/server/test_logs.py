"""server/logs.py: one line per event, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from server.logs import fields, start_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    saved = {
        name: (logging.getLogger(name).handlers, logging.getLogger(name).propagate, logging.getLogger(name).level)
        for name in ("leastward", "uvicorn.error", "asyncio")
    }
    made = io.StringIO()
    yield made
    for name, (handlers, propagate, level) in saved.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_ascii(stream: io.StringIO) -> None:
    start_logging("info", stream)
    nasty = "a\nb\x1b[31m\u2028\u202e\x00ü"
    logging.getLogger("leastward.x").info("event", extra=fields(text=nasty, number=3))
    logging.getLogger("leastward.x").debug("not said")
    (line,) = lines(stream)
    assert stream.getvalue().isascii()
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert (line["event"], line["text"], line["number"], line["level"]) == ("event", nasty, 3, "info")
    assert line["at"].endswith("Z")


def test_an_exception_is_its_type_and_frames_and_not_its_text(stream: io.StringIO) -> None:
    start_logging("error", stream)
    try:
        try:
            int("a secret")
        except ValueError as error:
            raise KeyError("another secret") from error
    except KeyError:
        logging.getLogger("leastward.x").exception("broken")
    (line,) = lines(stream)
    assert "secret" not in stream.getvalue()
    assert line["error"][0].endswith("KeyError")
    assert line["error"][1].endswith("ValueError")
    assert "test_logs.py" in line["error"][0]


def test_starting_twice_does_not_say_things_twice(stream: io.StringIO) -> None:
    start_logging("info", stream)
    start_logging("info", stream)
    logging.getLogger("uvicorn.error").warning("once")
    assert len(lines(stream)) == 1
