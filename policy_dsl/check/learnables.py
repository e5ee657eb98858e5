"""What memory may open: learnables that open nothing, and learned allows that stand in none.

Both findings about learnables are sound: whatever the other rules say, such a learnable changes no call's ceiling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from policy_dsl.ast import ALWAYS, Effect, IntentName
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding

from .shadows import pattern_covers, scope_covers
from .survey import Site, Survey, finding


def learned_outside(survey: Survey) -> Iterator[Finding]:
    """A retired rule is passed over: it never speaks again, whatever there is for it to stand in."""
    for site in survey.sites:
        learned = site.rule.learned
        if site.opens and not site.inside and learned is not None and learned.state != "retired":
            yield finding(
                site.file,
                "learned-outside",
                site.rule.tools[0].span,
                f"no learnable is about {quoted(site.patterns[0].tool)} here, so this rule grants nothing"
                if site.patterns
                else "no learnable is about this intent here, so this rule grants nothing",
                "write a `learnable` around it if memory may open such calls, or remove the rule",
            )


def learnable_granted(survey: Survey) -> Iterator[Finding]:
    for ceiling, allow in _first(survey, _grants_all):
        yield finding(
            ceiling.file,
            "learnable-granted",
            ceiling.rule.tools[0].span,
            f"memory has nothing to open here: {allow.called}{_where(ceiling, allow)} grants all of it",
            "remove one of the two: the learnable, or the allow if such calls have to be learned first",
        )


def learnable_forbidden(survey: Survey) -> Iterator[Finding]:
    for ceiling, forbid in _first(survey, _forbids_all):
        yield finding(
            ceiling.file,
            "learnable-forbidden",
            ceiling.rule.tools[0].span,
            f"memory can open nothing here: {forbid.called}{_where(ceiling, forbid)} forbids all of it",
            "remove the learnable, or write when the forbid is meant to hold",
        )


def _first(survey: Survey, meets: Callable[[Site, Site], bool]) -> Iterator[tuple[Site, Site]]:
    """Each learnable with the first rule without a condition that covers it and `meets` what is asked."""
    for ceiling in survey.ceilings:
        found = next((site for site in survey.sites if _covers(site, ceiling) and meets(site, ceiling)), None)
        if found is not None:
            yield ceiling, found


def _covers(site: Site, ceiling: Site) -> bool:
    """Whether the rule, without a condition, is of the layer, the parties and the tools of the learnable. A learnable
    has priority 0, so what stands below that is passed by what it opens."""
    return (
        site.condition is None
        and not site.rule.shadow
        and site.rule.learned is None
        and site.rule.validity == ALWAYS
        and site.rule.priority >= 0
        and site.layer == ceiling.layer
        and scope_covers(site.scope, ceiling.scope)
        and bool(ceiling.patterns)
        and not any(isinstance(target, IntentName) for target in ceiling.rule.tools)
        and all(any(pattern_covers(wide, narrow) for wide in site.patterns) for narrow in ceiling.patterns)
    )


def _grants_all(site: Site, ceiling: Site) -> bool:
    ours, theirs = site.rule.signature, ceiling.rule.signature
    if site.rule.effect is not Effect.ALLOW or ours is None:
        return False
    return ours == theirs or (ours.open and not ours.arguments)


def _forbids_all(site: Site, ceiling: Site) -> bool:
    return site.rule.effect is Effect.FORBID


def _where(ceiling: Site, site: Site) -> str:
    return "" if site.file is ceiling.file else f" of {quoted(site.file.path)}"
