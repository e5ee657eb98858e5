"""What a session remembers, recomputed from all of its events at each question: the meaning of state/, kept naively.

An Event says that a call was requested, refused, released, or succeeded or failed with an answer. What is not sure
never counts and is never left out: an event that perhaps happened (`unsure`), one whose condition, key or value is an
error, and a reset that perhaps took place make every answer that they could change a fault. Nothing is bounded here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from ..ast import Calendar, EventKind, Feed, Json, LabelResults, PolicySet, Sliding, Source, Tracker
from ..facts import Facts, HistoryFault
from ..values import provenance
from ..values.clock import clock
from ..values.number import add, is_number
from .applies import binds, fits_tool
from .conditions import Evaluator
from .context import has_label
from .found import kind_of
from .kleene import Fault, Truth
from .operands import Answer

Labels = frozenset[tuple[str, str | None]]
Keys = tuple[Any, ...]
Tally = int | Decimal

UNTRUSTED = ("untrusted", None)
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Event:
    """One step of one call. `at` is in microseconds since 1970 UTC, and never less than that of the event before.

    `facts` says who acted in which `session`. `call` is the same for all steps of one call. `observed` is false where a
    client only claims the answer: then both a `succeeded` and a `failed` event are `claimed`, since nobody knows which.
    """

    kind: EventKind
    server: str | None
    tool: str
    arguments: Mapping[str, Json]
    at: int
    facts: Facts
    session: str
    call: int
    result: Answer | None = None
    observed: bool = True

    @property
    def unsure(self) -> HistoryFault | None:
        return None if self.observed else "claimed"


@dataclass(frozen=True, slots=True)
class _Post:
    """An event that counts, or perhaps counts (`unsure`); `keys` is None where it is not known for which."""

    order: int
    at: int
    keys: Keys | None
    value: Any
    unsure: HistoryFault | None


class Recollection:
    """A facts.History of one session of one principal, over the events of all sessions; `given` are labels from
    elsewhere."""

    def __init__(
        self, policy: PolicySet, events: Sequence[Event], facts: Facts, session: str, given: Labels = frozenset()
    ) -> None:
        self._policy = policy
        self._events = events
        self._facts = facts
        self._session = session
        self._given = given

    # --- counters and events ----------------------------------------------------------------------------------------

    def seen(self, tracker: int, keys: Keys, now: int) -> bool | HistoryFault:
        return cast("bool | HistoryFault", self._asked(self._policy.trackers[tracker], keys, now))

    def tally(self, tracker: int, keys: Keys, now: int) -> Tally | HistoryFault:
        return cast("Tally | HistoryFault", self._asked(self._policy.trackers[tracker], keys, now))

    def _asked(self, tracker: Tracker, asked: Keys, now: int) -> Any:
        keys = _typed(asked)
        if keys is None:
            return "wrong-type"
        if (now == 0 and tracker.window is not None) or _owner(tracker, self._facts, self._session) is None:
            return "missing"
        if tracker.measure == "previous":
            return self._previous(tracker, keys, now)
        posts, shakes = self._posts(tracker)
        posts = [post for post in posts if post.keys in (None, keys) and _inside(tracker, post.at, now)]
        shakes = [shake for shake in shakes if shake.keys in (None, keys) and _inside(tracker, shake.at, now)]
        sure = [post for post in posts if post.unsure is None]
        shaken = [shake for shake in shakes if any(post.order < shake.order for post in sure)]
        if tracker.measure == "last":
            if sure:
                undone = [shake for shake in shakes if shake.order > sure[-1].order]
                return _latest(undone) or True
            return _latest(posts) or False
        measured = _measured(tracker.measure, [post.value for post in sure])
        return _latest(posts) or (_latest(shaken) if measured else None) or measured

    def _posts(self, tracker: Tracker) -> tuple[list[_Post], list[_Post]]:
        """The events that count and no reset made forgotten, and the resets that perhaps took place."""
        posts: list[_Post] = []
        shakes: list[_Post] = []
        failed = {e.call for e in self._owned(tracker) if e.kind is EventKind.FAILED and e.observed}
        for order, event in enumerate(self._owned(tracker)):
            for keys, unsure in self._resets(tracker, event):
                if unsure is not None:
                    shakes.append(_Post(order, event.at, keys, None, unsure))
                else:
                    posts = [post for post in posts if keys is not None and post.keys != keys]
                    shakes = [shake for shake in shakes if keys is not None and shake.keys != keys]
            post = self._post(tracker, order, event)
            gives_back = tracker.measure != "last" and event.kind is EventKind.RELEASED and event.call in failed
            if post is not None and not (gives_back and post.unsure is None):
                posts.append(post)
        return posts, shakes

    def _previous(self, tracker: Tracker, keys: Keys, now: int) -> bool | HistoryFault:
        """Whether the latest event of the feeds' kinds was one that counts, for these keys."""
        latest: _Post | None = None
        kinds = {feed.kind for feed in tracker.feeds}
        for order, event in enumerate(self._owned(tracker)):
            for _, unsure in self._resets(tracker, event):
                if unsure is None:
                    latest = None
                elif latest is not None:
                    latest = _Post(order, event.at, None, None, unsure)
            if event.kind in kinds:
                post = self._post(tracker, order, event)
                if post is None and event.unsure is not None:
                    latest = latest and _Post(order, event.at, None, None, event.unsure)
                else:
                    latest = post
        if latest is None or not _inside(tracker, latest.at, now):
            return False
        return latest.unsure or latest.keys == keys

    def _owned(self, tracker: Tracker) -> list[Event]:
        mine = _owner(tracker, self._facts, self._session)
        return [
            event
            for event in self._events
            if binds(tracker.scope, event.facts) and _owner(tracker, event.facts, event.session) == mine
        ]

    def _resets(self, tracker: Tracker, event: Event) -> list[tuple[Keys | None, HistoryFault | None]]:
        found: list[tuple[Keys | None, HistoryFault | None]] = []
        for reset in tracker.resets:
            met = self._met(reset, event)
            if met is not False:
                keys = self._keys(reset, event) if reset.keys else None
                # A reset of nobody knows which keys is in doubt for all of them: it must not clear any.
                known = met is True and not (reset.keys and keys is None)
                found.append((keys, event.unsure or (None if known else "wrong-type")))
        return found

    def _post(self, tracker: Tracker, order: int, event: Event) -> _Post | None:
        """The event as the first feed counts it that takes it, else as the first that perhaps does."""
        met = [(feed, self._met(feed, event)) for feed in tracker.feeds]
        sure = [feed for feed, truth in met if truth is True]
        taking = sure or [feed for feed, truth in met if truth is not False]
        if not taking:
            return None
        keys, value = self._keys(taking[0], event), self._value(tracker, taking[0], event)
        unsure = event.unsure or ("wrong-type" if not sure or keys is None or value is None else None)
        return _Post(order, event.at, keys, value, unsure)

    def _met(self, feed: Feed, event: Event) -> Truth:
        if feed.kind is not event.kind or not fits_tool(feed.tools, event.tool, event.server):
            return False
        return True if feed.condition is None else self._evaluator(event).truth(feed.condition)

    def _keys(self, feed: Feed, event: Event) -> Keys | None:
        values = self._evaluator(event).keys(feed.keys)
        return None if isinstance(values, Fault) else _typed(values)

    def _value(self, tracker: Tracker, feed: Feed, event: Event) -> Any:
        if feed.value is None:
            return 1
        found = self._evaluator(event).value(feed.value)
        if isinstance(found, Fault):
            return None
        if tracker.measure == "distinct":
            typed = _typed((found.value,))
            return None if typed is None else typed[0]
        if not is_number(found.value):
            return None
        return max(found.value, 0) if tracker.measure == "sum" else found.value

    def _evaluator(self, event: Event) -> Evaluator:
        result = event.result if event.observed else None
        return Evaluator(event.arguments, event.facts, {}, result, self._policy.sets, self._policy.levels)

    # --- answers ----------------------------------------------------------------------------------------------------

    @property
    def labels(self) -> Labels:
        return self._given.union(*(self._labels_of(event) for event in self._answers()))

    def in_results(self, value: Any, source: int) -> bool | HistoryFault:
        if type(value) is not str and not is_number(value):
            return "wrong-type"
        wanted = self._policy.sources[source]
        found = [event for event in self._answers() if self._is_of(event, wanted) and _stands(value, event)]
        if any(event.observed or self._trusts(event, claimed=True) for event in found):
            return True
        return "claimed" if found else False

    def derived(self, value: Any, source: int) -> bool | HistoryFault:
        if type(value) is not str and not is_number(value):
            return "wrong-type"
        wanted = self._policy.sources[source]
        return any(
            _stands(value, event) or provenance.holds(value, _parts(event))
            for event in self._answers()
            if self._is_of(event, wanted)
        )

    def _answers(self) -> list[Event]:
        """The events of this session that brought an answer; each answer once."""
        kinds = (EventKind.SUCCEEDED, EventKind.FAILED)
        brought = [e for e in self._events if e.session == self._session and e.kind in kinds and e.result is not None]
        return [event for event in brought if event.observed or event.kind is EventKind.SUCCEEDED]

    def _labels_of(self, event: Event) -> Labels:
        found = {(one.label.name, one.label.compartment) for one in self._policy.labels if self._labels_it(one, event)}
        return frozenset(found if self._trusts(event, claimed=not event.observed) else {*found, UNTRUSTED})

    def _labels_it(self, one: LabelResults, event: Event) -> bool:
        """An error in a label's condition labels."""
        evaluator = Evaluator(event.arguments, event.facts, {}, event.result, self._policy.sets, self._policy.levels)
        tests = [test for test in (one.arguments, one.when) if test is not None]
        fits = fits_tool(one.tools, event.tool, event.server)
        return fits and all(evaluator.truth(test) is not False for test in tests)

    def _trusts(self, event: Event, *, claimed: bool) -> bool:
        return any(
            (one.claimed or not claimed) and fits_tool(one.tools, event.tool, event.server)
            for one in self._policy.trust
        )

    def _is_of(self, event: Event, source: Source) -> bool:
        if source.untrusted:
            return UNTRUSTED in self._labels_of(event)
        if source.label is not None:
            return has_label(self._labels_of(event), source.label, self._policy.levels)
        return fits_tool(source.tools, event.tool, event.server)


