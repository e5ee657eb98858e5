"""Patterns that are slow on long values, although linear in them."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from policy_dsl.ast import Matches, PolicyFile, RedactArgument, RedactResults, Span
from policy_dsl.findings import Finding

from .survey import Survey, finding

MAX_INSTRUCTIONS = 5_000
"""Of a compiled pattern. RE2 may fall back to instructions times bytes of the value: 5,000 take about 0.3 s for the
longest value a call may have."""


def costly_pattern(survey: Survey) -> Iterator[Finding]:
    for file, span, pattern in _patterns(survey):
        size = _size(pattern) if "{" in pattern else 0
        if size > MAX_INSTRUCTIONS:
            message = f"this pattern has {size:,} steps once its repetitions are written out"
            help = "repeat less, or say the length apart: `length of x <= 1000`"
            yield finding(file, "costly-pattern", span, message, help)


def _patterns(survey: Survey) -> Iterator[tuple[PolicyFile, Span, str]]:
    for placed, test in survey.every(Matches):
        yield placed.file, test.span, test.pattern
    for placed, change in survey.every(RedactArgument):
        yield placed.file, change.span, change.pattern
    for placed, redaction in survey.every(RedactResults):
        yield placed.file, redaction.span, redaction.pattern


def _size(pattern: str) -> int:
    try:
        return int(re2.compile(pattern).programsize)
    except re2.error:  # the parser has refused it already
        return 0
