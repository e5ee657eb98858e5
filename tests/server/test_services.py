"""server/services.py: the ports of the edge are kept by the real parts, as mypy sees them too."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.approvals import Approvals
from server.metrics import Metrics
from server.policies import Policies
from server.services import Keeper, Policy, Services
from server.settings import Settings
from server.store import Store


def test_the_real_parts_fit_and_cannot_be_exchanged(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "gate.db")
    keeper: Keeper = store
    policies: Policy = Policies(["*.lw"], folder=tmp_path)

    async def nobody(*_: object) -> None:
        raise AssertionError

    queue = Approvals(store, lambda: datetime.now(UTC))
    services = Services(Settings(), nobody, nobody, nobody, nobody, nobody, keeper, policies, Metrics(), queue)  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        services.store = keeper  # type: ignore[misc]