# --- parts ----------------------------------------------------------------------------------------------------------


def _owner(tracker: Tracker, facts: Facts, session: str) -> tuple[str | None, ...] | None:
    """Whose the tracker's events are; None where that part of the principal is not known."""
    match tracker.owner:
        case "session":
            return (session,)
        case "agent":
            return None if facts.agent is None else (facts.tenant, facts.agent)
        case "user":
            return None if facts.user is None else (facts.tenant, facts.user)
        case "tenant":
            return None if facts.tenant is None else (facts.tenant,)


def _typed(values: Keys) -> Keys | None:
    """Keys as JSON tells them apart (to Python, true is 1); None where one is no scalar."""
    kinds = [kind_of(value) for value in values]
    if any(kind is None or isinstance(value, list | dict) for kind, value in zip(kinds, values, strict=True)):
        return None
    return tuple(zip(kinds, values, strict=True))


def _inside(tracker: Tracker, at: int, now: int) -> bool:
    match tracker.window:
        case Sliding(duration):
            return now - at <= duration.seconds * _MICROSECONDS
        case Calendar(unit, zone):
            return clock(zone).period(unit, at) == clock(zone).period(unit, now)
    return True


def _latest(posts: Sequence[_Post]) -> HistoryFault | None:
    """Why the latest that is not sure is not; what is unsure for all keys comes first."""
    unsure = [post for post in posts if post.unsure is not None]
    for_all = [post for post in unsure if post.keys is None]
    return next((post.unsure for post in reversed(for_all or unsure)), None)


def _measured(measure: str, values: list[Any]) -> Tally:
    match measure:
        case "count":
            return len(values)
        case "max":
            return cast(Tally, max(values, default=0))
        case "distinct":
            return len(set(values))
    total: Tally = 0
    for value in values:
        total = add(total, value)
    return total


def _parts(event: Event) -> list[provenance.Part]:
    assert event.result is not None
    return list(provenance.parts(event.result.value))


def _stands(value: Any, event: Event) -> bool:
    return provenance.stands_in(value, _parts(event))
