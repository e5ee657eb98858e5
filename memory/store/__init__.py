"""Where memory is kept: SQLite or PostgreSQL by URL.

Store     the whole: one tenant's log, State and snapshots (store.py)
log       the tenant's events, append-only and hash-chained (events.py); all the rest can be made from it again
control   an event that changes what is published: every event but a report
Held      a State as it was loaded, with the reports that it has not folded yet
Image     what stands in the tables, so that only what differs is written (states.py)
Receipt   what came of one report (intake.py)

Flow: Reported -> intake -> log; load -> Held -> (learning folds) -> save: the control event, what differs, and the new
snapshot in one transaction. A crash at any point leaves the old State and the old snapshot in force.
Files: tables.py and migrations/ are the schema; database.py knows SQLite and PostgreSQL; rows.py, abstractions.py and
snapshots.py turn values into rows and back; errors.py draws the errors.
"""

from __future__ import annotations

from .abstractions import Read, Version
from .errors import Overtaken, SchemaError, StoreError, StoreUnavailable
from .events import Control, Logged, Problem
from .intake import Receipt
from .schema import upgrade
from .store import Held, Store

__all__ = [
    "Control",
    "Held",
    "Logged",
    "Overtaken",
    "Problem",
    "Read",
    "Receipt",
    "SchemaError",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "Version",
    "upgrade",
]
