"""What one examination of `leastward doctor` saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`bad` keeps the gate from starting and makes the exit code 1; `warning` asks a person to look."""

    about: str
    state: Literal["ok", "warning", "bad"]
    says: str
