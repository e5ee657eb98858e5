"""What a rule may ask about besides the arguments: who acts, what the user said, what happened before, what time it is.

`Facts` is the narrow view of a Session and a Principal that the language needs, so that this floor knows neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

HistoryFault = Literal["claimed", "forgotten", "missing", "wrong-type"]
"""Why a session has no answer. `claimed`: the only evidence is what a client claims; `forgotten`: a bound on what is
remembered was reached; `missing`: the counter's owner is not known; `wrong-type`: a key is no scalar."""


class History(Protocol):
    """What a session remembers, as the two engines ask it. Answers never raise; state/ keeps it incrementally."""

    @property
    def labels(self) -> frozenset[tuple[str, str | None]]:
        """Every label, with its compartment, that a result of this session carried; `("untrusted", None)` is one."""
        ...

    def seen(self, tracker: int, keys: tuple[Any, ...], now: int) -> bool | HistoryFault:
        """Whether the events of a PolicySet's tracker (its place) have happened, for these values of its keys."""
        ...

    def tally(self, tracker: int, keys: tuple[Any, ...], now: int) -> int | Decimal | HistoryFault:
        """Where a counter stands at `now` (microseconds since 1970 UTC), before the call being decided."""
        ...

    def in_results(self, value: Any, source: int) -> bool | HistoryFault:
        """Whether the whole value stands in an answer of the tools of the PolicySet's `sources[source]`."""
        ...

    def derived(self, value: Any, source: int) -> bool | HistoryFault:
        """Whether the value stands in such an answer, or a whole value of such an answer stands in it."""
        ...


class Nothing:
    """The history of a session in which nothing has happened."""

    labels: Final[frozenset[tuple[str, str | None]]] = frozenset()

    def seen(self, tracker: int, keys: tuple[Any, ...], now: int) -> bool | HistoryFault:
        return False

    def tally(self, tracker: int, keys: tuple[Any, ...], now: int) -> int | Decimal | HistoryFault:
        return 0

    def in_results(self, value: Any, source: int) -> bool | HistoryFault:
        return False

    def derived(self, value: Any, source: int) -> bool | HistoryFault:
        return False


NOTHING: Final = Nothing()


@dataclass(slots=True, eq=False)
class Facts:
    """`tenant`, `agent`, `user` are None and `roles` empty where nothing is known: then only unscoped rules bind.

    `key` is an interned text that is equal exactly when tenant, agent, user, roles and via are equal (Program caches
    bound rules by it). `user_words` holds the user's own words so far, newest last; empty where nobody trustworthy
    spoke for the user. `via` is the chain of agents that delegated, outermost first. `now` is microseconds since 1970
    UTC, 0 where no clock is known. Not frozen, because a Session moves `now` on before each decision: one call, one
    moment; and because a State is told the `claims` of who acts, which are no part of `key`. Nothing else changes.
    """

    tenant: str | None = None
    agent: str | None = None
    user: str | None = None
    roles: frozenset[str] = frozenset()
    key: str = ""
    user_words: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    now: int = 0
    history: History = NOTHING


NOBODY = Facts()
