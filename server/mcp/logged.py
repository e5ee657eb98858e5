"""A log message of a server (`notifications/message`): read strictly and bounded, for clients that asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policy_dsl import strict_json

from .results import ResultError

LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""In order of severity (RFC 5424 section 6.2.1)."""

MOST_BYTES: Final = 16_384
MOST_LOGGED: Final = 1_000
"""Messages of one request; the rest is left out."""

MOST_LOGGER: Final = 128


def is_wanted(params: Mapping[str, Any], level: str) -> bool:
    found = params.get("level")
    return isinstance(found, str) and found in LEVELS and LEVELS.index(found) >= LEVELS.index(level)


def read_logged(params: Mapping[str, Any]) -> dict[str, Any]:
    """The known members. Raises ResultError."""
    logger = params.get("logger")
    if "data" not in params or not isinstance(logger, str | None) or len(logger or "") > MOST_LOGGER:
        raise ResultError("a log message has `data`, and perhaps a short `logger`")
    if len(strict_json.encode(params["data"])) > MOST_BYTES:
        raise ResultError(f"`data` of a log message is larger than {MOST_BYTES} bytes")
    kept = {"level": params["level"], "data": params["data"]}
    return kept if logger is None else {**kept, "logger": logger}
