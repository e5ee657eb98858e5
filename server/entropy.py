"""Random bytes of the operating system, fetched many at a time.

Every exchange has an id and every recorded call a salt. To ask the system for each costs a request 5 % of its time:
`os.urandom` is a system call, and gives up Python's lock for it.
"""

from __future__ import annotations

import os
from typing import Final

PIECE: Final = 16
"""Bytes; what a salt has, and more than an id takes."""

_PIECES_AT_ONCE: Final = 256

_pieces: list[bytes] = []
os.register_at_fork(after_in_child=_pieces.clear)  # else parent and child would give out the same


def entropy(size: int) -> bytes:
    """`size` bytes, PIECE at most, that were never given out before. From any thread."""
    if size > PIECE:
        raise ValueError(f"at most {PIECE} bytes at a time")
    try:
        piece = _pieces.pop()
    except IndexError:
        block = os.urandom(PIECE * _PIECES_AT_ONCE)
        _pieces.extend(block[at : at + PIECE] for at in range(PIECE, len(block), PIECE))
        piece = block[:PIECE]
    return piece[:size]
