"""Whether a rule speaks about a call at all: its scope, its tools, its signature. True or false, never a Fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from ..ast import Hide, Json, NamedArgument, PolicySet, Rewrite, Rule, Scope, Signature, ToolPattern
from ..facts import Facts
from ..types import Anything, ListOf, Object, Type, Union


def fits(spoken: Rule | Rewrite | Hide, tool: str, server: str | None, facts: Facts) -> bool:
    """Whether its scope binds who acts, and one of its patterns is about the tool."""
    return binds(spoken.scope, facts) and fits_tool(spoken.tools, tool, server)


def hides(policy: PolicySet, tool: str, facts: Facts, server: str | None = None) -> bool:
    """Whether who acts must not see the tool in any list of tools."""
    return any(fits(hide, tool, server, facts) for hide in policy.hidden)


def accepts(rule: Rule, arguments: Mapping[str, Json], declared: Object | None) -> bool:
    """Whether the rule's signature, if it has one, accepts the arguments."""
    return rule.signature is None or _accepts(rule.signature, arguments, declared)


def binds(scope: Scope, facts: Facts) -> bool:
    return (
        (not scope.tenants or facts.tenant in scope.tenants)
        and (not scope.agents or facts.agent in scope.agents)
        and (not scope.users or facts.user in scope.users)
        and (not scope.roles or any(role in facts.roles for role in scope.roles))
        and (not scope.via or any(agent in facts.via for agent in scope.via))
    )


def fits_tool(tools: Iterable[object], tool: str, server: str | None) -> bool:
    return any(_fits(cast(ToolPattern, one), tool, server) for one in tools)


def _fits(written: ToolPattern, tool: str, server: str | None) -> bool:
    if written.server is not None and written.server != server:
        return False
    return _globs(written.tool, tool)


def _globs(glob: str, name: str) -> bool:
    """`*` is any run of characters but `/`: the places in `name` that each beginning of `glob` can reach."""
    reached = {0}
    for step in glob:
        if step == "*":
            for start in sorted(reached):
                end = start
                while end < len(name) and name[end] != "/" and end + 1 not in reached:
                    end += 1
                    reached.add(end)
        else:
            reached = {place + 1 for place in reached if name[place : place + 1] == step}
    return len(name) in reached


def _accepts(signature: Signature, arguments: Mapping[str, Json], declared: Object | None) -> bool:
    named = {one.name: one for one in signature.arguments}
    if not signature.open and any(name not in named for name in arguments):
        return False
    return all(_accepts_argument(one, arguments.get(one.name), declared) for one in named.values())


def _accepts_argument(named: NamedArgument, value: Json, declared: Object | None) -> bool:
    if value is None:
        return named.optional
    if named.members is not None:
        return _accepts_members(named.members, value)
    if declared is not None and named.name in declared.members and _is_closed(declared.members[named.name].type):
        return True
    return not _holds_object(value)


def _accepts_members(signature: Signature, value: Json) -> bool:
    """The same inside an object, and inside each object of a list; a scalar has no members to accept."""
    if isinstance(value, list):
        return all(_accepts_members(signature, item) for item in value)
    return not isinstance(value, dict) or _accepts(signature, value, None)


def _holds_object(value: Json) -> bool:
    if isinstance(value, list):
        return any(_holds_object(item) for item in value)
    return isinstance(value, dict)


def _is_closed(declared: Type) -> bool:
    match declared:
        case Anything():
            return False
        case ListOf(item):
            return _is_closed(item)
        case Object(members, closed):
            return closed and all(_is_closed(member.type) for member in members.values())
        case Union(options):
            return all(_is_closed(option) for option in options)
    return True
