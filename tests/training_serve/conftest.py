"""A small data set of the payments example, and a model so small that it is made in no time."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from training import Data
from training.cases import of_policies

if importlib.util.find_spec("torch") is not None:
    import torch

    torch.set_num_threads(1)  # models this small gain nothing from more, and waiting threads cost CPU

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def bank() -> Path:
    return ROOT / "examples" / "payments" / "bank.lw"


@pytest.fixture(scope="session")
def bank_data(bank: Path) -> Data:
    return of_policies([str(bank)], train=60, test=20)
