"""The gate's Sessions, by run, in memory: bounded, idle-expired, and what they remember kept over a restart.

What rules may ask about earlier calls (policy_dsl.state) is written with the Records that it comes of, as changes; from
time to time, and after a restart, everything that stands is written anew in their place. The re-telling of refusals is
not kept. What the user says is kept at once where session policies are drafted from it, as losing it would lose what
they take away; elsewhere with the rest, as losing it takes grants away and gives none.

A Session that was idle for a day is over, and so is the one that was used longest ago where there are too many.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec

from guardrail import Principal, Remembered, Session
from policy_dsl.state import Delta, Shared, StateError, StatePlan, read_deltas, write_deltas

from .wire import PastRefusal, ToolResult

if TYPE_CHECKING:
    from .session_policies import Drafted

IDLE_SECONDS: Final = 24 * 3600
"""Design: without a minted run there is one session per principal, with an idle expiry of 24 hours."""

USE_SECONDS: Final = 3600
"""How often other replicas are told that a Session is in use of which nothing else is to be told. Each keeps it for
twice as long beyond IDLE_SECONDS, so that none forgets a label while another serves the run."""

MOST_SESSIONS: Final = 100_000
REFUSALS_RETOLD: Final = 64
"""Refused calls per run that are put back into later requests; older ones stay in the client's history as text."""

RESULTS_KNOWN: Final = 16_384
"""Results per run that are told apart from new ones; clients send all earlier ones with every request."""

_ONCE: Final = frozenset({"reset", "failed", "endorse", "declassify"})
"""Changes that give grants back. Carried out a second time, after what others wrote, they would undo that too."""

ROWS_BEFORE_ANEW: Final = 20_000
"""Changes that are written before everything is written anew: bounds the file, and what a restart has to read."""


@dataclass(slots=True)
class RunState:
    """One run as the gate knows it. `refused` counts every refusal, also those no longer kept for re-telling.

    `drafted` is the session policy that was drafted for this run (session_policies.py), `heard` what the user said as
    far as it is known to be durable. `shown` is when the replicas
    last heard that the run is in use. `handed` are the changes that
    commits were given while it is not known whether they stand. `tried` are those that a try told the Session, which
    are taken back where it is not written; whether it `tried_end`, too.
    """

    session: Session
    used: float
    refused: int = 0
    past: deque[PastRefusal] = field(default_factory=lambda: deque(maxlen=REFUSALS_RETOLD))
    known: set[bytes] = field(default_factory=set)
    written: int = 0
    shown: float = 0.0
    handed: tuple[Delta, ...] = ()
    tried: list[Delta] = field(default_factory=list)
    tried_end: bool = False
    drafted: Drafted | None = None
    heard: tuple[str, ...] = ()

    def under(self, plan: StatePlan) -> None:
        """Go on by what a policy wants remembered; every change from here on is written down."""
        self.session.adopt(plan)
        self.session.journal()

    @property
    def pending(self) -> tuple[Delta, ...]:
        """What the Session was told and no commit is known to have written."""
        journal = self.session.journal()
        return self.handed if journal is None else self.handed + journal.since(self.written)

    def decided(self, tell: Callable[[Session], None]) -> None:
        """Tell the Session of a Decision, in a turn; what that changes is known to be of a try. Where nothing is
        remembered there is no turn, and nothing is taken back."""
        session, journal = self.session, self.session.journal()
        if journal is None:
            tell(session)
            return
        mark, ended = journal.mark(), session.ended
        tell(session)
        self.tried += journal.since(mark)
        self.tried_end |= session.ended and not ended

    def stands(self) -> None:
        """What the Session was told by tries is not taken back any more."""
        self.tried.clear()
        self.tried_end = False

    def fresh(self, results: Iterable[ToolResult]) -> Iterator[ToolResult]:
        """Those of the results that this run has not been told of. Beyond RESULTS_KNOWN all are: reading one again
        changes nothing."""
        for result in results:
            name = blake2b(f"{result.call_id}\x00{result.tool}\x00{result.text}".encode(errors="replace")).digest()[:16]
            if name not in self.known:
                if len(self.known) < RESULTS_KNOWN:
                    self.known.add(name)
                yield result


