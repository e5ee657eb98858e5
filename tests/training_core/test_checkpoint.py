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
import importlib.util, os, sys, types
def die(state, file):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
sys.modules["torch"] = types.SimpleNamespace(save=die)
spec = importlib.util.spec_from_file_location("checkpoint", sys.argv[1])
checkpoint = importlib.util.module_from_spec(spec)
spec.loader.exec_module(checkpoint)
checkpoint.save(sys.argv[2], 2, {"run": "a"})
"""
"""The child loads the module alone, with a writer that dies half way: importing torch would cost it seconds of CPU."""

_MODULE = Path(__file__).parents[2] / "training" / "model" / "checkpoint.py"


def test_kill_while_writing(tmp_path: Path) -> None:
    save(tmp_path, 1, {"run": "a"})
    assert subprocess.run([sys.executable, "-c", _KILLED, str(_MODULE), str(tmp_path)], check=False).returncode == -9
    found = latest(tmp_path)
    assert found is not None
    assert restore(found, "a")["step"] == 1
    assert list(tmp_path.glob("*.partial"))


def test_another_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="another run"):
        restore(save(tmp_path, 1, {"run": "a"}), "b")
