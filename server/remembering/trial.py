"""A learned rule, tried on recorded decisions before a person approves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from memory import Abstraction, GateReading, Snapshot, Terms, simulate
from memory.encoders import Encoder
from memory.voice import Voice
from server.store import Seen

from .observing import row


def would_change(
    one: Abstraction, snapshot: Snapshot, recorded: Sequence[Seen], encoder: Encoder, terms: Terms
) -> dict[str, Any]:
    """Which of the recorded decisions come out otherwise with this rule speaking than without it, beside all the
    others that are in force."""
    others = tuple(other for other in snapshot.abstractions if other.id != one.id)
    speaking = replace(one, phase="active", approved=one.version, reading=_open(one))
    silent = replace(one, phase="shadow")
    without, with_it = (
        Voice(replace(snapshot, abstractions=(*others, chosen)), encoder, terms) for chosen in (silent, speaking)
    )
    by_id = {seen.record["id"]: seen.record for seen in recorded}
    found = simulate.changed(without, with_it, (row(seen) for seen in recorded))
    return {
        "looked_at": len(recorded),
        "decisions": [
            {
                "decision": change.id,
                "at": by_id[change.id]["at"],
                "tool": by_id[change.id]["tool"],
                "was": change.before,
                "becomes": change.after,
            }
            for change in found
        ],
    }


def _open(one: Abstraction) -> GateReading:
    """Its reading as if the gate were open; what a gate says of nothing where it was never read."""
    if one.reading is not None:
        return replace(one.reading, open=True)
    return GateReading("beta", True, "open", 0.0, 0.0, 0, 0, 0.0, 0.0, 0.0, one.alpha)
