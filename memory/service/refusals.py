"""Why memory refuses: stable codes, what each means, and the HTTP status that says it.

The first two codes of reports are raised by whoever resolves a decision's id (the server); they stand here so that all
codes stand in one place. A refusal writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

ReportCode = Literal[
    "unknown-decision", "expired-decision", "duplicate-report", "own-run", "no-right", "daily-quota", "bad-report"
]
ReviewCode = Literal[
    "unknown-abstraction",
    "stale-version",
    "not-reviewable",
    "not-narrower",
    "unknown-snapshot",
    "unknown-reporter",
    "unknown-report",
    "own-report",
]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means, in one lower-case line, and the HTTP status of an answer that carries it."""

    message: str
    status: int


REPORT_CODES: Final[dict[ReportCode, Meaning]] = {
    "unknown-decision": Meaning("there is no such decision", 404),
    "expired-decision": Meaning("what the decision was made in has been erased", 410),
    "duplicate-report": Meaning("this reporter has reported on the decision before, or used the key for another", 409),
    "own-run": Meaning("who acted cannot ask for more on its own account", 403),
    "no-right": Meaning("this reporter may not say that of this decision", 403),
    "daily-quota": Meaning("this reporter has made all its reports of the day", 429),
    "bad-report": Meaning("the report is not one that can be kept", 400),
}

REVIEW_CODES: Final[dict[ReviewCode, Meaning]] = {
    "unknown-abstraction": Meaning("there is no such abstraction", 404),
    "stale-version": Meaning("the abstraction has another version by now", 409),
    "not-reviewable": Meaning("a retired abstraction cannot be changed", 409),
    "not-narrower": Meaning("the new condition also holds where the old one does not", 400),
    "unknown-snapshot": Meaning("there is no such snapshot", 404),
    "unknown-reporter": Meaning("nothing was heard from this reporter", 404),
    "unknown-report": Meaning("no report of this reporter on this decision is held back", 404),
    "own-report": Meaning("nobody releases what they reported themselves", 403),
}


class Refused(Exception):
    """Something was asked of memory that it does not do. `detail` says what is wrong this time, if more is known."""

    def __init__(self, code: str, meaning: Meaning, detail: str = "") -> None:
        super().__init__(f"{meaning.message}: {detail}" if detail else meaning.message)
        self.code = code
        self.message = str(self)
        self.status = meaning.status


class ReportRefused(Refused):
    """A report was not taken."""

    code: ReportCode

    def __init__(self, code: ReportCode, detail: str = "") -> None:
        super().__init__(code, REPORT_CODES[code], detail)


class ReviewRefused(Refused):
    """An approval, rejection, edit, rollback or retraction was not made."""

    code: ReviewCode

    def __init__(self, code: ReviewCode, detail: str = "") -> None:
        super().__init__(code, REVIEW_CODES[code], detail)
