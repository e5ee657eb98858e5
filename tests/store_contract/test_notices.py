"""server/store/postgres/notices.py: what another replica changed is heard at once, and looked for where it is not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from server.store import Answered, Approval, Asked, Store
from server.store.postgres.notices import ALL, Notices

MakeApproval = Callable[..., Approval]
Soon = Callable[[Callable[[], bool]], None]
Heard = list[tuple[str, str]]


@pytest.fixture
def url(postgres_server: Any) -> str:
    return str(postgres_server.copy())


@pytest.fixture
def heard(url: str, soon: Soon) -> Iterator[Heard]:
    """What is heard of the database, from when the connection stood."""
    found: Heard = []
    notices = Notices(lambda: psycopg.connect(url, autocommit=True), lambda *said: found.append(said))
    soon(lambda: found == [ALL])
    found.clear()
    yield found
    notices.close()


def say(url: str, text: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_notify('leastward', %s)", (text,))


def listeners(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN leastward'"
        )
        return [pid for (pid,) in found]


def cut(url: str) -> None:
    """End the connections that listen, from the server's side."""
    with psycopg.connect(url) as connection:
        for pid in listeners(url):
            connection.execute("SELECT pg_terminate_backend(%s)", (pid,))


async def _answered(store: Store, asked: Approval) -> None:
    answer = Answered(asked.id, asked.tenant, "denied", "ada", "", asked.asked_at, asked.asked_at)
    await store.commit([], (), [answer])


def test_a_persons_answer_is_heard_with_its_id_and_an_ask_is_not(
    url: str, heard: Heard, make_approval: MakeApproval, soon: Soon
) -> None:
    with Store.open(url) as store:
        asked = make_approval()
        asyncio.run(store.commit([], (), [Asked(asked)]))
        asyncio.run(_answered(store, asked))
    soon(lambda: ("approval", asked.id) in heard)
    assert {table for table, _ in heard} == {"approval"}
    assert len(heard) == 1


def test_keys_are_heard_and_what_is_rolled_back_is_not(url: str, heard: Heard, soon: Soon) -> None:
    with Store.open(url) as store:
        with psycopg.connect(url, options="-c search_path=leastward") as connection:
            connection.execute("UPDATE api_key SET label = ''")
            connection.rollback()
        assert heard == []
        _, info = store.issue_key("acme", "bot", ["call"])
        soon(lambda: heard == [("api_key", "")])
        store.revoke_key(info.id)
        soon(lambda: heard == [("api_key", "")] * 2)


def test_a_lost_connection_is_made_again_and_then_everybody_looks(url: str, heard: Heard, soon: Soon) -> None:
    for _ in range(2):
        cut(url)
        soon(lambda: heard == [ALL])
        heard.clear()
    say(url, "approval apr-1")
    soon(lambda: heard == [("approval", "apr-1")])


def test_a_database_that_is_away_is_waited_for_and_the_wait_can_be_ended() -> None:
    tried = threading.Event()

    def connect() -> Any:
        tried.set()
        raise psycopg.OperationalError("away")

    notices = Notices(connect, lambda *said: pytest.fail(f"heard {said}"))
    assert tried.wait(20)
    notices.close()
    notices.close()
    assert not any(thread.name == "leastward-notices" for thread in threading.enumerate())


def test_a_store_tells_who_wanted_to_know(url: str, make_approval: MakeApproval, soon: Soon) -> None:
    told: dict[str, list[str]] = {"approval": [], "policy_activation": []}
    store = Store.open(url)
    store.hearing.on("approval", told["approval"].append)
    store.hearing.on("policy_activation", told["policy_activation"].append)
    with store:
        soon(lambda: told == {"approval": [""], "policy_activation": [""]})
        say(url, "policy_activation")
        say(url, "approval apr-1")
        for made_up in ("", " ", "approval", "secret x y", "api_key \u202e", "POLICY_ACTIVATION"):
            say(url, made_up)
        say(url, "approval apr-2")
        soon(lambda: told["approval"][-1] == "apr-2")
        # A notice that names no table may be about any; what it says is an id to look for, never what is believed.
        assert told["approval"] == ["", "apr-1", "", "", "", "apr-2"]
        assert told["policy_activation"] == ["", "", "", ""]
        assert store.healthy is None


def test_a_replica_that_hears_nothing_still_looks(url: str, soon: Soon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.store.postgres.notices.CHANNEL", "another")
    with Store.open(url) as store:
        secret, info = store.issue_key("acme", "bot", ["call"])
        soon(lambda: store.caller_for(secret) is not None)
        store.revoke_key(info.id)
        soon(lambda: store.caller_for(secret) is None)


def test_a_store_that_ended_listens_no_more(url: str, soon: Soon) -> None:
    with Store.open(url):
        soon(lambda: len(listeners(url)) == 1)
    soon(lambda: listeners(url) == [])


def test_a_file_tells_nobody(tmp_path: Any) -> None:
    store = Store.open(tmp_path / "gate.db")
    store.hearing.on("approval", lambda which: pytest.fail(f"told of {which}"))
    with store:
        store.issue_key("acme", "bot", ["call"])
