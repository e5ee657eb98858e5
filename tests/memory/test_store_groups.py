"""A group of reports in one transaction: each is decided as if it came alone, and none counts before all are committed
(memory/store/intake.py, arrays.py, lists.py, memory/service/together.py)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from sqlalchemy import event

from memory import Context, Reported, Retracted, State
from memory.service import Memory
from memory.store import Store

QUOTA = 3
ROOT = Path(__file__).resolve().parents[2]

# Few names, so that most examples hold duplicates, keys that are used again, quotas that run out, and the retracted.
CLAIMS = st.lists(
    st.tuples(
        st.sampled_from(["d1", "d2", "d3", "d'\"[4]", "dé5"]),
        st.sampled_from(["ann", "bob", 'é\\"\u00a0x', "gone"]),
        st.sampled_from(["acme", "zeta"]),
        st.sampled_from(["", "k1", "k2"]),
        st.sampled_from(["allow", "forbid"]),
        st.sampled_from([0, 1]),
        st.sampled_from(["user", "audit"]),
        st.booleans(),
    ),
    max_size=14,
)


def reports_of(claims: Sequence[tuple[Any, ...]], kept: Any, suffix: str) -> list[Reported]:
    made = []
    for decision, by, tenant, key, label, day, kind, readable in claims:
        observed = kept.observed(decision, f"{tenant}-{suffix}", audited=0.5)
        # A lone surrogate is what no rule of the service lets through, should one ever be missing.
        reporter = kept.reporter(by, f"{tenant}-{suffix}", kind=kind, unit="" if readable else "\ud800")
        made.append(Reported(day * kept.DAY, observed, reporter, label, "", key))
    return made


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = Store(store_url)
    yield store
    store.close()


def events(store: Store, tenant: str, suffix: str) -> list[Any]:
    """The tenant's log without the name of its copy."""
    assert store.verify(f"{tenant}-{suffix}") == ()
    text = msgspec.json.encode(list(store.log(f"{tenant}-{suffix}"))).decode()
    found: list[Any] = msgspec.json.decode(text.replace(f"{tenant}-{suffix}", tenant))
    return found


def test_a_group_comes_to_what_its_reports_come_to_one_by_one(
    store: Store, kept: Any, every: Callable[..., None]
) -> None:
    numbers = iter(range(10**6))

    def check(claims: list[tuple[Any, ...]], cuts: int) -> None:
        alone, grouped = f"{(number := next(numbers))}-alone", f"{number}-grouped"
        for suffix in (alone, grouped):
            for tenant in ("acme", "zeta"):
                held = store.load(f"{tenant}-{suffix}")
                store.save(held, Retracted(1, "eve", "gone"), State(f"{tenant}-{suffix}"), None)
        single = [store.receive([report], QUOTA)[0] for report in reports_of(claims, kept, alone)]
        group = reports_of(claims, kept, grouped)
        size = max(1, len(group) // cuts)
        together = [one for at in range(0, len(group), size) for one in store.receive(group[at : at + size], QUOTA)]
        assert together == single
        for tenant in ("acme", "zeta"):
            assert events(store, tenant, grouped) == events(store, tenant, alone)
            taken = sum(one == "taken" and claim[2] == tenant for one, claim in zip(single, claims, strict=True))
            assert len(events(store, tenant, alone)) == 1 + taken, "nothing is stored twice, nothing else is stored"

    every(12, check, CLAIMS, st.integers(1, 3))


def test_a_report_that_cannot_be_written_is_refused_alone(store: Store, kept: Any) -> None:
    claims = [(f"d{n}", "ann", "acme", f"k{n}", "allow", 0, "user", n != 1) for n in range(3)]
    assert store.receive(reports_of(claims, kept, "x"), QUOTA) == ["taken", "bad-report", "taken"]
    mended = reports_of([(*claim[:-1], True) for claim in claims], kept, "x")
    assert store.receive(mended, QUOTA) == ["again", "taken", "again"], "it left nothing behind, not even its key"


class Planted(Exception):
    """The fault."""


def test_a_commit_that_fails_is_success_to_nobody(store_url: str, kept: Any) -> None:
    memory = Memory(store_url)
    heard: list[str] = []
    failing = threading.Event()
    failing.set()

    def fail(_connection: Any) -> None:
        if failing.is_set():
            raise Planted

    def report(number: int) -> None:
        one = kept.reported(f"dec-{number}", f"r{number}")
        try:
            memory.report(one.observed, one.reporter, one.label)
        except Planted:
            heard.append("failed")
        else:
            heard.append("taken")

    def all_at_once(count: int) -> None:
        threads = [threading.Thread(target=report, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    event.listen(memory.store.database.engine, "commit", fail)
    all_at_once(12)
    assert heard == ["failed"] * 12
    failing.clear()
    assert memory.counts == {}
    assert list(memory.history("acme")) == []
    heard.clear()
    all_at_once(12)
    assert heard == ["taken"] * 12
    assert sorted(row.sequence for row in memory.history("acme")) == list(range(1, 13))
    assert memory.verify("acme") == ()
    memory.close()


DIES = """
import os, sys, threading
from sqlalchemy import event
from memory import Context, Observed, Reporter
from memory.service import Memory
memory, when = Memory(sys.argv[1]), sys.argv[2]
os.write(1, b"opened\\n")
def report(number):
    context = Context("send_money", (), "")
    observed = Observed(f"dec-{number}", "acme", 0, "acme/bot", context, "allow", "allow", "7b")
    memory.report(observed, Reporter(f"r{number}", "acme", "user"), "forbid", key="k")
    os.write(1, b"taken\\n")
engine = memory.store.database.engine
event.listen(engine, "commit", lambda connection: os._exit(9) if when == "before" else None)
event.listen(engine, "checkin", lambda *rest: os._exit(9) if when == "after" else None)
threads = [threading.Thread(target=report, args=(number,)) for number in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_dies_around_the_commit_acknowledged_nothing_that_is_lost(
    when: str, store_url: str, kept: Any
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIES, store_url, when], cwd=ROOT, capture_output=True, text=True, env=dict(os.environ)
    )
    assert (done.returncode, done.stdout) == (9, "opened\n"), done.stderr
    memory = Memory(store_url)
    stand = len(list(memory.history("acme")))
    assert stand == 0 if when == "before" else 1 <= stand <= 6
    for number in range(6):  # whoever heard nothing sends it again under the same key
        observed = kept.observed(f"dec-{number}", context=Context("send_money", (), ""))
        memory.report(observed, kept.reporter(f"r{number}"), "forbid", key="k")
    assert memory.counts == {"taken": 6 - stand, "again": stand} if stand else {"taken": 6}
    assert len(list(memory.history("acme"))) == 6
    assert memory.verify("acme") == ()
    memory.close()
