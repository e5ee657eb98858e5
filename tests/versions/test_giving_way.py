"""server/giving_way.py and server/looking.py: a gate of policy files beside one that puts a version in force."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from server.exchange import Scope
from server.giving_way import FilesUntilVersions
from server.looking import Looking
from server.policies import Policies
from server.store import StoreError, StoreUnavailable
from server.versions import Bundle, SigningKey

FILES = "language 1\nallow old(path)\n"
VERSION = {"gate.lw": "language 1\nallow new(path)\n"}
KEYS = {"admin": {"agent": "desk", "scopes": [Scope.ADMIN, Scope.DECIDE]}}


@pytest.fixture
def gates(postgres_server: Any, outside: Any, key: SigningKey, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """`old` decides by files and `new` by versions, on one database."""
    url, policies = postgres_server.copy(), {"trusted_keys": {"ops": key.public.text}}
    with ExitStack() as stack:
        started = {}
        for name, settings in (("old", {}), ("new", {"policies": policies})):
            (tmp_path / name).mkdir()
            gate = outside.running_gate(tmp_path / name, FILES, keys=KEYS, database=url, **settings)
            started[name] = stack.enter_context(gate)
        yield started


def effect(gate: Any, tool: str) -> str:
    answer = gate.with_key("admin").ask("POST", "/v1/decide", {"tool": tool, "args": {"path": "a"}})
    return str(answer.tree["effect"])


def test_a_gate_of_files_allows_nothing_once_a_version_is_in_force(
    gates: dict[str, Any], outside: Any, make_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    old, new = gates["old"], gates["new"]
    outside.wait_for(lambda: old.ready()[0] == 200)
    assert (effect(old, "old"), effect(new, "old")) == ("allow", "forbid")
    admin = new.with_key("admin")
    published = admin.ask("POST", "/v1/policies", {"bundle": json.loads(make_bundle(VERSION).encoded())})
    assert published.status == 200
    assert effect(old, "old") == "allow", "a version that is published only changes nothing"
    body = {"expected": 0, "because": "we begin", "widens": True}
    assert admin.ask("POST", "/v1/policies/1/activate", body).status == 200
    outside.wait_for(lambda: effect(old, "old") == "forbid")
    assert (effect(old, "new"), effect(new, "new")) == ("forbid", "allow")
    status, tree = old.ready()
    assert status == 503
    assert "policy version 1 is in force" in tree["policy"]["error"]
    again = outside.running_gate(tmp_path / "old", FILES, database=old.house.settings.database)
    with pytest.raises(StoreError, match="policy version 1 is in force"), again:
        pass


def test_a_database_that_does_not_answer_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "gate.lw").write_text(FILES)
    files, found = Policies(["gate.lw"], folder=tmp_path), [StoreUnavailable("away"), None]
    said: list[str] = []

    def in_force() -> Any:
        answer = found.pop(0) if found else SimpleNamespace(version=7)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    files.load()
    policies = FilesUntilVersions(files, in_force, said.append)
    with pytest.raises(StoreUnavailable):
        policies.look()
    policies.look()
    assert (policies.is_loaded, policies.error, policies.current) == (True, None, files.current)
    assert policies.loaded_at == files.loaded_at
    policies.look()
    policies.look()
    assert (policies.is_loaded, said) == (False, ["failed"])
    assert "version 7" in str(policies.error)
    assert policies.current.policy_hash != files.current.policy_hash


def test_it_looks_at_once_when_told_and_goes_on_after_a_failure() -> None:
    async def run() -> int:
        looks, looked = 0, asyncio.Event()
        loop = asyncio.get_running_loop()

        def look() -> None:
            nonlocal looks
            looks += 1
            loop.call_soon_threadsafe(looked.set)
            raise StoreUnavailable("away")

        looking = Looking(look)
        looking.tell()  # nobody follows yet: nothing to be told
        watching = asyncio.create_task(looking.watch(3_600))
        await asyncio.sleep(0)
        for _ in range(3):
            looked.clear()
            await asyncio.to_thread(looking.tell)
            await asyncio.wait_for(looked.wait(), 20)
        watching.cancel()
        return looks

    assert asyncio.run(run()) == 3


def test_nobody_is_told_of_a_loop_that_is_closed() -> None:
    looking = Looking(lambda: None)

    async def run() -> None:
        watching = asyncio.create_task(looking.watch(3_600))
        await asyncio.sleep(0)
        watching.cancel()

    asyncio.run(run())
    looking.tell()
