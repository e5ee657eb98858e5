"""Weights that FSDP has cut into pieces, whole for as long as something is drawn with them.

Each process draws until its own completions have ended, so their models are asked a different number of times, and a
layer that gathered its weights whenever it is asked (as in training) would wait for processes that ask no more. Here
all is gathered once, and given up after. PyTorch's `fully_shard` (FSDP2): accelerate's `fsdp_version: 2`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def gathered(model: Any) -> Iterator[None]:
    """All processes enter together. A model that is not cut stays as it is; of one that is, every part, the outermost
    too, gives its weights up after each forward from then on."""
    from torch.distributed.fsdp import FSDPModule

    parts = [part for part in model.modules() if isinstance(part, FSDPModule)]
    for part in parts:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.set_reshard_after_forward(True, recurse=False)
            part.reshard()
