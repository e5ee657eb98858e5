"""What is kept beside a Record so that memory can be told of the Decision later: a line, then the Context.

The line holds the operator's policy, which a session's draft stands below and does not replace, and what its
`learnable` statements would have granted, `-` where memory may not widen. Without the second nobody could say later
which recorded decisions a rule that widens would have changed.
"""

from __future__ import annotations

from typing import NamedTuple

from memory import Context, Effect
from memory.context import decode, encode

_EFFECTS: dict[str, Effect] = {"allow": "allow", "ask": "ask", "forbid": "forbid"}


class Kept(NamedTuple):
    """`ceiling` None: memory may not widen."""

    policy_hash: str
    ceiling: Effect | None
    context: Context


def kept_bytes(kept: Kept) -> bytes:
    return f"{kept.policy_hash} {kept.ceiling or '-'}\n".encode() + encode(kept.context)


def read_kept(data: bytes) -> Kept:
    """Raises memory.context.Unreadable for a Context that cannot be read."""
    line, _, context = data.partition(b"\n")
    policy_hash, _, ceiling = line.decode().partition(" ")
    return Kept(policy_hash, _EFFECTS.get(ceiling), decode(context))
