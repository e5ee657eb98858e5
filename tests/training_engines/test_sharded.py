"""training/engines/sharded.py: two processes draw with weights that FSDP has cut between them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

import torch  # after the skips

from training.engines import gathered


def test_a_model_that_is_not_cut_stays_as_it_is() -> None:
    model = torch.nn.Linear(2, 2)
    with gathered(model):
        inside = [one.clone() for one in model.parameters()]
    assert all(one.equal(other) for one, other in zip(inside, model.parameters(), strict=True))


@pytest.mark.long
def test_processes_that_draw_different_numbers_of_tokens_do_not_wait_for_each_other() -> None:
    script = Path(__file__).with_name("sharded_run.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
    env = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(script.parents[2])}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=False)
    told = sorted(line for line in done.stdout.splitlines() if line.startswith("rank "))
    assert told == ["rank 0: same True, cut again True", "rank 1: same True, cut again True"], done.stderr[-2000:]
