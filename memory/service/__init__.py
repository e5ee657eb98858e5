"""Memory as one object: who may say what, what is kept, when it is folded, and what is in force.

Memory        the whole, for the gate, the command line and the evaluation (memory.py)
Refused       a stable code, a message and an HTTP status (refusals.py): ReportRefused, ReviewRefused
Shown, Explained   what there is to say of one abstraction, of one decision (asking.py)
group commit  concurrent reports share one sync of the disk (together.py)

Flow: report -> rights (rights.py) -> group commit -> the log of the store; refresh, a review or a retraction -> load,
fold, save and publish in one transaction -> snapshot, which voices are made of.
"""

from __future__ import annotations

from .asking import Explained, Shown
from .memory import Memory
from .refusals import REPORT_CODES, REVIEW_CODES, Meaning, Refused, ReportCode, ReportRefused, ReviewCode, ReviewRefused

__all__ = [
    "REPORT_CODES",
    "REVIEW_CODES",
    "Explained",
    "Meaning",
    "Memory",
    "Refused",
    "ReportCode",
    "ReportRefused",
    "ReviewCode",
    "ReviewRefused",
    "Shown",
]
