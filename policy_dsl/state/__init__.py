"""What a session remembers: facts.History, kept up event by event, so that a decision never looks back.

- StatePlan  what one policy wants remembered, compiled; all sessions under that policy share it (plan)
- State      what one session remembers; events go in, the two engines ask it (state)
- Shared     the ledgers of agents, users and tenants, which outlive a session (shared)
- Ledger     what one tracker keeps for one owner, by the values of its keys: windows, resets, doubts (ledger)
- Cell       the count, sum, maximum, variety or last moment for one value of the keys (cells)
- Previous   whether the latest event of a kind was one that counts (previous)
- Calls      released calls that wait for their answers (calls)
- Answers    the answers of tools, indexed by their words; a Kind says what a source asks of one (answers)
- remainders what is left of the limits of a policy (limits)
- Occurrence an event of a tool; what it changes (feeding)
- Delta      one change of a State; a Journal holds those not written down yet (journal, kept)

Flow: an event of a tool -> the Moves of its kind and tool (plan) -> for each tracker the feed that takes it, its keys
and its value -> Delta -> Ledger -> Cell. An answer of a tool -> labels and a Kind -> Answers.

What is not sure is never guessed. An event in doubt (its condition, a key or its value is an error; or a client only
claims it) stands beside the sure ones and makes the answers that it could change faults:

- `wrong-type`  a feed's condition, key or value was an error, or a key of the question is no scalar
- `claimed`     the evidence that a call succeeded or failed is a client's claim, whichever of the two it claims
- `forgotten`   a bound was reached, or a policy came that asks for what happened before it
- `missing`     the owner, or the time that a window needs, is not known

An event that both resets a tracker and feeds it does so in this order. A tracker with several feeds counts an event
once. Memory is bounded everywhere; the bounds are constants beside what they bound: ENTRIES_KEPT, VALUES_KEPT and
REPEATS_KEPT (cells), KEYS_KEPT (ledger), LEDGERS_KEPT (shared), CALLS_KEPT (calls), TOOLS_SEEN (state),
ARGUMENTS_KEPT (kept), CHARACTERS_KEPT, KINDS_KEPT and PLACES_KEPT (answers), DELTAS_KEPT (journal), TOOLS_KEPT (plan).
"""

from __future__ import annotations

from .answers import CHARACTERS_KEPT, Kind
from .calls import CALLS_KEPT
from .cells import ENTRIES_KEPT, VALUES_KEPT
from .journal import Delta, Journal
from .journal import read as read_deltas
from .journal import write as write_deltas
from .kept import StateError
from .ledger import KEYS_KEPT
from .limits import remainders
from .plan import NOTHING_WANTED, UNTRUSTED, StatePlan
from .shared import Ledgers, Shared
from .state import State

__all__ = [
    "CALLS_KEPT",
    "CHARACTERS_KEPT",
    "ENTRIES_KEPT",
    "KEYS_KEPT",
    "NOTHING_WANTED",
    "UNTRUSTED",
    "VALUES_KEPT",
    "Delta",
    "Journal",
    "Kind",
    "Ledgers",
    "Shared",
    "State",
    "StateError",
    "StatePlan",
    "read_deltas",
    "remainders",
    "write_deltas",
]
