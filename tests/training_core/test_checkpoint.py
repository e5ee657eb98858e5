"""training/model/checkpoint.py: a process killed while it writes leaves the old checkpoint whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from training.model import CheckpointError, latest, restore, save  # after the skip

_KILLED = """
import os, sys
from training.model import save
class Death:
    def __reduce__(self):
        os.kill(os.getpid(), 9)
save(sys.argv[1], 2, {"run": "a", "death": Death()})
"""


def test_kill_while_writing(tmp_path: Path) -> None:
    save(tmp_path, 1, {"run": "a"})
    assert subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False).returncode == -9
    found = latest(tmp_path)
    assert found is not None
    assert restore(found, "a")["step"] == 1
    assert list(tmp_path.glob("*.partial"))


def test_another_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="another run"):
        restore(save(tmp_path, 1, {"run": "a"}), "b")
