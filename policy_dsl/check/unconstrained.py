"""Text that a grant leaves to the agent: what a writing tool may be told with nothing looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy_dsl.ast import Effect, Presence
from policy_dsl.catalogue import Tool
from policy_dsl.errors import quoted
from policy_dsl.findings import Finding
from policy_dsl.types import ListOf, Text, Type, Union

from .arguments import name_span
from .breadth import grants_everything
from .places import each_test, operands, place_of, reads
from .survey import Site, Survey, finding

READING_WORDS = frozenset(
    {"calculate", "check", "compare", "count", "describe", "fetch", "filter", "find", "get", "has", "is", "list"}
    | {"look", "lookup", "preview", "query", "read", "retrieve", "search", "show", "summarize", "view"}
)
"""First words of the names of tools that only read. The other tools of AgentDojo and tau-bench change something."""


def unconstrained_text(survey: Survey) -> Iterator[Finding]:
    for site in survey.read:
        signature = site.rule.signature
        writing = [tool for tool in site.tools if not only_reads(tool)]
        if site.rule.effect is not Effect.ALLOW or site.opens or signature is None or not writing:
            continue
        if grants_everything(site):
            continue
        tested = _tested(site)
        untested = [named for named in signature.arguments if named.name not in tested]
        for tool in writing:
            free = [named for named in untested if _is_free_text(tool, named.name)]
            if free:
                shown = ", ".join(quoted(named.name) for named in free)
                message = f"{shown} of {quoted(tool.name)} may be any text"
                yield finding(site.file, "unconstrained-text", name_span(free[0]), message, _HELP)
                break
        if signature.open:
            known = tested | {named.name for named in signature.arguments}
            opened = next((tool for tool in writing if _free(tool, known)), None)
            if opened is not None:
                shown = ", ".join(quoted(name) for name in _free(opened, known))
                yield finding(
                    site.file,
                    "unconstrained-text",
                    signature.span,
                    f"`...` lets {shown} of {quoted(opened.name)} be any text",
                    _HELP,
                )


_HELP = "test them (`in`, `matches`, `from user`, `length of`), or leave them if any text is harmless there"


def only_reads(tool: Tool) -> bool:
    """Whether the tool looks like one that changes nothing: by its name, or by MCP's hint where there is one.

    A guess that decides nothing: it only keeps warnings away from tools where any text is harmless.
    """
    if tool.read_only is not None:
        return tool.read_only
    words = _WORD.findall(tool.name)
    return bool(words) and words[0].lower() in READING_WORDS


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _tested(site: Site) -> set[str]:
    names = set()
    for tested in each_test(site.condition):
        if isinstance(tested.node, Presence):
            continue
        for operand in operands(tested.node):
            for value in reads(operand):
                place = place_of(value, tested.elements)
                if place and isinstance(place[0], str):
                    names.add(place[0])
    return names


def _free(tool: Tool, known: set[str]) -> list[str]:
    return [name for name in tool.parameters.members if name not in known and _is_free_text(tool, name)]


def _is_free_text(tool: Tool, name: str) -> bool:
    member = tool.parameters.members.get(name)
    return member is not None and _has_text(member.type)


def _has_text(declared: Type) -> bool:
    match declared:
        case Text():
            return True
        case ListOf(item):
            return _has_text(item)
        case Union(options):
            return any(_has_text(option) for option in options)
    return False
