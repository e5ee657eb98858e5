"""A learned allow, written out inside each learnable that it fits: it grants where both hold, and nowhere else.

What the two have in common is taken name by name: tools where one pattern covers the other, parties that both name.
What cannot be told this way is left out, so that a doubt grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

from ..ast import EVERYONE, And, Condition, Or, Rule, Scope, ToolPattern

_KINDS = ("tenants", "agents", "users", "roles", "via")


def opened(id: str, learned: Rule, ceilings: Mapping[str, Rule]) -> Iterator[tuple[str, Rule]]:
    """The rules that a learned allow stands for, each under `<id>/<learnable's id>`; none where it fits no learnable.

    Signature, layer and validity are the learnable's; its condition and that of the learned rule must both hold.
    """
    for ceiling_id, ceiling in ceilings.items():
        tools = tuple(
            dict.fromkeys(
                both
                for one in learned.tools
                for other in ceiling.tools
                if (both := _in_both(cast(ToolPattern, one), cast(ToolPattern, other))) is not None
            )
        )
        scope = _for_both(learned.scope, ceiling.scope)
        if tools and scope is not None:
            yield (
                f"{id}/{ceiling_id}",
                replace(
                    learned,
                    tools=tools,
                    scope=scope,
                    signature=ceiling.signature,
                    when=_all(ceiling.when, learned.when),
                    unless=_any(ceiling.unless, learned.unless),
                    layer=ceiling.layer,
                ),
            )


def _in_both(one: ToolPattern, other: ToolPattern) -> ToolPattern | None:
    """The tools that both patterns fit, where one covers the other; standing at the learned rule's place."""
    if None not in (one.server, other.server) and one.server != other.server:
        return None
    tool = next((a.tool for a, b in ((one, other), (other, one)) if covers(b.tool, a.tool)), None)
    return None if tool is None else replace(one, server=one.server or other.server, tool=tool)


def covers(wide: str, narrow: str) -> bool:
    """Whether every name that `narrow` fits is one that `wide` fits. A `*` in `narrow` is read as a letter that no tool
    has, so it is covered only by a `*` (tests/policy_dsl/test_resolve_learned.py holds this to the names)."""
    reached = {0}
    for step in wide:
        if step == "*":
            for start in sorted(reached):
                end = start
                while end < len(narrow) and narrow[end] != "/" and end + 1 not in reached:
                    end += 1
                    reached.add(end)
        else:
            reached = {place + 1 for place in reached if narrow[place : place + 1] == step != "*"}
    return len(narrow) in reached


def _for_both(one: Scope, other: Scope) -> Scope | None:
    """For whom both speak; None where nobody can be meant by both."""
    if one.is_everyone and other.is_everyone:
        return EVERYONE
    named: dict[str, tuple[str, ...]] = {}
    for kind in _KINDS:
        ours, theirs = getattr(one, kind), getattr(other, kind)
        named[kind] = tuple(name for name in ours if name in theirs) if ours and theirs else ours or theirs
        if (ours or theirs) and not named[kind]:
            return None
    return Scope(**named, span=one.span)


def _all(one: Condition | None, other: Condition | None) -> Condition | None:
    return And((one, other), other.span) if one is not None and other is not None else one or other


def _any(one: Condition | None, other: Condition | None) -> Condition | None:
    return Or((one, other), other.span) if one is not None and other is not None else one or other
