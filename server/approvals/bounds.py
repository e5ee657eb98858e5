"""How long things hold and how much may be asked: what the settings say, as the queue takes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds and counts; server/settings_approvals.py describes each. `roles`: who may answer needs one of them, where
    there are any. `state_key`: 32 bytes for sealed states, None for the database's own."""

    pending_seconds: int = 3_600
    valid_seconds: int = 600
    denied_seconds: int = 3_600
    asks_an_hour: int = 30
    pending_at_once: int = 10
    wait_seconds: float = 60.0
    waiting_at_once: int = 256
    poll_seconds: float = 0.5
    shown_bytes: int = 32_768
    roles: tuple[str, ...] = ()
    state_key: bytes | None = None
