"""Who may report what: an ordered table of reasons to refuse, read before anything is written.

A reporter's own daily quota, duplicates and retraction are decided in the database (store/intake.py), because only
there they are exact with several processes.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from typing import Final, get_args

from ..model import Label, Reported, ReporterKind
from .refusals import ReportCode

MOST_WORDS: Final = 2_000
"""Characters of `because`: a page. What is longer is not read by whoever reviews."""

MOST_NAME: Final = 200
"""Characters of an id or idempotency key: RFC 5321 bounds an address at 254, our own ids have 30."""

_LABELS: Final = frozenset(get_args(Label))
_KINDS: Final = frozenset(get_args(ReporterKind))

_UNSEEN: Final = {"Cc", "Cs", "Zl", "Zp"}
"""Control characters, lone surrogates, line and paragraph separators: what could forge a line of a log."""

_TURNING: Final = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of text and makes it read as something else (Boucher, Anderson: Trojan Source, 2021)."""


def is_plain(text: str) -> bool:
    """Whether a text can stand in a log line as it is."""
    return text.isprintable() or not any(unicodedata.category(c) in _UNSEEN or c in _TURNING for c in text)


def _bad_report(report: Reported) -> str | None:
    if report.label not in _LABELS:
        return "the label is neither `allow` nor `forbid`"
    if report.reporter.kind not in _KINDS:
        return "the kind of reporter is unknown"
    if len(report.because) > MOST_WORDS:
        return f"the reason has more than {MOST_WORDS} characters"
    if not is_plain(report.because):
        return "the reason holds control characters"
    return None


def _bad_name(report: Reported) -> str | None:
    observed, reporter = report.observed, report.reporter
    names = (observed.id, observed.tenant, reporter.id, reporter.tenant, reporter.unit, report.key)
    if max(map(len, names)) > MOST_NAME:
        return f"a name has more than {MOST_NAME} characters"
    if not (observed.id and observed.tenant and reporter.id):
        return "a name is empty"
    if not is_plain("".join((*names, observed.context.tool, observed.principal, reporter.principal))):
        return "a name holds control characters"
    return None


def _bad_decision(report: Reported) -> str | None:
    audited = report.observed.audited
    if audited is not None and not (math.isfinite(audited) and 0 < audited <= 1):
        return "the probability of its audit is none"
    return None


def _foreign(report: Reported) -> str | None:
    return "" if report.reporter.tenant != report.observed.tenant else None


def _not_drawn(report: Reported) -> str | None:
    """An auditor who chooses what to look at would bias the sample that gates rest on (memory.md 2.4)."""
    drawn = report.observed.audited is not None
    return "it was not drawn for audit" if report.reporter.kind == "audit" and not drawn else None


def _own_run(report: Reported) -> str | None:
    own = report.reporter.principal != "" and report.reporter.principal == report.observed.principal
    return "" if own and report.label == "allow" else None


REASONS: Final[tuple[tuple[ReportCode, Callable[[Reported], str | None]], ...]] = (
    ("bad-report", _bad_report),
    ("bad-report", _bad_name),
    ("bad-report", _bad_decision),
    ("unknown-decision", _foreign),
    ("no-right", _not_drawn),
    ("own-run", _own_run),
)
"""In order; the first that says something refuses. A foreign decision is unknown: whether it exists is not told."""


def reason_against(report: Reported) -> tuple[ReportCode, str] | None:
    """Code and detail of why the report is refused; None where nothing is against it."""
    for code, reason in REASONS:
        detail = reason(report)
        if detail is not None:
            return code, detail
    return None
