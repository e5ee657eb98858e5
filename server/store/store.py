"""The Store: one database, seen from the server's event loop (commit, runs, callers) and from the command line."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection
from types import TracebackType
from typing import Any, Final

from guardrail import Clock, Principal, Record, Remembered, instant, new_id
from guardrail.chain import Row, Verification
from server.exchange import Caller

from . import anchor, approvals, audit, keys, outbox, runs, seen
from .addresses import backend_at
from .approvals import Approval, ApprovalChange, ApprovalState
from .errors import StoreError, StoreUnavailable
from .hearing import Hearing
from .keys import SECRET_LENGTH, SECRET_PREFIX, KeyInfo
from .outbox import Announcement
from .pins import PinShelf
from .port import Backend, Handover, Statement, Write
from .runs import Run
from .seen import Seen
from .shelf import Shelf
from .versions import PolicyChange
from .writer import Writer

KEYS_STALE_SECONDS: Final = 2.0
"""Within this time a revoked key stops working, or no key works: a server that cannot read revocations refuses."""

LEASE_SECONDS: Final = 2.0
"""After so long without an answer of a database that replicas share, this one serves nothing."""

RUNS_REMEMBERED: Final = 10_000

RETENTION_DAYS: Final = 30
"""How long payloads are kept unless the settings say otherwise."""


def _now() -> datetime:
    return datetime.now(UTC)


class Store:
    """Records, keys and runs in one SQLite file, or in a PostgreSQL database that replicas share.

    `open` makes or migrates the file. `start` begins the writer; only `commit`, `mint_run` and `caller_for` need it.
    The rest opens a connection of its own and works beside a running server, from any process. All raise StoreError.
    `lot` is a secret of this database: who does not know it cannot tell which decisions are drawn for audit. Under
    `state_key` approvals are sealed that leave the gate and come back.
    """

    def __init__(
        self, database: Backend, identity: str, lot: bytes, state_key: bytes, clock: Clock, retention_days: int
    ) -> None:
        self.identity = identity
        self.lot = lot
        self.state_key = state_key
        self._database = database
        self._clock = clock
        self._writer = Writer(database.ledger(identity, clock, retention_days))
        self.policies = Shelf(database, self._submit)
        self.pins = PinShelf(database)
        self._claim: Callable[[], None] | None = None
        self.hearing = Hearing()
        self.hearing.on("api_key", lambda _: self._writer.look_soon())
        self._deafen: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop
        self._thread = 0
        self._waiting: list[Write] = []
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._ids = keys.RingById()

    @classmethod
    def open(
        cls,
        url_or_path: str | os.PathLike[str],
        *,
        clock: Clock = _now,
        create: bool = True,
        retention_days: int = RETENTION_DAYS,
        factory: type[Connection] = Connection,
        lease_seconds: float = LEASE_SECONDS,
    ) -> Store:
        """The store at a path, at `sqlite:///path` or at `postgresql://...`. With `create` false it must be there.

        Payloads are erased `retention_days` days after the day they were written on, whatever was set on that day.
        `factory` is the class of every connection to SQLite. After `lease_seconds` without an answer of PostgreSQL
        nothing is served until it answers again.
        """
        database = backend_at(url_or_path, factory, lease_seconds)
        if not create and not database.exists():
            raise StoreUnavailable(f"there is no database at `{database.place}`")
        database.create()
        with database.session() as connection:
            identity, lot, key = connection.execute("SELECT identity, lot, state_key FROM store").fetchone()
        return cls(database, identity, bytes(lot), bytes(key), clock, retention_days)

    def start(self) -> None:
        """Begin to write. Raises StoreLocked where another process does, StoreUnavailable where it cannot."""
        if self._claim is not None:
            raise StoreError("the store was started before")
        self._claim = self._database.claim()
        self._writer.start()
        if self._writer.trouble is not None:
            trouble = self._writer.trouble
            self.close()
            raise StoreUnavailable(trouble)
        self._deafen = self._database.listen(self.hearing.heard)

    def close(self) -> None:
        """Make durable what was handed over, then stop. Later commits raise StoreClosed."""
        self._deafen()
        self._writer.close()
        if self._claim is not None:
            self._claim()
            self._claim = None
        self._database.close()

    def __enter__(self) -> Store:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def healthy(self) -> str | None:
        """None while records can be written, else why not."""
        return self._writer.trouble or self._silent()

    def _silent(self) -> str | None:
        """Why nothing may be served although nothing failed: a database over the network that does not answer."""
        lease = self._database.lease_seconds
        if lease is None or time.monotonic() - self._writer.heard <= lease:
            return None
        return "the database does not answer"

    # --- durable writes ----------------------------------------------------------------------------------------------

    async def commit(
        self,
        records: Sequence[Record],
        remembered: Sequence[Remembered] = (),
        approvals: Sequence[ApprovalChange] = (),
        *,
        since: int | None = None,
    ) -> None:
        """Return when all of `records` would survive a power cut; they stand together and in this order, and what is
        `remembered` and what becomes of `approvals` is written with them or not at all.

        Raises StoreError where that is not certain, AlreadyUsed and AlreadyAnswered where a change of an approval does
        not hold, Stale where another replica remembered something after `since` (a value of `followed`; None: as it is
        now): then nothing of this call was written. Cancelling the caller does not take the records back.
        """
        await self._submit(records, (), approvals, remembered, since)

    def commit_blocking(self, records: Sequence[Record]) -> None:
        """As `commit`, from a thread that has no event loop."""
        done: Future[None] = Future()
        self._writer.submit(Handover(None, [Write(records, (), done)]))
        done.result()

    def _submit(
        self,
        records: Sequence[Record],
        statements: Sequence[Statement] = (),
        changes: Sequence[ApprovalChange] = (),
        remembered: Sequence[Remembered] = (),
        since: int | None = None,
        policies: Sequence[PolicyChange] = (),
    ) -> asyncio.Future[None]:
        """Queue a write. All writes of one turn of the loop are handed over together, after the tasks of that turn."""
        if not self._waiting:
            # Once a turn: CPython 3.11 asks the kernel for the process's id each time it is asked for the loop.
            self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
            self._loop.call_soon(self._hand_over)
        elif threading.get_ident() != self._thread:
            raise StoreError("the store is used from two event loops")
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(Write(records, statements, done, changes, remembered, since, policies=policies))
        return done

    def _hand_over(self) -> None:
        writes, self._waiting = self._waiting, []
        handover = Handover(self._loop, writes)
        silent, lease = self._silent(), self._database.lease_seconds
        if silent is not None and self._writer.trouble is None:
            handover.fail(StoreUnavailable(silent))
            return
        if lease is not None:
            self._loop.call_later(lease, _give_up, writes)
        self._writer.submit(handover)

    # --- runs --------------------------------------------------------------------------------------------------------

    async def mint_run(self, principal: Principal) -> Run:
        """A new run of `principal`, durable when this returns."""
        now = self._clock()
        run = Run(new_id("run", _milliseconds(now), os.urandom(10)), principal.key)
        values = (run.id, run.principal_key, instant(now))
        await self._submit((), [("INSERT INTO run (id, principal_key, made_at) VALUES (?, ?, ?)", values)])
        self._remember(run)
        return run

    def run_for(self, run_id: str, principal: Principal) -> Run | None:
        """The run with this id if it is the principal's own; None for anybody else's and for unknown ids alike."""
        default = self.default_run(principal)
        if run_id == default.id:
            return default
        run = self._runs.get(run_id)
        if run is None:
            with self._database.session() as connection:
                run = runs.run_with(connection, run_id)
            if run is not None:
                self._remember(run)
        return run if run is not None and run.principal_key == principal.key else None

    def default_run(self, principal: Principal) -> Run:
        """The run of a principal that names none."""
        return runs.default_run(self.identity, principal)

    def _remember(self, run: Run) -> None:
        self._runs[run.id] = run
        if len(self._runs) > RUNS_REMEMBERED:
            self._runs.popitem(last=False)

    # --- keys --------------------------------------------------------------------------------------------------------

    def caller_for(self, secret: str) -> Caller | None:
        """Who a key speaks for, from memory; None for an unknown or revoked key.

        Raises StoreUnavailable where revocations could not be read for KEYS_STALE_SECONDS.
        """
        known = self._writer.keys
        if time.monotonic() - known.at > KEYS_STALE_SECONDS:
            raise StoreUnavailable(self._writer.trouble or "the database does not answer")
        if len(secret) != SECRET_LENGTH or not secret.startswith(SECRET_PREFIX):
            return None
        held = known.ring.get(keys.digest_of(secret))
        if held is None or (held.until is not None and held.until <= self._now()):
            return None
        return held.caller

    def still_speaks(self, caller: Caller) -> bool:
        """Whether the key that a caller came with is good now, as far as is known; true for who came with none."""
        return self._ids.still_speaks(caller, self._writer.keys.ring, self._now())

    def issue_key(
        self,
        tenant: str,
        agent: str,
        scopes: Collection[str],
        *,
        user: str | None = None,
        roles: Collection[str] = (),
        speaks_for_user: bool = False,
        label: str = "",
    ) -> tuple[str, KeyInfo]:
        """A new key: its secret, which is shown once and not kept, and what is known of it.

        Raises ValueError for a scope that does not exist.
        """
        now = self._clock()
        info = KeyInfo(
            id=new_id("key", _milliseconds(now), os.urandom(10)),
            tenant=tenant,
            agent=agent,
            user=user,
            roles=tuple(sorted(set(roles))),
            scopes=keys.known_scopes(scopes),
            speaks_for_user=speaks_for_user,
            label=label,
            made_at=instant(now),
            revoked_at=None,
        )
        secret = keys.new_secret()
        with self._database.session() as connection:
            keys.insert(connection, secret, info)
        return secret, info

    def list_keys(self) -> list[KeyInfo]:
        """All keys, revoked ones too, oldest first."""
        with self._database.session() as connection:
            return keys.everyone(connection)

    def rotate_key(self, key_id: str, grace_seconds: float) -> tuple[str, KeyInfo]:
        """A new key like this one, which ends after so many seconds: the new secret and what is known of it.

        Raises KeyError for a key that there is not, or that has ended.
        """
        now = self._clock()
        with self._database.session() as connection:
            connection.execute("BEGIN")  # what is raised inside closes the connection, and nothing of it is kept
            old = keys.one(connection, key_id)
            if old is None or (old.revoked_at is not None and old.revoked_at <= instant(now)):
                raise KeyError(key_id)
            new_name = new_id("key", _milliseconds(now), os.urandom(10))
            info = replace(old, id=new_name, made_at=instant(now), revoked_at=None)
            secret = keys.new_secret()
            keys.insert(connection, secret, info)
            keys.revoke(connection, key_id, instant(now + timedelta(seconds=grace_seconds)))
            connection.execute("COMMIT")
        return secret, info

    def revoke_key(self, key_id: str) -> bool:
        """Whether there is such a key. A running server stops honouring it within KEYS_STALE_SECONDS."""
        with self._database.session() as connection:
            return keys.revoke(connection, key_id, instant(self._clock()))

    def remembered(self) -> list[Remembered]:
        """What Sessions remembered when this database was last written to, in order."""
        with self._database.session() as connection:
            return self._database.follow(connection, all_of_it=True)

    @property
    def shared(self) -> bool:
        """Whether other replicas may write to this database at the same time."""
        return self._database.lease_seconds is not None

    @property
    def followed(self) -> int:
        """How far this replica has read what others remember; goes on with `remembered` and `news`."""
        return self._database.followed

    def news(self) -> list[Remembered]:
        """What other replicas remembered since `remembered` or this was last called, in order; empty on SQLite.

        It is for the Sessions to take over before the next decision. From the first call on this replica follows the
        others; one that does not, and finds that another remembered something, stops serving.
        """
        with self._database.session() as connection:
            return self._database.follow(connection, all_of_it=False)

    def queue(self, seconds: float) -> Callable[[], None] | None:
        """See port.Backend.queue; the result raises nothing."""
        return self._database.queue(seconds)

    # --- approvals ---------------------------------------------------------------------------------------------------

    def approval(self, approval_id: str, tenant: str) -> Approval | None:
        """The approval as it stands now; None for an unknown id and for another tenant's alike."""
        with self._database.session() as connection:
            found = approvals.one(connection, approval_id, self._now())
        return found if found is not None and found.tenant == tenant else None

    def approvals(self, tenant: str, states: Sequence[ApprovalState], most: int) -> list[Approval]:
        """Those of a tenant in one of `states`, newest first."""
        with self._database.session() as connection:
            return approvals.listed(connection, tenant, states, most, self._now())

    def approval_for(self, run: str, digest: str, policy_hash: str) -> Approval | None:
        """The approval of exactly this call in this run under this policy: a yes that holds, else the newest."""
        with self._database.session() as connection:
            return approvals.fitting(connection, run, digest, policy_hash, self._now())

    def approved(self, run: str, tenant: str) -> list[Approval]:
        """Every yes of a run that holds and is not used up, oldest first."""
        with self._database.session() as connection:
            return approvals.approved(connection, run, tenant, self._now())

    def open_runs(self) -> set[str]:
        """The runs in which something waits for a person, or for its release."""
        with self._database.session() as connection:
            return approvals.open_runs(connection, self._now())

    def asked(self, principal_key: str, since: str) -> list[tuple[str, bool, bool]]:
        """What a principal asked after `since` or waits for: id, whether asked since then, whether pending."""
        with self._database.session() as connection:
            return approvals.asked(connection, principal_key, since, self._now())

    def approvals_standing(self) -> tuple[dict[ApprovalState, int], str | None]:
        """How many approvals of all tenants stand how, and when the oldest that waits was asked for."""
        with self._database.session() as connection:
            return approvals.standing(connection, self._now())

    def announcements(self, most: int) -> list[Announcement]:
        """The asks that people are to be told of now, longest due first."""
        with self._database.session() as connection:
            return outbox.due(connection, self._now(), most)

    def take_announcement(self, found: Announcement, until: str) -> Approval | None:
        """The approval, where it is this caller's to tell of until then; None where somebody else came first."""
        with self._database.session() as connection:
            if not outbox.take(connection, found, until):
                return None
            return approvals.one(connection, found.approval, self._now())

    def announce_later(self, approval_id: str, due_at: str) -> None:
        """Nobody took it: it is tried again then."""
        with self._database.session() as connection:
            outbox.later(connection, approval_id, due_at)

    def announced(self, approval_id: str) -> None:
        """Nobody has to be told of it any more."""
        with self._database.session() as connection:
            outbox.settle(connection, approval_id)

    def _now(self) -> str:
        return instant(self._clock())

    # --- reading records ---------------------------------------------------------------------------------------------

    def decision(self, record_id: str, tenant: str) -> dict[str, Any] | None:
        """The members of a Record, with its `payload`; None for an unknown id and for another tenant's alike."""
        with self._database.session() as connection:
            found = audit.decision(connection, record_id)
        return found if found is not None and (found.get("tenant") or "") == tenant else None

    def decisions(self, exchange_id: str, tenant: str) -> list[dict[str, Any]]:
        """The Records of one exchange in order; none for an unknown exchange and for another tenant's alike."""
        with self._database.session() as connection:
            found = audit.decisions(connection, exchange_id)
        return [members for members in found if (members.get("tenant") or "") == tenant]

    def seen(self, record_id: str, tenant: str) -> Seen | None:
        """A Decision on a call of the tenant's, with what it was made in; None for every other id."""
        with self._database.session() as connection:
            return seen.one(connection, record_id, tenant)

    def seen_many(self, wanted: Sequence[tuple[str, str]]) -> list[Seen | None]:
        """The same for pairs of an id and a tenant, in their order."""
        with self._database.session() as connection:
            return seen.several(connection, wanted)

    def tenant_of(self, record_id: str) -> str | None:
        """Whose Record this is; for those alone who may see every tenant's."""
        with self._database.session() as connection:
            return seen.tenant_of(connection, record_id)

    def drawn(self, tenant: str, most: int) -> list[Seen]:
        """The newest Decisions that were drawn for audit and are not erased yet, newest first."""
        with self._database.session() as connection:
            return seen.drawn(connection, tenant, most, self._database.newest_by)

    def recent(self, tenant: str, most: int) -> list[Seen]:
        """The newest Decisions of which is still known what they were made in, newest first."""
        with self._database.session() as connection:
            return seen.recent(connection, tenant, most, self._database.newest_by)

    @contextmanager
    def rows(self, after: int = 0) -> Iterator[Iterator[Row]]:
        """The rows above position `after`, in order, read a page at a time."""
        with self._database.session() as connection:
            yield audit.rows(connection, after)

    def verify(self, checkpoints: Sequence[anchor.Checkpoint] = ()) -> Verification:
        """Check every row, and that each checkpoint's row is there unchanged."""
        with self._database.session() as connection:
            return self._database.verified(connection, audit.rows(connection), anchor.marks(checkpoints))

    def checkpoints(self) -> list[anchor.Checkpoint]:
        """The end of every chain that may still grow: one of SQLite's, one for each replica's of PostgreSQL."""
        now = instant(self._clock())
        with self._database.session() as connection:
            return [anchor.checkpoint(self.identity, row, now) for row in self._database.ends(connection)]

    def checkpoint(self) -> anchor.Checkpoint | None:
        """The end of the chain now, to be written outside; None in an empty database."""
        with self._database.session() as connection:
            last = audit.last_row(connection)
        return None if last is None else anchor.checkpoint(self.identity, last, instant(self._clock()))

    def erase(self, record_id: str, tenant: str) -> bool:
        """Erase the payload of a tenant's Record for good; whether there was one. The chain stays whole."""
        if self.decision(record_id, tenant) is None:
            return False
        with self._database.session() as connection:
            erased = audit.erase(connection, record_id)
            approvals.erase(connection, record_id)
            self._database.scrub(connection)
            return erased


def _give_up(writes: Sequence[Write]) -> None:
    """Nobody waits longer than the lease. What was handed over may still be written: the outcome is unknown."""
    for write in writes:
        if not write.done.done():
            write.done.set_exception(StoreUnavailable("the database does not answer"))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
