"""The State of one session: what its policy wants remembered of it, as facts.History. Events in, answers out.

Every change is one Delta, made here and carried out by `apply`, so that what a journal holds is what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..ast import EventKind
from ..compile import ABSENT
from ..compile.binding import binds
from ..facts import Facts, HistoryFault
from ..values.number import is_number
from . import kept
from .answers import Answers, Kind
from .calls import Calls, Reservation, Waiting
from .feeding import Occurrence, changes
from .journal import Delta, Journal
from .ledger import Keys, Ledger
from .plan import UNTRUSTED, LabelPair, StatePlan, TrackerPlan
from .previous import Previous
from .shared import SESSION, Ledgers, Owning, Shared, owner_of

TOOLS_SEEN: Final = 1_024
"""Pairs of a kind of event and a tool that a session knows to have happened, for policies that come later."""


class State:
    """What one session of one principal remembers. `facts` says who that is. Not thread-safe.

    Times are microseconds since 1970 UTC, 0 where no clock is known; what has a window then has no answer (`missing`).
    """

    __slots__ = (
        "_answers",
        "_answers_of",
        "_asked",
        "_blind",
        "_bound",
        "_calls",
        "_came",
        "_facts",
        "_found",
        "_happened",
        "_labels",
        "_next",
        "_own",
        "_plan",
        "_shared",
        "_unread",
        "journal",
    )

    def __init__(self, plan: StatePlan, facts: Facts, shared: Ledgers | None = None) -> None:
        self.journal: Journal | None = None
        self._facts = facts
        self._shared: Ledgers = Shared() if shared is None else shared
        self._labels: frozenset[LabelPair] = frozenset()
        self._answers = Answers()
        self._calls = Calls()
        self._next = 1
        self._own: dict[str, Ledger | Previous] = {}
        self._unread: dict[str, Any] = {}
        self._happened: set[tuple[str, str | None, str]] = set()
        self._blind = False
        self._take(plan)

    def held_by(self, claims: Mapping[str, Any]) -> None:
        """What is told from here on is told of who has these claims."""
        self._facts.claims = claims

    def _take(self, plan: StatePlan) -> None:
        self._plan = plan
        self._bound = frozenset(tracker.id for tracker in plan.trackers if binds(tracker.scope, self._facts))
        self._asked = [
            (tracker, owner_of(tracker, self._facts), tracker.nothing, tracker.has_window) for tracker in plan.trackers
        ]
        self._came: tuple[Any, int, bool, bool | HistoryFault] | None = None
        self._answers_of: dict[int, tuple[int, list[Kind], bool]] = {}
        self._found: list[Ledger | Previous | None] = [self._own.get(tracker.id) for tracker in plan.trackers]
        for place, tracker in enumerate(plan.trackers):
            if tracker.id in self._unread and tracker.owner == "session":
                opened = self._open_own(tracker)
                opened.restore(self._unread.pop(tracker.id))
                self._found[place] = opened

    @property
    def plan(self) -> StatePlan:
        return self._plan

    # --- answers (facts.History) ------------------------------------------------------------------------------------

    @property
    def labels(self) -> frozenset[LabelPair]:
        return self._labels

    def tally(self, tracker: int, keys: tuple[Any, ...], now: int) -> Any:
        asked, owner, nothing, has_window = self._asked[tracker]
        typed: Keys | None = keys if not keys or (len(keys) == 1 and kept.is_plain(keys[0])) else kept.keys(keys)
        if typed is None:
            return "wrong-type"
        if now == 0 and has_window:
            return "missing"
        if owner is None:
            return "missing"
        ledger = self._found[tracker] if owner is SESSION else self._shared.find(owner, asked)
        if ledger is None:
            return "forgotten" if owner is not SESSION and self._shared.has_lost else nothing
        return ledger.answer(typed, now)

    seen = tally  # one question: the tracker's measure says what kind of answer it has

    def in_results(self, value: Any, source: int) -> bool | HistoryFault:
        return self._comes_from(value, source, loosely=False)

    def derived(self, value: Any, source: int) -> bool | HistoryFault:
        return self._comes_from(value, source, loosely=True)

    def _comes_from(self, value: Any, source: int, *, loosely: bool) -> bool | HistoryFault:
        """The latest answer is kept: one decision asks the same up to three times."""
        if type(value) is not str and not is_number(value):
            return "wrong-type"
        came = self._came
        if came is None or came[0] != value or came[1] != source or came[2] is not loosely:
            found = self._derived(value, source) if loosely else self._in_results(value, source)
            came = self._came = value, source, loosely, found
        return came[3]

    def _in_results(self, value: Any, source: int) -> bool | HistoryFault:
        kinds, forgotten = self._kinds_of(source)
        found, claimed, lost = self._answers.find(value, kinds)
        if found:
            return True
        if forgotten or lost:
            return "forgotten"
        return "claimed" if claimed else False

    def _derived(self, value: Any, source: int) -> bool | HistoryFault:
        kinds, forgotten = self._kinds_of(source)
        found, claimed, lost = self._answers.find(value, kinds)
        if found or claimed or self._answers.is_held_by(value, kinds):
            return True
        return "forgotten" if forgotten or lost else False

    def _kinds_of(self, place: int) -> tuple[list[Kind], bool]:
        """The kinds of answers that a source means, and whether there were some of which nothing is kept."""
        answers = self._answers
        known = self._answers_of.get(place)
        if known is None or known[0] != answers.version:
            source, plan = self._plan.sources[place], self._plan
            kinds = [kind for kind in answers.kinds if plan.is_of(kind, source)]
            lost = answers.all_lost or any(plan.is_of(kind, source) for kind in answers.lost)
            known = self._answers_of[place] = answers.version, kinds, lost
        return known[1], known[2]

    # --- events -----------------------------------------------------------------------------------------------------

    def requested(self, server: str | None, tool: str, arguments: Mapping[str, Any], now: int) -> None:
        """A call was decided, whatever came of it."""
        self._feed(Occurrence(EventKind.REQUESTED, arguments, ABSENT, self._facts, now), server, tool)

    def refused(self, server: str | None, tool: str, arguments: Mapping[str, Any], now: int) -> None:
        self._feed(Occurrence(EventKind.REFUSED, arguments, ABSENT, self._facts, now), server, tool)

    def released(
        self,
        call_id: str,
        server: str | None,
        tool: str,
        arguments: Mapping[str, Any],
        now: int,
        *,
        observable: bool = True,
    ) -> None:
        """A call goes out with these arguments. `observable` is whether the gate will see its answer itself: if not,
        it is in doubt from now on whether it succeeds or fails, so that a client gains nothing by keeping quiet."""
        if self._plan.keeps_calls:
            number = self._next
            remembered = dict(arguments) if self._plan.reads_arguments and kept.is_short(arguments) else None
            self._do(("call", number, call_id, server, tool, remembered))
        else:
            number = 0
        event = Occurrence(EventKind.RELEASED, arguments, ABSENT, self._facts, now, None, number)
        self._feed(event, server, tool)
        if not observable:
            self._claim(server, tool, arguments, now)

    def answered(
        self,
        call_id: str,
        server: str | None,
        tool: str | None,
        arguments: Mapping[str, Any] | None,
        result: Any,
        now: int,
        *,
        ok: bool,
        observed: bool,
    ) -> None:
        """An answer came: of the waiting call with that id, else of the first one to that tool. `arguments` are used
        only where no call waits; None where nobody knows them."""
        number = self._calls.find(call_id, server, tool, observed)
        if call := self._calls.get(number):
            server, tool, arguments = call.server, call.tool, call.arguments
        tool = tool or ""
        if observed:
            kind = EventKind.SUCCEEDED if ok else EventKind.FAILED
            if number:
                self._do(("settled" if ok else "failed", number))
            self._feed(Occurrence(kind, arguments, result, self._facts, now), server, tool)
        else:
            if number:
                self._do(("claimed", number))
            self._claim(server, tool, arguments, now)
        self._read(server, tool, arguments, result, observed)

    def _claim(self, server: str | None, tool: str, arguments: Mapping[str, Any] | None, now: int) -> None:
        """Who only claims that a call succeeded may hide that it failed, and claim any answer."""
        for kind in (EventKind.SUCCEEDED, EventKind.FAILED):
            self._feed(Occurrence(kind, arguments, ABSENT, self._facts, now, "claimed"), server, tool)

    def _read(
        self, server: str | None, tool: str, arguments: Mapping[str, Any] | None, result: Any, observed: bool
    ) -> None:
        plan = self._plan
        labels = plan.labels(server, tool, arguments, self._facts, result, observed)
        for name, compartment in sorted(labels - self._labels, key=str):
            self._do(("label", name, compartment))
        kind = Kind(server, tool, labels, observed or plan.believes(server, tool))
        self._note("answered", server, tool)
        if any(plan.is_of(kind, source) for source in plan.sources):
            self._do(("answer", kind.written, self._answers.fresh(kind, result)))
        elif kind not in self._answers.lost and not self._answers.all_lost:
            self._do(("unread", kind.written))

    def _feed(self, event: Occurrence, server: str | None, tool: str) -> None:
        """Tell the trackers of an event."""
        self._unread = {}
        self._note(event.kind.value, server, tool)
        for move in self._plan.moves(event.kind, server, tool):
            owner = owner_of(move.tracker, self._facts) if move.tracker.id in self._bound else None
            if owner is not None:
                for delta in changes(event, move, owner):
                    self._do(delta)

    def _note(self, event: str, server: str | None, tool: str) -> None:
        if not self._blind and (event, server, tool) not in self._happened:
            self._do(("seen", event, server, tool))

    # --- acts and policies ------------------------------------------------------------------------------------------

    def unwatched(self) -> None:
        """Something happened that was not told, because no policy in force asked for it."""
        self._unread = {}
        if not self._blind:
            self._do(("blind",))

    def given(self, label: LabelPair) -> None:
        """The session carries a label from elsewhere."""
        self._do(("label", *label))

    def endorse(self, by: str, why: str, now: int) -> Delta:
        """A person vouches for what this session has read: it is no longer untrusted, until an answer is again."""
        return self._do(("endorse", by, why, now))

    def declassify(self, label: LabelPair, by: str, why: str, now: int) -> Delta:
        """A person takes a label off the session. Where its answers went is not forgotten: sources keep it."""
        return self._do(("declassify", *label, by, why, now))

    def adopt(self, plan: StatePlan, now: int) -> None:
        """Go on by another policy. Trackers that both have go on; what the session kept for others is dropped, since
        it would miss what happens meanwhile. What only the new one asks for starts in doubt (`forgotten`) where calls
        that it would have counted have been made, and labels that it would have given to answers that came are given.
        Counters of agents, users and tenants count from when they are first asked for, and pause where they are not."""
        before = self._plan
        known = before.by_id.keys() | self._unread.keys()
        self._own = {id: kept for id, kept in self._own.items() if id in plan.by_id}
        self._take(plan)
        self._unread = {}
        tools = [(server, tool) for event, server, tool in self._happened if event == "answered"]
        labels = plan.all_labels | {UNTRUSTED} if self._blind else plan.labels_that_fit(tools, before)
        for name, compartment in sorted(labels - self._labels, key=str):
            self._do(("label", name, compartment))
        for tracker in plan.trackers:
            if tracker.id in known or tracker.id not in self._bound or tracker.owner != "session":
                continue
            if self._may_have_moved(tracker):
                self._do(("doubt", SESSION, tracker.id, None, "forgotten", now))

    def _may_have_moved(self, tracker: TrackerPlan) -> bool:
        return self._blind or any(
            feed.takes(event, server, tool) or (tracker.measure == "previous" and event == feed.kind)
            for event, server, tool in self._happened
            for feed in tracker.feeds
        )

    # --- changes ----------------------------------------------------------------------------------------------------

    def _do(self, delta: Delta) -> Delta:
        self.apply(delta)
        if self.journal is not None:
            self.journal.add(delta)
        return delta

    def apply(self, delta: Delta) -> None:
        """Carry out a change, a new one or one that another State of the same plan journalled."""
        self._came = None
        match delta:
            case ("post" | "doubt" | "reset" | "shake" | "other", *_):
                self._move(delta)
            case ("call", number, call_id, server, tool, arguments):
                self._calls.add(number, Waiting(call_id, server, tool, arguments))
                self._next = number + 1
            case ("settled", number):
                self._calls.pop(number)
            case ("failed", number):
                self._give_back(number)
            case ("claimed", number):
                self._calls.claim(number)
            case ("label", name, compartment):
                self._labels |= {(name, compartment)}
            case ("endorse", *_):
                self._labels -= {UNTRUSTED}
            case ("declassify", name, compartment, *_):
                self._labels -= {(name, compartment)}
            case ("answer", kind, parts):
                self._answers.add(Kind.of(kind), parts)
            case ("unread", kind):
                self._answers.lose(Kind.of(kind))
            case ("seen", event, server, tool):
                self._blind = len(self._happened) >= TOOLS_SEEN
                self._happened.add((event, server, tool))
            case ("blind",):
                self._blind = True
            case _:
                raise kept.StateError("the delta cannot be read")

    def _move(self, delta: Delta) -> None:
        """A change of one ledger. One of a tracker that no policy in force has is of no use to any answer."""
        what, owner, id, keys, code, now, *rest = delta
        tracker = self._plan.by_id.get(id)
        if tracker is None:
            return
        if tracker.measure == "previous":
            self._move_previous(self._previous(tracker), what, keys, code, now)
            return
        ledger = self._ledger(owner, tracker, now)
        if ledger is None:
            return
        match what:
            case "post":
                posted = ledger.post(keys, code, now)
                call = self._calls.get(rest[0])
                if posted is not None and call is not None and tracker.measure != "last":
                    call.reserved.append(Reservation(owner, id, keys, code, posted[1], posted[0]))
            case "doubt":
                ledger.doubt(keys, code, now)
            case "reset":
                ledger.reset(keys, now)
            case "shake":
                ledger.shake(keys, code, now)

    @staticmethod
    def _move_previous(latest: Previous, what: str, keys: Keys | None, code: Any, now: int) -> None:
        if what == "post":
            latest.post(() if keys is None else keys, now)
        elif what == "doubt":
            latest.doubt(code, now)
        elif code is None:
            latest.clear(now)
        elif not latest.is_settled_no:
            latest.doubt(code, now)

    def _ledger(self, owner: Owning, tracker: TrackerPlan, now: int) -> Ledger | None:
        if owner[0] != "session":
            return self._shared.open(owner, tracker, now)
        found = self._open_own(tracker)
        return found if isinstance(found, Ledger) else None

    def _previous(self, tracker: TrackerPlan) -> Previous:
        found = self._open_own(tracker)
        assert isinstance(found, Previous)
        return found

    def _open_own(self, tracker: TrackerPlan) -> Ledger | Previous:
        found = self._own.get(tracker.id)
        if found is None:
            found = Previous(tracker.duration) if tracker.measure == "previous" else tracker.ledger()
            self._own[tracker.id] = found
            self._found[self._plan.place_of[tracker.id]] = found
        return found

    def _give_back(self, number: int) -> None:
        """A released call is known to have failed: what it reserved is free again, where that is still what is kept."""
        call = self._calls.pop(number)
        for one in () if call is None else call.reserved:
            if self._stands(one):
                one.cell.give_back(one.value, one.at)

    def _stands(self, one: Reservation) -> bool:
        """Whether what was reserved is still counted: a reset or a new period puts another cell in place."""
        tracker = self._plan.by_id.get(one.tracker)
        if one.owner[0] == "session":
            ledger = self._own.get(one.tracker)
        else:
            ledger = None if tracker is None else self._shared.find(one.owner, tracker)
        return isinstance(ledger, Ledger) and ledger.holds(one.keys, one.cell)

    # --- what survives a restart ------------------------------------------------------------------------------------

    def export(self) -> bytes:
        """Everything but the shared ledgers, as text for `restore` of a new State."""
        ledgers = {id: ledger.export() for id, ledger in self._own.items()}
        return kept.write(
            {
                "labels": sorted(self._labels, key=str),
                "own": {**self._unread, **ledgers},
                "calls": [
                    [number, call.call_id, call.server, call.tool, call.arguments, call.claimed, self._reserved(call)]
                    for number, call in self._calls.items()
                ],
                "next": self._next,
                "answers": self._answers.export(),
                "happened": sorted(self._happened, key=str),
                "blind": self._blind,
            }
        )

    def _reserved(self, call: Waiting) -> list[Any]:
        return [one[:-1] for one in call.reserved if self._stands(one)]

    def restore(self, text: bytes) -> None:
        """Take over what another State of this principal exported, into one that has seen nothing. Raises
        StateError. Shared ledgers have to be restored before."""
        tree = kept.read(text)
        try:
            self._restore(tree)
        except kept.MALFORMED as error:
            raise kept.StateError("the state cannot be read") from error

    def _restore(self, tree: dict[str, Any]) -> None:
        self._labels = frozenset((name, compartment) for name, compartment in tree["labels"])
        self._unread = tree["own"]
        self._next, self._blind = tree["next"], tree["blind"]
        self._happened = {(event, server, tool) for event, server, tool in tree["happened"]}
        self._answers.restore(tree["answers"])
        self._take(self._plan)
        for number, call_id, server, tool, arguments, claimed, reserved in tree["calls"]:
            call = Waiting(call_id, server, tool, arguments, claimed)
            self._calls.add(number, call)
            for owner, id, keys, value, at in kept.frozen(reserved):
                tracker = self._plan.by_id.get(id)
                ledger = tracker and self._ledger(owner, tracker, at)
                cell = ledger.cell(keys) if isinstance(ledger, Ledger) else None
                if cell is not None:
                    call.reserved.append(Reservation(owner, id, keys, value, at, cell))
