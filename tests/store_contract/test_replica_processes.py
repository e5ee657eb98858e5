"""server/turns.py: three processes of `leastward serve` on one PostgreSQL, with clients at all of them all the time.

Times are printed, for docs/replicas.md (`pytest -s`); what is asserted is only that it comes to
hold.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from policy_dsl import load
from server.exchange import Scope
from server.store import Store
from server.versions import SigningKey, collected

POLICY = """language 1
allow pay(to, amount) as small when to == "ann"
allow note(text) as noted
allow read(text) as reading
limit pay to 5 released per agent within 1 hour as five
require approval for note as seen
"""
FETCH = "allow fetch(text) as fetched\n"
COUNTED = "allow count(text) as counting\nlimit count to 100000 released per agent within 1 hour as many\n"
ARGUMENTS = {
    "pay": '{"to":"ann","amount":1}',
    "note": '{"text":"n"}',
    "read": '{"text":"r"}',
    "fetch": '{"text":"f"}',
    "count": '{"text":"c"}',
}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ARGUMENTS]
ADMIN = (Scope.ADMIN, Scope.DECIDE)
REPLICAS = 3
MANY = [pytest.mark.long, pytest.mark.timeout(7200)]


@dataclass
class Gates:
    store: Store
    url: str
    ports: list[int]
    outside: Any
    folder: Path
    signing: SigningKey

    def key(self, agent: str, *scopes: Scope) -> str:
        """A key of an agent, once every replica honours it."""
        secret = self.store.issue_key("t", agent, list(scopes or (Scope.CALL,)))[0]
        self.outside.wait_for(lambda: all(self.honour(secret)))
        return secret

    def ask(self, at: int, key: str, words: str) -> Any:
        body = {"model": "m", "messages": [{"role": "user", "content": words}], "tools": TOOLS}
        return self.outside.client(self.ports[at % REPLICAS], key).ask("POST", "/v1/chat/completions", body)

    def released(self, at: int, key: str, words: str) -> int:
        return calls_in(self.ask(at, key, words))

    def honour(self, key: str) -> list[bool]:
        return [self.outside.client(port, key).ask("GET", "/tools").status not in (401, 503) for port in self.ports]

    def publish(self, admin: str, text: str, serial: int) -> int:
        path = self.folder / f"{serial}.lw"
        path.write_text(text)
        bundle = collected([str(path)], None, load([path]), serial).signed(self.signing)
        body = {"bundle": json.loads(bundle.encoded())}
        answer = self.outside.client(self.ports[0], admin).ask("POST", "/v1/policies", body)
        assert answer.status == 200, answer.body
        return int(answer.tree["version"])

    def put(self, at: int, admin: str, manner: str, number: int, expected: int) -> None:
        body = {"expected": expected, "because": "so", "widens": True}
        client = self.outside.client(self.ports[at % REPLICAS], admin)
        answer = client.ask("POST", f"/v1/policies/{number}/{manner}", body)
        assert answer.status == 200, answer.body

    def beside(self, admin: str, text: str) -> tuple[int, int]:
        """The version in force, and one of `text` that is published and not in force."""
        listed = self.outside.client(self.ports[0], admin).ask("GET", "/v1/policies").tree
        last = max(one["serial"] for one in listed["versions"])
        return listed["in_force"], self.publish(admin, text, last + 1)

    @contextmanager
    def load(self, agent: str, pause: float = 0.03) -> Iterator[list[int]]:
        """A client at each replica that asks some 30 times a second; the counts of calls that each one got, so far."""
        key = self.key(agent)
        counts, ended = [0] * REPLICAS, threading.Event()

        def client(at: int) -> None:
            while not ended.wait(pause):
                with suppress(OSError, http.client.HTTPException):
                    counts[at] += self.released(at, key, "read")

        threads = [threading.Thread(target=client, args=(at,)) for at in range(REPLICAS)]
        for thread in threads:
            thread.start()
        try:
            yield counts
        finally:
            ended.set()
            for thread in threads:
                thread.join()


@pytest.fixture(scope="module")
def gates(mortal_postgres: Any, outside: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    def answer(asked: Any) -> Any:
        tool = asked.tree["messages"][-1]["content"]
        return outside.saying({"calls": [[tool, ARGUMENTS[tool]]]} if tool in ARGUMENTS else {"text": "nothing"})(asked)

    root, folder = Path(__file__).parents[2], tmp_path_factory.mktemp("gates")
    signing = SigningKey.make(folder / "ops.pem")
    url = mortal_postgres.url
    Store.open(url).close()  # makes the tables
    settings = {
        "database": url,
        "policies": {"trusted_keys": {"ops": signing.public.text}},
        "refusals": {"rounds": 0},
        "approvals": {"asks_an_hour": 10_000},
    }
    with ExitStack() as stack:
        model = stack.enter_context(closing(outside.model(answer)))
        ports, started = [], []
        for number in range(REPLICAS):
            (folder / str(number)).mkdir()
            ports.append(outside.chosen_port())
            config = outside.write_config(folder / str(number), "", model.port, ports[-1], **settings)
            log = stack.enter_context((folder / f"{number}.log").open("wb"))
            process = subprocess.Popen([*outside.serve, str(config)], cwd=root, stdout=log, stderr=log, env=os.environ)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            started.append(process)
        made = Gates(Store.open(url), url, ports, outside, folder, signing)

        def all_listen() -> bool:
            assert all(process.poll() is None for process in started)
            with suppress(OSError):
                return len(made.honour("")) == REPLICAS
            return False

        outside.wait_for(all_listen, 60)
        admin = made.key("desk", *ADMIN)
        made.put(0, admin, "activate", made.publish(admin, POLICY, 1), 0)
        probe = made.key("probe")
        outside.wait_for(lambda: all(made.released(at, probe, "read") for at in range(REPLICAS)))
        yield made


def calls_in(answer: Any) -> int:
    if answer.status != 200:
        return 0
    return len(json.loads(answer.body)["choices"][0]["message"].get("tool_calls", []))


def at_once(count: int, ask: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def asked(gates: Gates, at: int, agent: str, name: str, approver: Any, found: list[str]) -> bool:
    """Others of the tenant may have left calls that wait: late requests are asked about anew."""
    assert gates.released(at, agent, "note") == 0
    answer = approver.ask("GET", "/v1/approvals")
    if answer.status == 200:  # a gate that had no turn on a busy machine for the time of its lease says 503
        found += [one["id"] for one in answer.tree["pending"] if one["agent"] == name]
    return bool(found)


def raced(gates: Gates, agent: str, so_far: list[int]) -> bool:
    so_far += at_once(6, lambda number: gates.released(number, agent, "nothing"))
    return sum(so_far) > 0


def approved(client: Any, name: str) -> bool:
    """409: an answer before, of which the gate did not hear in time whether it was written."""
    return client.ask("POST", f"/v1/approvals/{name}", {"approve": True}).status in (200, 409)


def shown(took: Sequence[float]) -> str:
    return f"{statistics.median(took):.3f} s (min {min(took):.3f}, max {max(took):.3f}, n={len(took)})"


def test_a_limit_holds_over_all_replicas(gates: Gates) -> None:
    key = gates.key("payer")
    released = at_once(12, lambda number: gates.released(number, key, "pay"))
    assert sum(released) <= 5
    for number in range(12):  # a call that lost every race was refused, and may be asked again
        released.append(gates.released(number, key, "pay"))
    assert sum(released) == 5


@pytest.mark.parametrize("races", [20, pytest.param(1000, marks=MANY)])
def test_one_yes_is_one_release_in_every_race(gates: Gates, races: int) -> None:
    """Six requests at three replicas, each of which would be given the approved call; and others ask all the time.

    One that found no turn is answered 503, and asks again (docs/replicas.md).
    """
    name = f"noter{races}"
    agent, approver = gates.key(name), gates.key("console", Scope.APPROVE)
    tally, took = [], []
    with gates.load(f"reader{races}", 0.1) as others:
        for race in range(races):
            begun = time.perf_counter()
            client = gates.outside.client(gates.ports[(race + 1) % REPLICAS], approver)
            found: list[str] = []
            gates.outside.wait_for(lambda at=race, person=client, ids=found: asked(gates, at, agent, name, person, ids))
            [waiting] = found
            gates.outside.wait_for(lambda waits=waiting, person=client: approved(person, waits))
            released: list[int] = []
            gates.outside.wait_for(lambda so_far=released: raced(gates, agent, so_far))
            tally.append(sum(released))
            took.append(time.perf_counter() - begun)
            if race % 50 == 49:
                print(f"\n{race + 1} races, {sum(tally)} releases, {sum(took):.0f} s", flush=True)
        late: list[int] = []
        raced(gates, agent, late)
    print(f"\nreleases per yes over {races} races: {sorted(set(tally))}; others got {sum(others)} calls meanwhile")
    print(f"a race, from the ask to the end of all six requests, took {shown(took)}")
    assert set(tally) == {1}
    assert sum(late) == 0, "a yes that was used is given no second time"
    assert all(others)


@pytest.mark.parametrize("asks", [20, pytest.param(300, marks=MANY)])
def test_gates_that_all_remember_all_the_time_come_to_their_turn(gates: Gates, asks: int) -> None:
    """One client at each gate, the same agent's, whose every call counts. Whoever finds no turn hears 503."""
    admin, agent = gates.key(f"remembering{asks}", *ADMIN), f"counted{asks}"
    key = gates.key(agent)
    base, wide = gates.beside(admin, f"{POLICY}{COUNTED}# {asks}\n")
    gates.put(0, admin, "activate", wide, base)
    statuses: list[int] = []
    said: Counter[str] = Counter()

    def client(at: int) -> int:
        got = 0
        for _ in range(asks):
            answer = gates.ask(at, key, "count")
            statuses.append(answer.status)
            if answer.status == 503:
                said[json.loads(answer.body)["error"]["message"]] += 1
            got += calls_in(answer)
        return got

    gates.outside.wait_for(lambda: all(at_once(REPLICAS, lambda at: gates.released(at, key, "count"))))
    begun = time.perf_counter()
    released = sum(at_once(REPLICAS, client))
    took = time.perf_counter() - begun
    late = statuses.count(503)
    print(f"\n{late} of {len(statuses)} answers were 503, {len(statuses) / took:.0f} a second: {dict(said)}")
    gates.put(0, admin, "rollback", base, wide)
    assert released == len(statuses) - late > 0


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=MANY)])
def test_a_rule_that_is_dropped_at_one_replica_ends_at_all(gates: Gates, rounds: int) -> None:
    """A version without the rule is put in force at one replica, while clients ask at all of them."""
    admin, agent = gates.key(f"desk{rounds}", *ADMIN), gates.key(f"fetcher{rounds}")
    base, wide = gates.beside(admin, f"{POLICY}{FETCH}# {rounds}\n")

    def all_of(count: int) -> bool:
        return bool(sum(at_once(REPLICAS, lambda at: gates.released(at, agent, "fetch"))) == count)

    took, begins = [], []
    with gates.load(f"reader of {rounds}") as others:
        for number in range(rounds):
            gates.put(number, admin, "activate", wide, base)
            begun = time.perf_counter()
            gates.outside.wait_for(lambda: all_of(REPLICAS))
            begins.append(time.perf_counter() - begun)
            gates.put(number, admin, "rollback", base, wide)
            begun = time.perf_counter()
            gates.outside.wait_for(lambda: all_of(0))
            took.append(time.perf_counter() - begun)
    print(f"\na dropped rule ended everywhere after {shown(took)}; an added one began after {shown(begins)}")
    assert all(others)
    assert all_of(0)


