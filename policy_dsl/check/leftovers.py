"""What was right once: rules still in shadow, rules whose time is over, tools hidden and granted at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from policy_dsl.ast import Hide
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding

from .survey import GRANTS, Survey, finding, word_span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def shadow_left(survey: Survey) -> Iterator[Finding]:
    """A shadow rule is watched for a while and then made a rule or removed."""
    for placed in survey.statements:
        statement = placed.statement
        if getattr(statement, "shadow", False):
            span = word_span(placed.file, statement.span, "shadow")
            message = "this rule is in shadow: it is recorded and decides nothing"
            help = "take the word `shadow` away when the Records are as you want them, or remove the rule"
            yield finding(placed.file, "shadow-left", span, message, help)


def expired(survey: Survey) -> Iterator[Finding]:
    for site in survey.read:
        end = site.rule.validity.end
        if end is not None and survey.now is not None and survey.now >= _moment(end):
            span = word_span(site.file, site.rule.span, end)
            message = f"this rule is none since {quoted(end)}"
            yield finding(site.file, "expired", span, message, "remove the rule, or give it a later end")


def _moment(written: str) -> int:
    """Microseconds since 1970 UTC of a time that a policy writes."""
    return (datetime.fromisoformat(written) - _EPOCH) // timedelta(microseconds=1)


def hidden_grant(survey: Survey) -> Iterator[Finding]:
    """Hiding forbids nothing, and a model that does not see a tool it may call does worse at its task."""
    for placed, hide in survey.every(Hide):
        for written in hide.tools:
            granted = [
                tool
                for tool in survey.tools((written,))
                if any(
                    tool in site.tools
                    and site.rule.effect in GRANTS
                    and not site.rule.shadow
                    and not site.opens
                    and (placed.scope.is_everyone or placed.scope == site.scope)
                    for site in survey.sites
                )
            ]
            if granted:
                message = f"{quoted(granted[0].identity)} is granted, and hidden from those who may call it"
                help = "hide only what nothing grants; to refuse calls write a `forbid`"
                yield finding(placed.file, "hidden-grant", written.span, message, help)
