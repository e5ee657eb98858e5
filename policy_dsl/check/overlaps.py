"""Rules that meet: a grant that a forbid always beats, a forbid that a grant above it beats, rewrites of one place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from policy_dsl.ast import ALWAYS, And, Change, Condition, Effect, Not, Rewrite, Scope
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding

from .contradictions import contradict
from .places import show
from .shadows import pattern_covers, scope_covers
from .survey import GRANTS, Placed, Site, Survey, finding


def never_grants(survey: Survey) -> Iterator[Finding]:
    """A grant whose every call a forbid holds for: each test of the forbid is one of the grant's own."""
    forbids = [
        (site, _conjuncts(site)) for site in survey.sites if site.rule.effect is Effect.FORBID and site.condition
    ]
    for site in survey.sites:
        if site.rule.effect not in GRANTS or site.rule.shadow or site.opens or site.condition is None:
            continue
        ours = _conjuncts(site)
        for forbid, theirs in forbids:
            if theirs <= ours and _stands_above(forbid, site):
                message = f"this rule never grants: {forbid.called} forbids every call that it matches"
                help = "take the tests they share out of one of the two, or give this rule a higher `priority`"
                yield finding(site.file, "never-grants", site.rule.tools[0].span, message, help)
                break


def _conjuncts(site: Site) -> frozenset[str]:
    """As text, because `true` and 1 are equal as values of Python."""
    return frozenset(_spelled(site.condition)) if site.condition is not None else frozenset()


def _spelled(condition: Condition) -> Iterator[str]:
    if isinstance(condition, And):
        for item in condition.items:
            yield from _spelled(item)
    else:
        yield repr(condition)


def _stands_above(forbid: Site, site: Site) -> bool:
    return (
        not forbid.rule.shadow
        and forbid.rule.validity == ALWAYS
        and forbid.layer == site.layer
        and forbid.rule.priority >= site.rule.priority
        and scope_covers(forbid.scope, site.scope)
        and bool(site.patterns)
        and all(any(pattern_covers(wide, narrow) for wide in forbid.patterns) for narrow in site.patterns)
    )


def overlap(survey: Survey) -> Iterator[Finding]:
    """A forbid that calls get past because a grant of higher priority matches them too.

    Only of a forbid with a condition: one without is what the grant above it is written to be an exception to. Layers
    decide apart, so a priority in one says nothing about the rules of another.
    """
    grants = [site for site in survey.sites if site.rule.effect in GRANTS and not (site.rule.shadow or site.opens)]
    for site in survey.sites:
        if site.rule.effect is not Effect.FORBID or site.rule.shadow or site.condition is None:
            continue
        for grant in grants:
            # Where the grant takes every call, the forbid is dead: `shadowed` says so.
            if grant.condition is None or grant.rule.priority <= site.rule.priority or not _share(grant, site):
                continue
            if not contradict([grant.condition, site.condition], survey):
                message = f"a call that {grant.called} matches too gets past this rule: its priority is higher"
                help = "give this rule at least that priority, or exclude its calls from the other with `unless`"
                yield finding(site.file, "overlap", site.rule.tools[0].span, message, help)
                break


def _share(one: Site, other: Site) -> bool:
    """Whether some call of some principal can meet both."""
    return (
        one.layer == other.layer
        and _scopes_meet(one.scope, other.scope)
        and (
            not set(one.tools).isdisjoint(other.tools)
            or any(pattern_covers(a, b) or pattern_covers(b, a) for a in one.patterns for b in other.patterns)
        )
    )


def _scopes_meet(one: Scope, other: Scope) -> bool:
    """A principal has one tenant, one agent and one user, and any number of roles."""
    single = ((one.tenants, other.tenants), (one.agents, other.agents), (one.users, other.users))
    return all(not ours or not theirs or set(ours) & set(theirs) for ours, theirs in single)


def rewrite_overlap(survey: Survey) -> Iterator[Finding]:
    """Two rewrites of one place: where both match and disagree, the call is forbidden."""
    read = [(placed, rewrite, frozenset(survey.tools(rewrite.tools))) for placed, rewrite in survey.every(Rewrite)]
    for (first, one, ours), (second, other, theirs) in combinations(read, 2):
        if ours.isdisjoint(theirs) or one.shadow or other.shadow or not _scopes_meet(first.scope, second.scope):
            continue
        clash = next((b for a in one.changes for b in other.changes if _clash(a, b)), None)
        if clash is not None and not contradict([*_when(one, survey), *_when(other, survey)], survey):
            yield _told(first, one, second, clash)


def _told(first: Placed, one: Rewrite, second: Placed, change: Change) -> Finding:
    where = "" if first.file is second.file else f" of {quoted(first.file.path)}"
    called = f"`{one.name}`" if one.name else f"the rewrite in line {one.span.line}"
    message = f"{called}{where} writes {quoted(show(change.path))} too: a call that both match is forbidden"
    help = "let one of them do both, or keep their conditions apart"
    return finding(second.file, "rewrite-overlap", change.span, message, help)


def _clash(one: Change, other: Change) -> bool:
    length = min(len(one.path), len(other.path))
    if one.path[:length] != other.path[:length]:
        return False
    return repr(one) != repr(other)


def _when(rewrite: Rewrite, survey: Survey) -> list[Condition]:
    parts = [] if rewrite.when is None else [survey.expanded(rewrite.when)]
    return parts if rewrite.unless is None else [*parts, Not(survey.expanded(rewrite.unless))]
