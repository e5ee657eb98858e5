"""What the tests of server/store share: records to write, a store on a fresh file, and a database that can fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from guardrail import Record, new_id
from server.store import Store, sealed

MakeRecord = Callable[..., Record]


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    """A Record with an id of its own; members by keyword. Its arguments carry the member `amount`."""
    numbers = itertools.count(1)

    def make(**changes: Any) -> Record:
        number = next(numbers)
        digest, _, payload = sealed({"amount": number, "password": "hunter2"})
        plain = Record(
            kind="decision",
            id=new_id("dec", 1_763_800_000_000 + number, number.to_bytes(10, "big")),
            at="2026-11-22T12:00:00.000000Z",
            tenant="acme",
            agent="billing-bot",
            user=None,
            roles=(),
            run="run-00000000000000000000000000",
            door="chat",
            tool="send_money",
            call_id=f"call_{number}",
            arguments=digest,
            effect="allow",
            rule="pay",
            reason="rule",
            errors=(),
            policy_hash="f" * 64,
            memory_version=0,
            mode="enforce",
            text_calls="all",
            upstream="primary",
            model="gpt-4o",
            payload=payload,
        )
        return replace(plain, **changes)

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A started store."""
    with Store.open(path) as opened:
        yield opened
