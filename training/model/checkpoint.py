"""Checkpoints: one file each, written beside its place, flushed to the disk and renamed over it.

A rename within a folder is atomic (POSIX rename), so a process killed at any moment leaves the old checkpoint or the
new one. A file that was being written keeps its `.partial` name and is never read. Reading takes tensors and plain
values only (`weights_only`): a checkpoint is data, and a pickle that runs code is refused.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any, Final

import torch

_NAME: Final = "checkpoint-{:08d}.pt"
_PATTERN: Final = "checkpoint-????????.pt"


class CheckpointError(Exception):
    """A checkpoint that cannot be used for this run; the message names the file."""


def save(folder: str | Path, step: int, state: dict[str, Any]) -> Path:
    """Writes the checkpoint of `step` whole and then removes older ones."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    final = place / _NAME.format(step)
    partial = final.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save({"step": step, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(final)
    entry = os.open(place, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
    for older in place.glob(_PATTERN):
        if older.name < final.name:
            older.unlink()
    return final


def latest(folder: str | Path) -> Path | None:
    """The newest whole checkpoint of a folder; None where there is none."""
    return max(Path(folder).glob(_PATTERN), default=None, key=lambda path: path.name)


def reached(folder: str | Path) -> int:
    """The step of the newest whole checkpoint of a folder; 0 where there is none."""
    found = latest(folder)
    return 0 if found is None else int(found.stem.rpartition("-")[2])


def restore(path: str | Path, run: str) -> dict[str, Any]:
    """The state at `path`; CheckpointError where it does not read or belongs to another run than `run`."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"the checkpoint `{path}` cannot be read") from error
    if state.get("run") != run:
        raise CheckpointError(f"the checkpoint `{path}` is of another run: its data or its recipe differ")
    return state
