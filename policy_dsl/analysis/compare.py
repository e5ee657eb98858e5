"""`compare`: two policies, tool by tool, in both directions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from ..ast import Effect, PolicySet, Rule
from ..compile import compile_policy, fits
from .answers import NOTHING_MORE, Comparison, Direction, Shown, SolverMissing, ToolComparison

if TYPE_CHECKING:
    from .demands import Level, Stand
    from .ground import Ground
    from .names import ToolClass
    from .parties import Meeting

_ONE_AT_A_TIME: Final = Lock()
"""z3's Python binding shares one context between threads."""


def compare(old: PolicySet, new: PolicySet) -> Comparison:
    """What NEW grants beyond OLD and what it no longer grants.

    Each decision is compared by itself: for every call, every principal and every state that a session can be in, the
    same for both. Where either has learnables, what memory may open at most is compared the same way, as a second
    answer. Raises SolverMissing where z3 is not installed.
    """
    try:
        from . import solver  # noqa: F401  # says whether z3 is there
    except ImportError as error:
        raise SolverMissing("proofs need z3: install `leastward[analysis]`") from error
    with _ONE_AT_A_TIME:
        found = _Comparing(old, new).comparison()
        if not (_opens(old) or _opens(new)):
            return found
        highest = _Comparing(_at_ceiling(old), _at_ceiling(new)).comparison()
        return replace(found, ceilings=tuple(tool for tool in highest.tools if _may_learn(tool, old, new)))


def _at_ceiling(policy: PolicySet) -> PolicySet:
    """The policy as if everything that memory may open were open."""
    rules = {
        id: replace(rule, subject=None) if rule.subject == "judge, learnable" else rule
        for id, rule in policy.rules.items()
    }
    return replace(policy, rules={**rules, **policy.learnable}, learnable={})


def _opens(policy: PolicySet) -> list[Rule]:
    """What memory may open: learnables, and grants inside which it may overturn the judge."""
    return [*policy.learnable.values(), *(one for one in policy.rules.values() if one.subject == "judge, learnable")]


def _may_learn(of: ToolComparison, *policies: PolicySet) -> bool:
    return any(fits(rule.tools, of.server, of.tool) for policy in policies for rule in _opens(policy))


class _Comparing:
    def __init__(self, old: PolicySet, new: PolicySet) -> None:
        from .parties import meet
        from .replay import Engine

        self.meeting: Meeting = meet(old, new)
        engines = []
        for party in (self.meeting.old, self.meeting.new):
            policy = party.policy
            trackers = {tracker.id: place for place, tracker in enumerate(self.meeting.trackers)}
            sources = {repr(source): place for place, source in enumerate(self.meeting.sources)}
            numbers = (
                tuple(trackers[one.id] for one in policy.trackers),
                tuple(sources[repr(one)] for one in policy.sources),
            )
            engines.append(Engine(policy, compile_policy(policy), numbers))
        self.old, self.new = engines

    def comparison(self) -> Comparison:
        from .names import tool_classes

        old, new = self.old.policy, self.new.policy
        classes, complete = tool_classes(old, new)
        beside = list(_beside(old, new))
        if not complete:
            beside.append("tools that nothing names: the patterns are too many to tell their names apart")
        return Comparison(tuple(self._tools(classes)), tuple(beside))

    def _tools(self, classes: list[ToolClass]) -> Iterator[ToolComparison]:
        from .demands import stand

        told: set[str] = set()
        for one in classes:
            stands = [stand(party, one.server, one.tool) for party in (self.meeting.old, self.meeting.new)]
            alike = repr((one.tool, [_fingerprint(each) for each in stands]))
            if alike in told:
                continue
            told.add(alike)
            old, new = stands
            grounds: dict[tuple[str | None, bool], Ground] = {}
            yield ToolComparison(
                one.server,
                one.tool,
                one.named,
                widening=self._beyond(one, new, old, grounds, swapped=False),
                narrowing=self._beyond(one, old, new, grounds, swapped=True),
            )

    def _beyond(
        self,
        of: ToolClass,
        ours: Stand,
        theirs: Stand,
        grounds: dict[tuple[str | None, bool], Ground],
        *,
        swapped: bool,
    ) -> Direction:
        from .search import Question

        if _fingerprint(ours) == _fingerprint(theirs) and not self.meeting.apart:
            return NOTHING_MORE
        engines = (self.old, self.new) if swapped else (self.new, self.old)

        def shown(level: Level) -> Shown:
            return Question(self.meeting, of, ours, theirs, engines, level, swapped, grounds).answer()

        rules = [*_rules(ours), *_rules(theirs)]
        allowed = shown("allow")
        example = allowed.counterexample
        one_level = not any(map(_asks, rules))
        settled = one_level or (example is not None and "forbid" in (example.old.effect, example.new.effect))
        granted = allowed if settled else shown("grant")
        if not any(rule.subject for rule in rules):
            return Direction(allowed, granted)
        if allowed.answer == "proved":
            allowed = shown("allow unjudged")
        if granted.answer == "proved":
            granted = allowed if one_level else shown("grant unjudged")
        return Direction(allowed, granted)


def _rules(stand: Stand) -> Iterator[Rule]:
    for layer in stand.layers:
        for entry in {*layer.grants, *layer.blockers}:
            yield entry.rule


def _asks(rule: Rule) -> bool:
    return rule.effect in (Effect.ASK, Effect.REQUIRE_APPROVAL)


def _fingerprint(stand: Stand) -> str:
    """Equal for two stands that decide every call alike, whatever their rules are called."""
    layers = []
    for layer in stand.layers:
        entries = {*layer.grants, *layer.blockers}
        layers.append(
            (
                sorted((one.rule.effect, one.rule.priority, one.rule.subject or "", one.key) for one in entries),
                layer.closed,
            )
        )
    return repr((layers, stand.tool_digest, stand.known))


def _beside(old: PolicySet, new: PolicySet) -> Iterator[str]:
    """Changes that widen, or may, and that no single decision shows."""
    if any(one not in new.redactions for one in old.redactions):
        yield "results are redacted less"
    if repr(sorted(old.rewrites.items())) != repr(sorted(new.rewrites.items())):
        yield "arguments are rewritten differently"
    if _reach(old) and _reach(new) - _reach(old):
        yield "an approval reaches further, or otherwise"
    if _ending(old) - _ending(new):
        yield "a refusal that ended the session no longer does"


def _reach(policy: PolicySet) -> set[str]:
    """For how long and how many calls the approvals of each rule hold, and who gives them."""
    asking = [rule.terms for rule in policy.rules.values() if _asks(rule)]
    return {repr((terms.valid, terms.uses, sorted(terms.by))) for terms in asking}


def _ending(policy: PolicySet) -> set[str]:
    """The rules whose refusal ends the session, by what they say."""
    return {repr((rule.tools, rule.when, rule.unless)) for rule in policy.rules.values() if rule.ends_session}
