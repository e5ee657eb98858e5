"""Words about the session that cannot do what they are for: events that never come, limits on nothing, sources that
nobody vouches for, labels that nothing looks at."""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl.ast import (
    Clearance,
    DerivedFrom,
    Effect,
    Event,
    EventKind,
    FromResults,
    LabelResults,
    Limit,
    Rewrite,
    SessionExceeds,
    SessionHas,
    TrustResults,
)
from policy_dsl.catalogue import Tool
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding

from .nodes import nodes
from .places import each_test
from .survey import GRANTS, Site, Survey, finding
from .unconstrained import only_reads

NEEDS_A_GRANT = (EventKind.RELEASED, EventKind.SUCCEEDED, EventKind.FAILED)
RESTRICTS = (Effect.FORBID, Effect.REQUIRE_APPROVAL)


def event_never(survey: Survey) -> Iterator[Finding]:
    """What was never released can neither succeed nor fail."""
    for placed, event in survey.every(Event):
        tools = survey.tools(event.tools)
        if event.kind in NEEDS_A_GRANT and tools and survey.granted.isdisjoint(tools):
            message = f"{quoted(tools[0].identity)} is never released: no rule grants it"
            help = "grant it, or wait for `requested`, which counts refused calls too"
            yield finding(placed.file, "event-never", event.tools[0].span, message, help)


def limit_without_grant(survey: Survey) -> Iterator[Finding]:
    """Limits, clearances and rewrites are for calls that a rule grants."""
    for kind, does in _FOR_GRANTED.items():
        for placed, statement in survey.every(kind):
            tools = survey.tools(statement.tools)
            if tools and survey.granted.isdisjoint(tools):
                message = f"nothing grants {quoted(tools[0].identity)}, so there is nothing to {does}"
                help = f"grant the tool, or remove the {kind.__name__.lower()}: it grants nothing"
                yield finding(placed.file, "limit-without-grant", statement.tools[0].span, message, help)


_FOR_GRANTED: dict[type[Limit | Clearance | Rewrite], str] = {Limit: "limit", Clearance: "clear", Rewrite: "rewrite"}


def untrusted_source(survey: Survey) -> Iterator[Finding]:
    """`from results of` in a grant: whoever writes that answer decides what is granted."""
    trusted = {tool for _, trust in survey.every(TrustResults) for tool in survey.tools(trust.tools)}
    for site in survey.read:
        for tested in each_test(site.condition) if site.rule.effect in GRANTS else ():
            if not isinstance(tested.node, FromResults) or not tested.positive:
                continue
            doubtful = [tool for tool in survey.tools(tested.node.tools) if tool not in trusted]
            if doubtful:
                name = quoted(doubtful[0].identity)
                message = f"nothing trusts what {name} answers, and here its answer decides what is granted"
                help = f"write `trust results of {doubtful[0].name}` if nobody else can write what it answers"
                yield finding(site.file, "untrusted-source", tested.node.span, message, help)


def uncleared_sink(survey: Survey) -> Iterator[Finding]:
    """Labels that nothing looks at before a tool writes."""
    if not survey.every(LabelResults):
        return
    watched = _watched(survey)
    told: set[Tool] = set()
    for site in survey.read:
        for tool in site.tools if site.rule.effect in GRANTS else ():
            if tool in told or tool in watched or only_reads(tool) or site.opens or _looks_at_labels(site):
                continue
            told.add(tool)
            message = f"results are labelled, and {quoted(tool.identity)} may be called with any label in the session"
            help = f"say what it may carry: `clearance of {tool.name} is {{ ... }}`, or `none`"
            yield finding(site.file, "uncleared-sink", site.rule.tools[0].span, message, help)


def _watched(survey: Survey) -> set[Tool]:
    """The tools that a clearance is on, or a rule that asks for the session's labels."""
    found = {tool for _, clearance in survey.every(Clearance) for tool in survey.tools(clearance.tools)}
    for site in survey.sites:
        if _looks_at_labels(site):
            found.update(site.tools)
    return found


def _looks_at_labels(site: Site) -> bool:
    return any(isinstance(node, SessionHas | SessionExceeds) for node in nodes((site.condition,)))


def _distrusted(survey: Survey) -> set[Tool]:
    """The tools that a rule watches for what is untrusted: no clearance does, as `untrusted` passes every one."""
    return {
        tool
        for site in survey.sites
        if any(isinstance(node, SessionHas) and node.label.name == "untrusted" for node in nodes((site.condition,)))
        for tool in site.tools
    }


def derived_grant(survey: Survey) -> Iterator[Finding]:
    """Whether a value was derived is guessed from its content: good enough to refuse by, never to grant by."""
    for site in survey.read:
        for tested in each_test(site.condition) if site.rule.effect in GRANTS else ():
            if isinstance(tested.node, DerivedFrom) and tested.positive:
                message = "`derived from` may only tighten, and this rule grants because of it"
                help = "`from results of` asks for the whole value; `not derived from` may stand in a grant"
                yield finding(site.file, "derived-grant", tested.node.span, message, help)


def derived_guard(survey: Survey) -> Iterator[Finding]:
    """A restriction that a paraphrase slips past, with nothing about the session's labels beside it."""
    watched, distrusted = _watched(survey), _distrusted(survey)
    for site in survey.sites:
        tests = [tested.node for tested in each_test(site.condition)]
        derived = next((node for node in tests if isinstance(node, DerivedFrom)), None)
        if derived is None or site.rule.effect not in RESTRICTS or not _is_all_derived(site):
            continue
        untrusted = derived.source == "untrusted"
        open_ones = [tool for tool in site.tools if tool not in (distrusted if untrusted else watched)]
        if open_ones:
            message = f"only likeness of content guards {quoted(open_ones[0].identity)}: a paraphrase passes"
            asked = f"add `require approval for {open_ones[0].name} when session has untrusted`"
            help = asked if untrusted else f"{asked}, or a `clearance`"
            yield finding(site.file, "derived-guard", derived.span, message, help)


def _is_all_derived(site: Site) -> bool:
    leaves = [tested.node for tested in each_test(site.condition) if not hasattr(tested.node, "body")]
    return all(isinstance(node, DerivedFrom) for node in leaves)
