"""Approvals: what a policy wants a person to see before it is released, from the ask to the one release.

Approval     one call that waits, or waited, for a person: bound to run, principal, call, policy and time (server/store)
digest       what binds it: SHA-256 over the canonical call as it was judged (binding.py)
Holding      what an ask came to: an approval that is pending now, or why nobody is asked (asking.py)
shown        what an approver sees: the gate's own rendering of the call, never text of the agent's as text (shown.py)
yes, use     a person's answer, and the one release (or `uses N`) that it is good for
sealed state an approval on its way through a client, encrypted and bound to its principal (sealing.py)
Bounds       how long each holds, and how much a principal may ask (bounds.py)

Flow: ask -> Approvals.held -> commit with the ask's Record and a row of the outbox -> webhook.py tells people -> one
answers over HTTP -> decide, a Record of its own -> the call comes again (by its agent, by `ready`, by a sealed state),
is decided anew -> granted -> guardrail.approved -> commit with `use`, which only one release survives -> released.

service.py brings it together; ports.py is what it needs of the store, where all SQL is (server/store/approvals.py).
"""

from __future__ import annotations

from ..store import AlreadyAnswered, AlreadyUsed, Approval, ApprovalChange
from .asking import BUDGET, DENIED, NEEDS_APPROVAL, TOO_LARGE, Holding
from .binding import as_judged, canonical, digest_of
from .bounds import Bounds
from .counting import counting
from .sealing import BadState, Opened, Seals
from .service import Approvals, Ready
from .shown import shown, visible, written
from .webhook import Address, Webhook, signature, split_address

__all__ = [
    "BUDGET",
    "DENIED",
    "NEEDS_APPROVAL",
    "TOO_LARGE",
    "Address",
    "AlreadyAnswered",
    "AlreadyUsed",
    "Approval",
    "ApprovalChange",
    "Approvals",
    "BadState",
    "Bounds",
    "Holding",
    "Opened",
    "Ready",
    "Seals",
    "Webhook",
    "as_judged",
    "canonical",
    "counting",
    "digest_of",
    "shown",
    "signature",
    "split_address",
    "visible",
    "written",
]
