"""Nothing is given out twice: not in a thread beside, not in a process that was forked."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.entropy import PIECE, entropy


def test_as_many_bytes_as_asked_for() -> None:
    assert [len(entropy(size)) for size in (1, 10, PIECE)] == [1, 10, PIECE]
    with pytest.raises(ValueError, match="at most 16 bytes"):
        entropy(PIECE + 1)


def test_no_piece_twice_over_many_threads() -> None:
    with ThreadPoolExecutor(8) as pool:
        drawn = [
            piece
            for several in pool.map(lambda _: [entropy(PIECE) for _ in range(2_000)], range(8))
            for piece in several
        ]
    assert len(set(drawn)) == len(drawn)


def test_a_forked_process_draws_its_own() -> None:
    entropy(1)  # so that there is something left that both would have
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"".join(entropy(PIECE) for _ in range(300)))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    ours = {entropy(PIECE) for _ in range(300)}
    assert len(theirs) == 300 * PIECE
    assert ours.isdisjoint(theirs[at : at + PIECE] for at in range(0, len(theirs), PIECE))
