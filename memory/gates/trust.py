"""What a reporter's word weighs: how often auditors, and only auditors, agreed with it.

Agreement among users is not asked, so that colluding identities cannot raise each other. The prior is worth four
audited reports: enough that the first agreement does not make an identity trusted, few enough that a handful of
contradictions takes a trusted one's weight.
"""

from __future__ import annotations

from ..model import Terms

PRIOR_REPORTS = 4.0


def trust(agreed: float, disagreed: float, terms: Terms) -> float:
    """The mean of Beta(prior + counts): `terms.new_reporter_weight` for a new identity, towards 1 with agreement.

    A self-selected report weighs the lesser of this and `terms.report_weight`; an auditor's weighs 1.
    """
    return (PRIOR_REPORTS * terms.new_reporter_weight + agreed) / (PRIOR_REPORTS + agreed + disagreed)
