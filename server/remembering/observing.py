"""From a Record and what lies beside it to what memory is told of the Decision."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from memory import Effect, Observed, simulate
from memory.context import Unreadable
from server.edge import EdgeError
from server.recorded import microseconds
from server.store import Seen

from .keeping import Kept, read_kept

EXPIRED: Final = "what this decision was made in is erased, or was not kept because memory was off then"


def observed(seen: Seen) -> Observed:
    """Raises EdgeError 410 where it is no longer known what the Decision was made in, or never was."""
    kept, record = _kept(seen), seen.record
    return Observed(
        id=record["id"],
        tenant=record["tenant"] or "",
        at=microseconds(datetime.fromisoformat(record["at"])),
        principal=seen.principal.actor,
        context=kept.context,
        base=_base(seen),
        effect=record["effect"],
        policy_hash=kept.policy_hash,
        audited=seen.audit,
    )


def row(seen: Seen) -> simulate.Row:
    """The same for a simulation. Raises as `observed`."""
    kept = _kept(seen)
    return simulate.Row(seen.record["id"], kept.context, _base(seen), kept.ceiling)


def _kept(seen: Seen) -> Kept:
    if seen.context is None:
        raise EdgeError(410, "expired-decision", EXPIRED)
    try:
        return read_kept(seen.context)
    except Unreadable as error:
        raise EdgeError(410, "expired-decision", EXPIRED) from error


def _base(seen: Seen) -> Effect:
    """The effect without memory."""
    said = seen.record.get("memory")
    base: Effect = seen.record["effect"] if said is None else said["base"]
    return base
