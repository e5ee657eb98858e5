"""The two kinds of MCP: a handshake and a session, or requests that each stand alone (2026-07-28)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    LOG_LEVEL_META_KEY,
    PROTOCOL_VERSION_META_KEY,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, MODERN_PROTOCOL_VERSIONS

__all__ = [
    "ASSUMED",
    "GATE",
    "HANDSHAKE_PROTOCOL_VERSIONS",
    "LATEST_HANDSHAKE_VERSION",
    "LOG_LEVEL_META_KEY",
    "MODERN",
    "PROTOCOL_VERSION_META_KEY",
    "complete",
    "envelope",
    "is_modern",
    "listed",
]

MODERN: Final = MODERN_PROTOCOL_VERSIONS[-1]

ASSUMED: Final = "2025-03-26"
"""The version of a request without a header that says it (2025-11-25, Transports, Protocol Version Header)."""

GATE: Final[Mapping[str, Any]] = {"name": "leastward", "version": "1"}
"""What the gate calls itself, to clients and to servers."""

FRESH_MILLISECONDS: Final = 60_000
"""How long a client may keep a list. A list is only an offer: every call is decided when it comes."""


def is_modern(version: str) -> bool:
    return version in MODERN_PROTOCOL_VERSIONS


def envelope(version: str, claims: Mapping[str, Any], level: str | None = None) -> dict[str, Any]:
    """The `_meta` of every request in 2026-07-28. A server may ask through us what is claimed, and nothing else; it
    logs from `level` on, or nothing."""
    meta = {
        PROTOCOL_VERSION_META_KEY: version,
        CLIENT_CAPABILITIES_META_KEY: dict(claims),
        CLIENT_INFO_META_KEY: dict(GATE),
    }
    return meta if level is None else {**meta, LOG_LEVEL_META_KEY: level}


def complete(version: str, result: dict[str, Any]) -> dict[str, Any]:
    """The result as that version writes it."""
    return {"resultType": "complete", **result} if is_modern(version) else result


def listed(version: str, result: dict[str, Any]) -> dict[str, Any]:
    """As `complete`, for what a client may keep. `private`: it was filtered for this caller alone."""
    if not is_modern(version):
        return result
    return complete(version, {**result, "ttlMs": FRESH_MILLISECONDS, "cacheScope": "private"})
