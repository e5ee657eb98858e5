"""training/stages/loop.py: the same seed gives the same metrics, and a resumed run is the uninterrupted one."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from training.stages import Interrupted, OutOfMemory, Running, run  # noqa: E402  # after the skip


class _Line:
    """Draws a point each step; tells the process to stop at step `stop`."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop = stop

    def updates(self, model: Any, step: int, generator: Any) -> Any:
        if step == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)
        point = torch.randn(4, 3, generator=generator)
        yield [lambda: (model(point) - 1).square().mean()]

    def metrics(self) -> dict[str, float]:
        return {}


def _model() -> Any:
    torch.manual_seed(0)
    return torch.nn.Linear(3, 1)


def test_resumed_is_uninterrupted(tmp_path: Path) -> None:
    running = Running(steps=6, rate=0.1, log_every=1, warmup=2)
    whole = run(_Line(), _model(), running, tmp_path / "a", "x")
    with pytest.raises(Interrupted):
        run(_Line(stop=2), _model(), running, tmp_path / "b", "x")
    assert run(_Line(), _model(), running, tmp_path / "b", "x") == whole
    assert len(whole) == 6
    lines = (tmp_path / "b" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == whole


class _Greedy(_Line):
    """Asks the CPU for more than any machine has."""

    def updates(self, model: Any, step: int, generator: Any) -> Any:
        yield [lambda: torch.empty(1 << 60).sum()]


def test_memory_that_ran_out_on_the_cpu_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory, match="step 0"):
        run(_Greedy(), _model(), Running(steps=1, rate=0.1), tmp_path, "x")
