"""A person's yes: what it makes of a Decision that asked for one, and of nothing else.

A yes is no grant. The call is decided anew when it is released, by the policy and the session of that moment, and only
where that comes to `ask` again does the approval count (XACML 3.0 section 7.18 calls what the enforcement point has to
see to an obligation; here it is one that a person discharges). A forbid stays one, whoever approved what before.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from .decision import Decision

APPROVED: Final = "approved"
"""The reason of a Decision that a person's approval turned into an allow."""


def approved(decision: Decision, approval_id: str) -> Decision:
    """The same Decision as an allow, because a person approved exactly this call (`apr-...`).

    Rule, errors, hashes, rewritten arguments and what memory said stay, so the Record still tells who asked. Raises
    ValueError for a Decision that is not an ask, and for an id that is none.
    """
    if decision.effect != "ask":
        raise ValueError(f"an approval turns an ask into an allow, not a decision with the effect `{decision.effect}`")
    if not approval_id.startswith("apr-"):
        raise ValueError("an approval is named by its id")
    return replace(decision, effect="allow", reason=APPROVED, message=None, terms=None)
