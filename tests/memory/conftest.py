"""Databases for every test of memory that keeps something, and short ways to make what is kept."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from memory import Context, Observed, Reported, Reporter
from memory.store import upgrade


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "memory.db"
    upgrade(path)
    return path


@pytest.fixture
def new_sqlite(sqlite_template: Path, tmp_path: Path) -> Callable[[], str]:
    """Every call gives a new SQLite database with empty tables."""
    numbers = itertools.count(1)

    def make() -> str:
        return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / f'memory-{next(numbers)}.db')}"

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """A database of each kind with empty tables: what uses this fixture is the contract of both."""
    if request.param == "sqlite":
        url: str = request.getfixturevalue("new_sqlite")()
        return url
    return str(request.getfixturevalue("postgres_server").copy(upgrade))


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bare.db'}"
    return str(request.getfixturevalue("postgres_server").empty())


@pytest.fixture(params=["few", pytest.param("many", marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def every(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`every(few, check, *strategies)`: a property that costs much, of `few` examples, and of eight times as many, a
    hundred at least, where the long tests run."""

    def run(few: int, check: Callable[..., None], *strategies: Any) -> None:
        examples = few if request.param == "few" else max(100, 8 * few)
        settings(max_examples=examples)(given(*strategies)(check))()

    return run


class Kept:
    """Short ways to make what the store keeps. Times are days, so that a quota's day is visible."""

    DAY = 86_400_000_000

    @staticmethod
    def observed(decision: str = "dec-1", tenant: str = "acme", **given: Any) -> Observed:
        members: dict[str, Any] = {
            "at": 0,
            "principal": "acme/bot",
            "context": Context("send_money", (("arg to", '"mallory"'), ("domain to", "evil.example")), "pay mallory"),
            "base": "allow",
            "effect": "allow",
            "policy_hash": "7b",
            **given,
        }
        return Observed(decision, tenant, **members)

    @staticmethod
    def reporter(id_: str = "ann", tenant: str = "acme", **given: Any) -> Reporter:
        return Reporter(id_, tenant, **{"kind": "user", **given})

    @classmethod
    def reported(cls, decision: str = "dec-1", by: str = "ann", tenant: str = "acme", **given: Any) -> Reported:
        kind = given.pop("kind", "user")
        audited = given.pop("audited", None)
        members = {"at": 0, "label": "forbid", **given}
        observed = cls.observed(decision, tenant, audited=audited)
        return Reported(observed=observed, reporter=cls.reporter(by, tenant, kind=kind), **members)


@pytest.fixture(scope="session")
def kept() -> type[Kept]:
    return Kept
