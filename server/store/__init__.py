"""Where Records, keys and runs are kept: one SQLite file, or a PostgreSQL database that replicas share.

Store        the whole, for the server and the command line
Writer       the thread that makes Records durable, many at a time (writer.py)
incarnation  one opening of the database for writing, with a chain of its own
row          one place of the chain as it is stored
payload      what may be erased later: the redacted arguments and the salt of their digest
checkpoint   the chain's end, kept outside the database under a key (anchor.py)
key, run     who may call, and which calls belong together
Approval     a call that waits for a person; Asked, Answered and Used change it with the Records they belong to
PolicyVersion  a signed bundle that was published; an Activation puts it in force (versions.py), the Shelf has all
PinRow       what of an MCP server's tool was accepted; the PinShelf has all, and changes them (pins.py)
Seen         a Decision as memory is told of it, from its Record and payload (seen.py)

Flow: Record -> commit -> queue -> writer: one transaction, one sync for all that wait -> commit returns -> release.
Files: writer.py is the thread; hearing.py tells what other replicas changed; port.py is what a database must do:
database.py, ledger.py and schema.py are SQLite, postgres/ is PostgreSQL; approvals.py, audit.py, keys.py, pins.py,
runs.py, seen.py and state.py read and change by short connections, on both; redaction.py and payload.py decide what of
the arguments is kept; errors.py draws the errors.
"""

from __future__ import annotations

from . import anchor
from .addresses import located
from .anchor import AnchorKey, Checkpoint
from .approvals import Answered, Approval, ApprovalChange, ApprovalState, Asked, Used
from .errors import (
    AlreadyAnswered,
    AlreadyUsed,
    AnchorError,
    PolicyMoved,
    SchemaError,
    Stale,
    StoreClosed,
    StoreError,
    StoreLocked,
    StoreUnavailable,
    Unrecordable,
)
from .keys import KeyInfo
from .outbox import Announcement
from .payload import Sealed, sealed
from .pins import PinRow, PinShelf
from .redaction import without_secrets
from .runs import Run
from .seen import Seen
from .shelf import Shelf
from .store import Store
from .versions import Activated, Activation, Countersigned, PolicyChange, PolicyVersion, Published

__all__ = [
    "Activated",
    "Activation",
    "AlreadyAnswered",
    "AlreadyUsed",
    "AnchorError",
    "AnchorKey",
    "Announcement",
    "Answered",
    "Approval",
    "ApprovalChange",
    "ApprovalState",
    "Asked",
    "Checkpoint",
    "Countersigned",
    "KeyInfo",
    "PinRow",
    "PinShelf",
    "PolicyChange",
    "PolicyMoved",
    "PolicyVersion",
    "Published",
    "Run",
    "SchemaError",
    "Sealed",
    "Seen",
    "Shelf",
    "Stale",
    "Store",
    "StoreClosed",
    "StoreError",
    "StoreLocked",
    "StoreUnavailable",
    "Unrecordable",
    "Used",
    "anchor",
    "located",
    "sealed",
    "without_secrets",
]