class SessionBook:
    """All runs, least recently used first. One event loop only. `shared`: replicas remember in the same database, and
    what a commit was handed is kept until it is `settled`."""

    def __init__(self, now: Callable[[], float] = time.monotonic, *, shared: bool = False) -> None:
        self._now = now
        self._runs: OrderedDict[str, RunState] = OrderedDict()
        self._shared = Shared()
        self._rows = 0
        self._is_shared = shared
        self._idle = IDLE_SECONDS + (2 * USE_SECONDS if shared else 0)
        self._handed: list[RunState] = []

    def __len__(self) -> int:
        return len(self._runs)

    def of(self, run_id: str, principal: Principal, plan: StatePlan | None = None) -> RunState:
        """The state of this run, begun now if it is new or was idle too long."""
        now = self._now()
        state = self._runs.get(run_id)
        if state is None or now - state.used > self._idle or state.session.principal.key != principal.key:
            state = self._runs[run_id] = RunState(Session(principal, run_id, plan, self._shared), now, shown=now)
            self._forget(now)
        state.used = now
        self._runs.move_to_end(run_id)
        return state

    def aside(self, principal: Principal, plan: StatePlan) -> Session:
        """A Session that belongs to no run, to decide in and not to be told of anything."""
        return Session(principal, "", plan, self._shared)

    def find(self, run_id: str) -> RunState | None:
        """The state of a run that there is."""
        return self._runs.get(run_id)

    # --- what survives a restart --------------------------------------------------------------------------------------

    def changes(self, state: RunState) -> list[Remembered]:
        """What this Session remembers since it was last asked, to be committed at once with the Records."""
        session = state.session
        journal = session.journal()
        if journal is None and not session.ended:
            return []
        if self._rows >= ROWS_BEFORE_ANEW or (journal is not None and journal.is_cut):
            return self.everything()
        rows: list[Remembered] = []
        if journal is not None:
            deltas = state.pending
            self._hand(state)
            state.written = journal.mark()
            journal.forget(state.written)
            if deltas or (self._is_shared and self._now() - state.shown >= USE_SECONDS):
                state.shown = self._now()
                rows.append(Remembered("deltas", session.run_id, _text(session.principal), write_deltas(deltas)))
        if session.ended:
            rows.append(Remembered("session", session.run_id, _text(session.principal), session.export()))
        self._rows += len(rows)
        return rows

    def everything(self) -> list[Remembered]:
        """All that is remembered, in place of what was written before."""
        rows = [Remembered("anew", "", b"", b""), Remembered("shared", "", b"", self._shared.export())]
        for state in self._runs.values():
            session = state.session
            if session.journal() is not None or session.ended or session.facts.user_words:
                self._hand(state)
                rows.append(_whole(state))
        self._rows = len(rows)
        return rows

    def words(self, state: RunState) -> list[Remembered]:
        """What the user said, beside all else that stands of this Session."""
        self._rows += 1
        said = msgspec.json.encode(state.session.facts.user_words)
        return [Remembered("words", state.session.run_id, _text(state.session.principal), said)]

    def whole(self, state: RunState) -> list[Remembered]:
        """All that one Session remembers, the user's words too, in place of what was written of it before."""
        self._rows += 1
        self._hand(state)
        return [_whole(state)]

    def _hand(self, state: RunState) -> None:
        if self._is_shared:
            state.handed = state.pending
            self._handed.append(state)

    def begin(self) -> None:
        """A turn begins. What an earlier one handed to a commit of which nothing was heard is written once more with
        the next of that Session: it counts twice rather than not at all, and gives nothing back twice."""
        for state in self._handed:
            state.handed = tuple(delta for delta in state.handed if delta[0] not in _ONCE)
            state.shown = float("-inf")
            state.stands()
        self._handed.clear()

    def settled(self) -> None:
        """What this turn handed to a commit is durable."""
        for state in self._handed:
            state.handed = ()
            state.stands()
        self._handed.clear()

    def follow(self, rows: Sequence[Remembered], plan: StatePlan) -> bool:
        """Take over what other replicas remembered; False, and nothing is done, where `put_back` has to. Raises
        StateError."""
        if any(row.kind not in ("deltas", "words") for row in rows):
            return False
        for row in rows:
            state = self.of(row.owner, _principal(row.principal), plan)
            state.shown = state.used
            if row.kind == "words":
                state.session.user_said(_words(row.body))
                continue
            state.session.adopt(plan)
            state.session.replay(read_deltas(row.body))
        self._rows += len(rows)
        return True

    def put_back(
        self,
        rows: Sequence[Remembered],
        plan: StatePlan,
    ) -> None:
        """Every Session as `rows`, all that stands, tell it, and what it was told since then but by a try. Raises
        StateError, and then nothing is changed."""
        read = SessionBook(self._now)
        read.restore(rows, plan)
        for name, old in self._runs.items():
            if (journal := old.session.journal()) is not None and journal.is_cut:
                raise StateError("too much was told at once")
            is_known = name in read._runs
            new = read.of(name, old.session.principal, plan).session
            if old.session.state is None and not is_known:
                new.restore(old.session.export())
                continue
            tried = {id(delta) for delta in old.tried}
            told = tuple(delta for delta in old.pending if id(delta) not in tried)
            if told:
                new.replay(told)
            if (journal := new.journal()) is not None:
                for delta in told:
                    journal.add(delta)
            new.user_said(old.session.facts.user_words)
            new.tick(old.session.facts.now)
            new.ended |= old.session.ended and not old.tried_end
        for state in self._handed:
            state.shown = float("-inf")
        self._shared, self._rows = read._shared, read._rows
        for name, fresh in read._runs.items():
            state = self._runs.setdefault(name, fresh)
            state.session, state.written, state.handed = fresh.session, 0, ()
            state.stands()
        self._handed.clear()

    def restore(self, rows: Iterable[Remembered], plan: StatePlan) -> None:
        """Take over what was written. For a book in which there is nothing yet. Raises StateError."""
        for row in rows:
            self._rows += 1
            if row.kind == "shared":
                self._shared = Shared.restore(row.body)
                continue
            principal = _principal(row.principal)
            if row.kind == "session":
                now = self._now()
                state = RunState(Session(principal, row.owner, plan, self._shared), now, shown=now)
                state.session.restore(row.body)
                self._runs[row.owner] = state
            elif row.kind == "words":
                self.of(row.owner, principal, plan).session.user_said(_words(row.body))
            else:
                self.of(row.owner, principal, plan).session.replay(read_deltas(row.body))

    def _forget(self, now: float) -> None:
        while self._runs:
            oldest, state = next(iter(self._runs.items()))
            if len(self._runs) <= MOST_SESSIONS and now - state.used <= self._idle:
                return
            del self._runs[oldest]


def _whole(state: RunState) -> Remembered:
    session = state.session
    journal = session.journal()
    if journal is not None:
        state.written = journal.mark()
        journal.forget(state.written)
    return Remembered("session", session.run_id, _text(session.principal), session.export())


def _words(text: bytes) -> list[str]:
    try:
        return msgspec.json.decode(text, type=list[str])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StateError("what the user said cannot be read") from error


def _text(principal: Principal) -> bytes:
    who: dict[str, Any] = {
        "tenant": principal.tenant,
        "agent": principal.agent,
        "user": principal.user,
        "roles": sorted(principal.roles),
        "via": list(principal.via),
    }
    return msgspec.json.encode(who)


def _principal(text: bytes) -> Principal:
    who = msgspec.json.decode(text)
    return Principal(who["tenant"], who["agent"], who["user"], frozenset(who["roles"]), via=tuple(who["via"]))
