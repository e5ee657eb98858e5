"""Rules that can never decide: something above them always decides first, or another rule says the same."""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl.ast import ALWAYS, Effect, IntentName, Scope, ToolPattern
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding

from .survey import Site, Survey, finding, glob_fits


def shadowed(survey: Survey) -> Iterator[Finding]:
    covers = [site for site in survey.sites if _is_unconditional(site)]
    said: dict[str, Site] = {}
    for site in survey.sites:
        if site.opens:  # it decides in its learnable's layer and signature, and `learnable-forbidden` speaks of that
            continue
        cover = next((cover for cover in covers if _decides_before(cover, site)), None)
        if cover is not None:
            where = "" if cover.file is site.file else f" of {quoted(cover.file.path)}"
            yield finding(
                site.file,
                "shadowed",
                site.rule.tools[0].span,
                f"this rule never decides: {cover.called}{where} always decides first",
                "remove one of the two, or give this one a higher `priority`"
                if cover.rule.effect is not Effect.FORBID or site.rule.priority < cover.rule.priority
                else "remove this rule, or write when the forbid is meant to hold",
            )
            continue
        twin = said.setdefault(_sentence(site), site)
        if twin is not site:
            where = "" if twin.file is site.file else f" of {quoted(twin.file.path)}"
            yield finding(
                site.file,
                "shadowed",
                site.rule.tools[0].span,
                f"{twin.called}{where} already says exactly this",
                "remove one of the two",
            )


def _is_unconditional(site: Site) -> bool:
    signature = site.rule.signature
    takes_all = signature is None or (signature.open and not signature.arguments)
    always = site.rule.validity == ALWAYS and not site.rule.shadow
    return (
        site.condition is None
        and takes_all
        and always
        and not site.opens
        and site.rule.effect is not Effect.REQUIRE_APPROVAL
    )


def _decides_before(cover: Site, site: Site) -> bool:
    """Whether no call reaches `site`: a level is decided by its forbids, then asks, then allows."""
    if cover is site or cover.layer != site.layer or not scope_covers(cover.scope, site.scope):
        return False
    if cover.rule.priority < site.rule.priority:
        return False
    if cover.rule.priority == site.rule.priority and (
        # Two forbids of one level say the same to the call, but each its own message to the model.
        cover.rule.effect is not Effect.FORBID or site.rule.effect is Effect.FORBID
    ):
        return False
    return bool(site.patterns) and all(
        any(pattern_covers(wide, narrow) for wide in cover.patterns) for narrow in site.patterns
    )


def pattern_covers(wide: ToolPattern, narrow: ToolPattern) -> bool:
    """A `*` in the narrow name is read as a letter that no tool has: it is covered only by a `*`, or by itself."""
    if wide.server is not None and (narrow.server is None or not glob_fits(wide.server, narrow.server)):
        return False
    return wide.tool == narrow.tool or glob_fits(wide.tool, narrow.tool)


def scope_covers(wide: Scope, narrow: Scope) -> bool:
    return all(
        not ours or (theirs and set(theirs) <= set(ours))
        for ours, theirs in (
            (wide.tenants, narrow.tenants),
            (wide.agents, narrow.agents),
            (wide.users, narrow.users),
            (wide.roles, narrow.roles),
            (wide.via, narrow.via),
        )
    )


def _sentence(site: Site) -> str:
    """What the rule says, without its name and message. Text, because `true` and 1 are equal as values of Python."""
    rule = site.rule
    parts = (
        rule.effect,
        site.patterns,
        [target for target in rule.tools if isinstance(target, IntentName)],
        rule.signature,
        rule.when,
        rule.unless,
        rule.priority,
        rule.terms,
        rule.validity,
        rule.ends_session,
        rule.shadow,
        rule.subject,
        site.scope,
        site.layer,
    )
    return "\n".join(map(repr, parts))
