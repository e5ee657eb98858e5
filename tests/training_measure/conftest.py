"""One thread of torch: models this small gain nothing from more, and waiting threads cost CPU."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("torch") is not None:
    import torch

    torch.set_num_threads(1)