def test_a_revoked_key_ends_at_every_replica(gates: Gates) -> None:
    took = []
    for number in range(5):
        secret, info = gates.store.issue_key("t", f"leaver{number}", [Scope.CALL])
        gates.outside.wait_for(lambda secret=secret: all(gates.honour(secret)))
        gates.store.revoke_key(info.id)
        begun = time.perf_counter()
        gates.outside.wait_for(lambda secret=secret: not any(gates.honour(secret)))
        took.append(time.perf_counter() - begun)
    print(f"\na revoked key ended everywhere after {shown(took)}")


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=MANY)])
def test_a_killed_database_stops_releases_and_its_return_begins_them(
    gates: Gates, mortal_postgres: Any, kills: int
) -> None:
    """SIGKILL to each of its processes. What a client was given until then is recorded when it is there again."""
    stopped, back = [], []
    key, agent = gates.key(f"waiter{kills}"), f"reader until {kills}"
    with gates.load(agent) as others:
        for _ in range(kills):
            mortal_postgres.kill()
            begun = time.perf_counter()
            gates.outside.wait_for(lambda: not any(gates.honour(key)))
            stopped.append(time.perf_counter() - begun)
            before = list(others)
            assert not any(at_once(REPLICAS, lambda at: gates.released(at, key, "read")))
            assert others == before
            starting = threading.Thread(target=mortal_postgres.start)
            starting.start()
            gates.outside.wait_for(lambda: answers(gates.url))
            begun = time.perf_counter()
            gates.outside.wait_for(lambda: all(gates.honour(key)))
            back.append(time.perf_counter() - begun)
            starting.join()
            gates.outside.wait_for(lambda: all(at_once(REPLICAS, lambda at: gates.released(at, key, "read"))))
    print(f"\nreleases stopped everywhere after {shown(stopped)}; service was back after {shown(back)}")
    with psycopg.connect(gates.url) as connection:
        bodies = connection.execute("SELECT body FROM leastward.record WHERE id LIKE 'dec-%'").fetchall()
    mine = [record for record in (json.loads(body) for (body,) in bodies) if record["agent"] == agent]
    assert sum(record["effect"] == "allow" for record in mine) >= sum(others) > 0
    assert gates.store.verify().problems == ()


def answers(url: str) -> bool:
    with suppress(psycopg.Error), psycopg.connect(url, connect_timeout=2):
        return True
    return False
