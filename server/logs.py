"""The log: one line of JSON per event, with nothing in it that a caller, a model or a tool wrote.

An event is a name and fields that our own code chose: `log.info("policy-loaded", extra=fields(hash=...))`. Text is
escaped to ASCII, so no line break, escape sequence or look-alike can come through. Of an exception the type and the
frames are logged and not its message: a foreign message may quote a body, an argument or a key.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import Any, TextIO

_OWN = ("leastward", "uvicorn.error", "asyncio")


def fields(**values: Any) -> dict[str, Any]:
    """Fields of an event, for `extra=`."""
    return {"fields": values}


class OneLine(logging.Formatter):
    """`{"at": ..., "level": ..., "event": ..., "logger": ..., fields..., "error": [...]}`"""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info is not None and record.exc_info[1] is not None:
            line["error"] = _frames(record.exc_info[1])
        return json.dumps(line, default=str)


def start_logging(level: str, stream: TextIO | None = None) -> None:
    """Send the gate's, uvicorn's and asyncio's events at `level` and above to `stream`, standard error by default."""
    handler = logging.StreamHandler(stream or sys.stderr)
    formatter = OneLine()
    formatter.converter = _utc
    handler.setFormatter(formatter)
    for name in _OWN:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level.upper())
        logger.propagate = False


def _utc(seconds: float | None) -> Any:
    import time

    return time.gmtime(seconds)


def _frames(error: BaseException) -> list[str]:
    """The exception and what it came from, innermost last: `Type at file:line in function < ...`."""
    chain: list[str] = []
    link: BaseException | None = error
    while link is not None and len(chain) < 8:
        frames = traceback.extract_tb(link.__traceback__)[-12:]
        places = [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} in {frame.name}" for frame in frames]
        chain.append(" > ".join([*places, type(link).__name__]))
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain
